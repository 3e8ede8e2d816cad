package selfservice

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// foreign reports whether the program at the other end of a connection of the loopback
// interface is of another user: the kernel lists whose sockets are (proc(5),
// /proc/net/tcp). Where it does not list this one, the secret has to do.
//
// A program may reach an address of IPv4 by a socket of IPv6, which stands in the other
// list.
func foreign(c net.Conn) bool {
	return listedForeign("/proc/net/tcp", c, hexAddress) || listedForeign("/proc/net/tcp6", c, hexAddress6)
}

func listedForeign(list string, c net.Conn, hex func(net.Addr) string) bool {
	f, err := os.Open(list)
	if err != nil {
		return false
	}
	defer f.Close()
	theirs, ours := hex(c.RemoteAddr()), hex(c.LocalAddr())
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid ...
		cells := strings.Fields(lines.Text())
		if len(cells) < 8 || cells[1] != theirs || cells[2] != ours {
			continue
		}
		uid, err := strconv.Atoi(cells[7])
		return err == nil && uid != os.Getuid()
	}
	return false
}

// hexAddress is an address as that file writes it: the four bytes as a number of the
// machine's own order, and the port.
func hexAddress(a net.Addr) string {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil || !p.Addr().Unmap().Is4() {
		return "?"
	}
	b := p.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(b[:]), p.Port())
}

// hexAddress6 is the same for IPv6: four such numbers.
func hexAddress6(a net.Addr) string {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return "?"
	}
	b := p.Addr().As16()
	n := func(i int) uint32 { return binary.NativeEndian.Uint32(b[i:]) }
	return fmt.Sprintf("%08X%08X%08X%08X:%04X", n(0), n(4), n(8), n(12), p.Port())
}
