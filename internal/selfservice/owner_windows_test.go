package selfservice

import (
	"net"
	"testing"
)

// TestOwnConnection: a program of this user is no stranger, and the list has it.
func TestOwnConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	process, ok := fourForm.ownerIn(connections(2), endOf(in.RemoteAddr()), endOf(in.LocalAddr()))
	if !ok || !mine(process) || foreign(in) {
		t.Errorf("process %d, listed %v, foreign %v", process, ok, foreign(in))
	}
	const system = 4 // no user may open it
	if mine(system) || mine(0) {
		t.Error("the system's process is taken for one of this user")
	}
}
