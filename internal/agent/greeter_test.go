package agent

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// given is a listener at which a test connects.
type given struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (g *given) Accept() (net.Conn, error) {
	select {
	case c := <-g.conns:
		if c == nil {
			return nil, errors.New("the system is short of something")
		}
		return c, nil
	case <-g.over:
		return nil, net.ErrClosed
	}
}

func (g *given) Close() error {
	g.once.Do(func() { close(g.over) })
	return nil
}

func (g *given) Addr() net.Addr { return &net.UnixAddr{} }

// TestGreeter: who says nothing is sent away after a while, or when many others come; who
// says something is heard, from the first word on.
func TestGreeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &given{conns: make(chan net.Conn), over: make(chan struct{})}
		g := greet(l)
		connect := func() net.Conn {
			ours, theirs := net.Pipe()
			l.conns <- ours
			synctest.Wait()
			return theirs
		}
		closed := func(c net.Conn) bool {
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			return errors.Is(err, io.EOF)
		}
		first := connect()
		var silent []net.Conn
		for range maxSilent {
			silent = append(silent, connect())
		}
		if !closed(first) || closed(silent[0]) || closed(silent[len(silent)-1]) {
			t.Error("not the oldest is pushed out")
		}
		l.conns <- nil // an error that passes
		time.Sleep(time.Second)
		alice := connect()
		if !closed(silent[0]) || closed(silent[1]) {
			t.Error("not the oldest is pushed out by who comes then")
		}
		go io.WriteString(alice, "hello, agent")
		c := must(g.Accept())
		var all [12]byte
		if _, err := io.ReadFull(c, all[:5]); err != nil || string(all[:5]) != "hello" {
			t.Errorf("%q %v", all[:5], err)
		}
		if _, err := io.ReadFull(c, all[:7]); err != nil || string(all[:7]) != ", agent" {
			t.Errorf("%q %v", all[:7], err)
		}
		time.Sleep(maxTelling)
		synctest.Wait()
		if !closed(silent[1]) || !closed(silent[len(silent)-1]) {
			t.Error("who says nothing stays")
		}
		if closed(alice) {
			t.Error("who has said something is sent away")
		}
		last := connect()
		g.Close()
		synctest.Wait()
		if _, err := g.Accept(); !errors.Is(err, net.ErrClosed) || !closed(last) {
			t.Errorf("after the end: %v", err)
		}
	})
}
