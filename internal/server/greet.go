package server

import (
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A greeter is a listener for TLS whose connections are through with the handshake.
//
// net/http would do it on the goroutine that serves the connection from then on. The
// cryptography has its stack grow, and what serves HTTP/2 needs a little too much of it
// for the runtime to take it back: ten thousand hosts that wait would hold 80 MB for
// nothing. Here it is done on a goroutine that ends.
type greeter struct {
	net.Listener
	config   *tls.Config
	patience time.Duration
	log      *slog.Logger
	greeted  chan net.Conn
	failed   chan error // what Accept of the listener said
	closed   chan struct{}
	once     sync.Once
}

// greet greets whoever comes to l, for as long as patience.
func greet(l net.Listener, config *tls.Config, patience time.Duration, log *slog.Logger) *greeter {
	g := &greeter{Listener: l, config: config, patience: patience, log: log,
		greeted: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{})}
	go g.run()
	return g
}

// run accepts until the listener is closed. Of what fails for a moment, such as for want
// of files, net/http is told, which waits before it asks for the next one.
func (g *greeter) run() {
	for {
		c, err := g.Listener.Accept()
		if err == nil {
			go g.greet(c)
			continue
		}
		select {
		case g.failed <- err:
		case <-g.closed:
			return
		}
	}
}

// greet does one handshake. Who is slow holds up nobody else.
func (g *greeter) greet(c net.Conn) {
	t := tls.Server(c, g.config)
	err := t.SetDeadline(time.Now().Add(g.patience))
	if err == nil {
		err = t.Handshake()
	}
	if err == nil {
		err = t.SetDeadline(time.Time{})
	}
	if err != nil {
		g.log.Debug("TLS handshake", "from", c.RemoteAddr().String(), "error", err.Error())
		c.Close()
		return
	}
	select {
	case g.greeted <- t:
	case <-g.closed:
		c.Close()
	}
}

// Accept returns the next connection.
func (g *greeter) Accept() (net.Conn, error) {
	select {
	case c := <-g.greeted:
		return c, nil
	case err := <-g.failed:
		return nil, err
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

// Close closes the listener, and the connections that are not through.
func (g *greeter) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Listener.Close()
}
