package collect

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"

	"muster/inventory"
)

// readNetwork asks the system for its interfaces, and on Linux reads the rest
// from /sys and /proc.
func readNetwork(h *host, r *Report) error {
	if !h.live {
		return nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	n := &inventory.Network{Gateways: gateways(h.files)}
	n.DNS, n.Search = resolvers(h.files)
	temporary := temporaryAddresses(h.files)
	for _, i := range all {
		addresses, volatile := addresses(&i, temporary)
		if i.Flags&net.FlagLoopback != 0 || passing(h.files, i.Name, addresses) {
			continue
		}
		n.Interfaces = append(n.Interfaces, inventory.Interface{
			Addresses: addresses, MAC: i.HardwareAddr.String(), MTU: int(positive(int64(i.MTU))), Name: inventory.Text(i.Name),
			Driver: inventory.Text(link(h.files, netClass+i.Name+"/device/driver")),
			Speed:  int(positive(number(h.files, netClass+i.Name+"/speed"))),
		})
		r.Volatile.Temporary = append(r.Volatile.Temporary, volatile...)
	}
	slices.SortFunc(n.Interfaces, func(a, b inventory.Interface) int { return strings.Compare(a.Name, b.Name) })
	r.Document.Network = n
	return nil
}

const netClass = "sys/class/net/"

// passing reports interfaces that come and go: virtual ones without an address,
// and those of containers and virtual machines by the names that their
// managers give.
func passing(fsys fs.FS, name string, addresses []string) bool {
	if !isDir(fsys, "sys/devices/virtual/net/"+name) {
		return false
	}
	for _, prefix := range []string{"veth", "cali", "flannel", "cni", "vnet", "tap", "br-", "lxc", "fwbr", "fwpr", "fwln", "docker", "virbr"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return len(addresses) == 0
}

// addresses lists the addresses of an interface, those of the link left out:
// they follow from the MAC, or change by themselves.
func addresses(i *net.Interface, temporary map[netip.Addr]bool) (stable, volatile []string) {
	all, err := i.Addrs()
	if err != nil {
		return nil, nil // gone meanwhile
	}
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		switch {
		case err != nil || p.Addr().IsLinkLocalUnicast():
		case temporary[p.Addr()]:
			volatile = append(volatile, p.String())
		default:
			stable = append(stable, p.String())
		}
	}
	slices.Sort(stable)
	return stable, volatile
}

// temporaryAddresses reads /proc/net/if_inet6: address, index, prefix length,
// scope, flags, name. The flag 01 is IFA_F_TEMPORARY (RFC 8981).
func temporaryAddresses(fsys fs.FS) map[netip.Addr]bool {
	found := map[netip.Addr]bool{}
	data, err := read(fsys, "proc/net/if_inet6", maxSmall)
	if err != nil {
		return found
	}
	for l := range strings.Lines(string(data)) {
		f := strings.Fields(l)
		if len(f) < 6 {
			continue
		}
		raw, err := hex.DecodeString(f[0])
		flags, err2 := hex.DecodeString(f[4])
		a, ok := netip.AddrFromSlice(raw)
		if err == nil && err2 == nil && ok && len(flags) == 1 && flags[0]&1 != 0 {
			found[a] = true
		}
	}
	return found
}

// gateways reads the default routes of /proc/net/route (addresses in the byte
// order of the machine, little-endian on all but s390x) and ipv6_route.
func gateways(fsys fs.FS) (all []string) {
	data, _ := read(fsys, "proc/net/route", maxSmall)
	for l := range strings.Lines(string(data)) {
		f := strings.Fields(l)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || f[2] == "00000000" {
			continue
		}
		if raw, err := hex.DecodeString(f[2]); err == nil && len(raw) == 4 {
			var b [4]byte
			binary.NativeEndian.PutUint32(b[:], binary.BigEndian.Uint32(raw))
			all = append(all, netip.AddrFrom4(b).String())
		}
	}
	zero := strings.Repeat("0", 32)
	data, _ = read(fsys, "proc/net/ipv6_route", 16*maxSmall)
	for l := range strings.Lines(string(data)) {
		f := strings.Fields(l)
		if len(f) < 10 || f[0] != zero || f[1] != "00" || f[4] == zero {
			continue
		}
		raw, err := hex.DecodeString(f[4])
		if a, ok := netip.AddrFromSlice(raw); err == nil && ok {
			all = append(all, a.String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// resolvers reads resolv.conf(5).
func resolvers(fsys fs.FS) (servers, search []string) {
	data, err := read(fsys, "etc/resolv.conf", maxSmall)
	if err != nil {
		return nil, nil
	}
	for l := range strings.Lines(string(data)) {
		f := strings.Fields(l)
		switch {
		case len(f) < 2:
		case f[0] == "nameserver":
			servers = append(servers, inventory.Text(f[1]))
		case f[0] == "search" || f[0] == "domain":
			search = nil // the last one counts
			for _, s := range f[1:] {
				search = append(search, inventory.Text(s))
			}
		}
	}
	return servers, search
}

func firstSearch(fsys fs.FS) string {
	if _, search := resolvers(fsys); len(search) > 0 {
		return search[0]
	}
	return ""
}
