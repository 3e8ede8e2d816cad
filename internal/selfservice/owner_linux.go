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
func foreign(c net.Conn) bool {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return false
	}
	defer f.Close()
	theirs, ours := hexAddress(c.RemoteAddr()), hexAddress(c.LocalAddr())
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
	if err != nil || !p.Addr().Is4() {
		return "?"
	}
	b := p.Addr().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(b[:]), p.Port())
}
