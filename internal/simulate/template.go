package simulate

import (
	"fmt"
	"math/rand/v2"

	"muster"
	"muster/inventory"
)

// templates make the document of a host of its seed after so many changes. The
// numbers of packages are those of an office PC and of a Debian desktop.
var templates = map[string]func(seed uint64, changes int) *inventory.Document{
	"windows": windows,
	"debian":  debian,
	"mixed": func(seed uint64, changes int) *inventory.Document {
		if seed%4 == 0 {
			return debian(seed, changes)
		}
		return windows(seed, changes)
	},
}

const (
	windowsRows = 200
	debianRows  = 2500
)

func machine(seed uint64, name string) (*inventory.Document, *rand.Rand) {
	r := rand.New(rand.NewPCG(seed, 1))
	d := inventory.New()
	d.System = &inventory.System{Arch: "amd64", Hostname: fmt.Sprintf("%s-%06x", name, seed&0xffffff), Domain: "example.org", MachineID: fmt.Sprintf("%032x", r.Uint64()),
		Timezone: "Europe/Paris", Locale: "en_GB.UTF-8"}
	d.Hardware = &inventory.Hardware{CPUs: []inventory.CPU{{Cores: 4, Model: "Some CPU @ 3 GHz", Threads: 8, Sockets: 1, Vendor: "Some"}}, Memory: 16 << 30,
		BIOS: &inventory.BIOS{Date: "04/01/2024", Vendor: "Vendor", Version: "1.2.3"}, Serial: fmt.Sprintf("%07X", r.Uint32()), UUID: fmt.Sprintf("%032x", r.Uint64()),
		Vendor: "Some Computers Inc.", Product: "Desk 7090"}
	d.Disks = &inventory.Disks{Devices: []inventory.Device{{Name: "nvme0n1", Size: 512 << 30, Serial: fmt.Sprint(r.Uint64()), Model: "Some SSD 512GB"}}}
	d.Network = &inventory.Network{Interfaces: []inventory.Interface{{Addresses: []string{fmt.Sprintf("10.%d.%d.%d/16", seed>>16&255, seed>>8&255, seed&255)},
		MAC: fmt.Sprintf("02:00:00:%02x:%02x:%02x", seed>>16&255, seed>>8&255, seed&255), Name: "eth0", MTU: 1500}}, DNS: []string{"10.0.0.1"}, Gateways: []string{"10.0.0.1"}}
	d.Users = &inventory.Users{Accounts: []inventory.Account{{Name: "alice", UID: "1000"}}}
	d.Muster = []inventory.Installed{{Arch: "amd64", Kind: string(muster.Base), Manifest: fmt.Sprintf("%064x", 7), Name: "firefox", Status: string(muster.OK), Version: "132.0", Installed: 1790000000}}
	return d, r
}

func windows(seed uint64, changes int) *inventory.Document {
	d, r := machine(seed, "pc")
	d.System.OS, d.System.ID, d.System.Name, d.System.Version = "windows", "windows", "Windows 11 Pro", "10.0.22631"
	d.Packages = map[string][]inventory.Package{"windows": rows(r, windowsRows, changes, func(i, release int) inventory.Package {
		return inventory.Package{Architecture: "amd64", ID: fmt.Sprintf("{%08X-0000-4000-8000-%012X}", i*7919, i), Name: fmt.Sprintf("Program %04d", i),
			Version: fmt.Sprintf("%d.%d.%d", 1+i%20, i%7, release), Vendor: fmt.Sprintf("Vendor %d Corporation", i%60), Size: int64(i) << 20}
	})}
	return d
}

func debian(seed uint64, changes int) *inventory.Document {
	d, r := machine(seed, "ws")
	d.System.OS, d.System.ID, d.System.Name, d.System.Version, d.System.Kernel = "linux", "debian", "Debian GNU/Linux 12 (bookworm)", "12", "6.1.0-28-amd64"
	d.Packages = map[string][]inventory.Package{"dpkg": rows(r, debianRows, changes, func(i, release int) inventory.Package {
		return inventory.Package{Architecture: "amd64", Name: fmt.Sprintf("lib-package-%04d", i), Version: fmt.Sprintf("1:%d.2-3+deb12u%d", i%40, release),
			Vendor: "A Team <team@lists.example.org>", Size: int64(i) << 10}
	})}
	return d
}

// rows are n packages of which a host has most, nearly all in the version that
// the others have; each change upgrades one of them.
func rows(r *rand.Rand, n, changes int, row func(i, release int) inventory.Package) []inventory.Package {
	all := make([]inventory.Package, 0, n)
	installed := int64(1_700_000_000)
	releases := make([]int, n)
	for c := range changes {
		releases[(c*37)%n]++
	}
	for i := range n {
		if r.IntN(50) == 0 {
			installed += int64(r.IntN(1_000_000))
		}
		missing, behind := r.IntN(40) == 0, r.IntN(50) == 0
		if missing && releases[i] == 0 {
			continue
		}
		release := 3 + releases[i]
		if behind {
			release--
		}
		p := row(i, release)
		p.Installed = installed
		all = append(all, p)
	}
	return all
}
