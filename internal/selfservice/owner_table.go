package selfservice

import (
	"encoding/binary"
	"net/netip"
)

// A rowForm is where things stand in a row of the lists of connections that Windows makes
// (MIB_TCPROW_OWNER_PID, MIB_TCP6ROW_OWNER_PID), in bytes.
type rowForm struct {
	size, address                               int // of a row, of an address
	local, localPort, remote, remotePort, owner int
}

var (
	fourForm = rowForm{size: 24, address: 4, local: 4, localPort: 8, remote: 12, remotePort: 16, owner: 20}
	sixForm  = rowForm{size: 56, address: 16, local: 0, localPort: 20, remote: 24, remotePort: 44, owner: 52}
)

// ownerIn finds the process that made the end at theirs of a connection to ours. The list
// begins with the number of its rows.
func (f rowForm) ownerIn(list []byte, theirs, ours netip.AddrPort) (process uint32, ok bool) {
	if len(list) < 4 {
		return 0, false
	}
	rows := list[4:]
	for n := binary.NativeEndian.Uint32(list); n > 0 && len(rows) >= f.size; n-- {
		row := rows[:f.size]
		rows = rows[f.size:]
		if f.end(row, f.local, f.localPort) == theirs && f.end(row, f.remote, f.remotePort) == ours {
			return binary.NativeEndian.Uint32(row[f.owner:]), true
		}
	}
	return 0, false
}

// end is one end of a connection. Addresses and ports stand there as on the wire.
func (f rowForm) end(row []byte, at, port int) netip.AddrPort {
	a, _ := netip.AddrFromSlice(row[at : at+f.address])
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(row[port:]))
}
