package selfservice

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// listOf is a list of connections as Windows makes it.
func (f rowForm) listOf(rows ...[3]string) []byte {
	list := binary.NativeEndian.AppendUint32(nil, uint32(len(rows)))
	for _, r := range rows {
		row := make([]byte, f.size)
		for i, at := range [2][2]int{{f.local, f.localPort}, {f.remote, f.remotePort}} {
			end := netip.MustParseAddrPort(r[i])
			b := end.Addr().AsSlice()
			copy(row[at[0]:], b)
			binary.BigEndian.PutUint16(row[at[1]:], end.Port())
			row[at[1]+2], row[at[1]+3] = 0xaa, 0xbb // which are undefined
		}
		binary.NativeEndian.PutUint32(row[f.owner:], uint32(len(r[2])))
		list = append(list, row...)
	}
	return list
}

// TestOwnerTable: the process of the other end is found, not that of this one, whose row
// is the same the other way round.
func TestOwnerTable(t *testing.T) {
	theirs, ours := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:8")
	four := fourForm.listOf([3]string{"127.0.0.1:8", "127.0.0.1:50000", "this"}, [3]string{"127.0.0.1:50000", "127.0.0.1:9", "another port"},
		[3]string{"127.0.0.2:50000", "127.0.0.1:8", "another address"}, [3]string{"127.0.0.1:50000", "127.0.0.1:8", "theirs"})
	six := sixForm.listOf([3]string{"[::1]:50000", "[::1]:8", "another address"}, [3]string{"[::ffff:127.0.0.1]:50000", "[::ffff:127.0.0.1]:8", "theirs"})
	for name, c := range map[string]struct {
		form rowForm
		list []byte
	}{"IPv4": {fourForm, four}, "IPv6": {sixForm, six}} {
		if p, ok := c.form.ownerIn(c.list, theirs, ours); !ok || p != uint32(len("theirs")) {
			t.Errorf("%s: %d %v", name, p, ok)
		}
		if _, ok := c.form.ownerIn(c.list[:len(c.list)-1], theirs, ours); ok {
			t.Errorf("%s: found in half a row", name)
		}
		if p, ok := c.form.ownerIn(c.list, netip.MustParseAddrPort("127.0.0.1:7"), ours); ok {
			t.Errorf("%s: %d has a connection that is not listed", name, p)
		}
	}
	if _, ok := fourForm.ownerIn(nil, theirs, ours); ok {
		t.Error("found in nothing")
	}
}

// FuzzOwnerTable holds that a list, whatever is in it, is read within its bounds.
func FuzzOwnerTable(f *testing.F) {
	f.Add(fourForm.listOf([3]string{"127.0.0.1:1", "127.0.0.1:2", "x"}), uint16(1), uint16(2))
	f.Add([]byte{255, 255, 255, 255}, uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, list []byte, from, to uint16) {
		local := netip.MustParseAddr("127.0.0.1")
		for _, form := range []rowForm{fourForm, sixForm} {
			if _, ok := form.ownerIn(list, netip.AddrPortFrom(local, from), netip.AddrPortFrom(local, to)); ok && len(list) < 4+form.size {
				t.Errorf("found in %d bytes", len(list))
			}
		}
	})
}
