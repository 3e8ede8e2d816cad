package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// newGreeter is one on a loopback address, with the TLS of a server of its own.
func newGreeter(t *testing.T, patience time.Duration) (*greeter, *tls.Config) {
	t.Helper()
	w := newWorld(t)
	config := must(w.tlsConfig())(t)
	g := greet(must(net.Listen("tcp", "127.0.0.1:0"))(t), config, patience, quiet(t))
	t.Cleanup(func() { g.Close() })
	return g, &tls.Config{RootCAs: w.roots, NextProtos: []string{"h2"}}
}

// Who says nothing holds up nobody, and is sent away; who says nonsense too.
func TestGreetSlow(t *testing.T) {
	g, client := newGreeter(t, 2*time.Second)
	silent := must(net.Dial("tcp", g.Addr().String()))(t)
	defer silent.Close()
	odd := must(net.Dial("tcp", g.Addr().String()))(t)
	defer odd.Close()
	must(odd.Write([]byte("GET / HTTP/1.0\r\n\r\n")))(t)
	said := make(chan error, 1)
	go func() {
		c, err := tls.Dial("tcp", g.Addr().String(), client)
		if err == nil {
			defer c.Close()
			_, err = c.Write([]byte("hello"))
		}
		said <- err
	}()
	c := must(g.Accept())(t)
	defer c.Close()
	check(t, <-said)
	if state := c.(*tls.Conn).ConnectionState(); !state.HandshakeComplete || state.NegotiatedProtocol != "h2" {
		t.Errorf("the handshake is not over: %+v", state)
	}
	b := make([]byte, 5)
	if must(io.ReadFull(c, b)); string(b) != "hello" {
		t.Errorf("it says %q", b)
	}
	check(t, silent.SetReadDeadline(time.Now().Add(20*time.Second)))
	if _, err := silent.Read(b); !errors.Is(err, io.EOF) {
		t.Errorf("who says nothing is not sent away: %v", err)
	}
}

// A listener that is closed accepts nobody, and lets go of those who came.
func TestGreetClosed(t *testing.T) {
	g, client := newGreeter(t, time.Minute)
	c := must(tls.Dial("tcp", g.Addr().String(), client))(t) // nobody has accepted it
	defer c.Close()
	check(t, g.Close())
	if _, err := g.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepted: %v", err)
	}
	check(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is held: %v", err)
	}
}
