package selfservice

import (
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// foreign reports whether the program at the other end of a connection of the loopback
// interface is of another user: Windows lists which process has it, and a user may look at
// the processes that are theirs. One that this user may not look at is another's. Where the
// connection is not listed, the secret has to do.
func foreign(c net.Conn) bool {
	theirs, ours := endOf(c.RemoteAddr()), endOf(c.LocalAddr())
	process, listed := owner(theirs, ours)
	for range ownerTries {
		if !listed || process != 0 {
			break
		}
		time.Sleep(ownerWait)
		process, listed = owner(theirs, ours)
	}
	return listed && !mine(process)
}

// A connection that was made a moment ago may be listed before its process is: as of 0,
// which has none.
const (
	ownerTries = 10
	ownerWait  = 10 * time.Millisecond
)

// owner is the process that has the other end of a connection.
func owner(theirs, ours netip.AddrPort) (process uint32, listed bool) {
	for _, l := range []struct {
		family uintptr
		form   rowForm
	}{{windows.AF_INET, fourForm}, {windows.AF_INET6, sixForm}} {
		if process, listed = l.form.ownerIn(connections(l.family), theirs, ours); listed {
			return process, true
		}
	}
	return 0, false
}

func endOf(a net.Addr) netip.AddrPort {
	p, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

var getExtendedTCPTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

// connections lists those of the machine, with their processes. It is empty where the
// system does not say.
func connections(family uintptr) []byte {
	const ownerConnections = 4   // TCP_TABLE_OWNER_PID_CONNECTIONS
	list := make([]byte, 64<<10) // about what a desktop has
	for range 5 {                // it may grow while it is read
		size := uint32(len(list))
		status, _, _ := getExtendedTCPTable.Call(uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)), 0, family, ownerConnections, 0)
		if status == 0 {
			return list
		}
		if windows.Errno(status) != windows.ERROR_INSUFFICIENT_BUFFER || size > 64<<20 {
			return nil
		}
		list = make([]byte, size+size/4)
	}
	return nil
}

// mine reports whether a process is of the user who runs this one.
func mine(process uint32) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, process)
	if err != nil {
		return false
	}
	defer windows.CloseHandle(h)
	var t windows.Token
	if err := windows.OpenProcessToken(h, windows.TOKEN_QUERY, &t); err != nil {
		return false
	}
	defer t.Close()
	own, err := windows.OpenCurrentProcessToken()
	if err != nil {
		return false
	}
	defer own.Close()
	a, err := t.GetTokenUser()
	if err != nil {
		return false
	}
	b, err := own.GetTokenUser()
	return err == nil && a.User.Sid.Equals(b.User.Sid)
}
