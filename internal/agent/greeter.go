package agent

import (
	"errors"
	"net"
	"sync"
	"time"
)

// maxSilent is how many connections may have said nothing yet. One more pushes out the
// oldest of them, so that who says something is always heard.
const maxSilent = 128

// A greeter lets connections in once they have said something: Windows tells who is at the
// other end of a pipe only when something was read from it.
type greeter struct {
	net.Listener
	spoke chan net.Conn
	over  chan struct{}
	mu    sync.Mutex
	quiet []net.Conn // the oldest first
}

// greet takes the connections of a listener.
func greet(l net.Listener) *greeter {
	g := &greeter{Listener: l, spoke: make(chan net.Conn), over: make(chan struct{})}
	go g.run()
	return g
}

func (g *greeter) run() {
	defer g.end()
	for {
		c, err := g.Listener.Accept()
		switch {
		case err == nil:
			g.hold(c)
			go g.hear(c)
		case errors.Is(err, net.ErrClosed):
			return
		default: // the system is short of something, or the other end went away
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (g *greeter) end() {
	close(g.over)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.quiet {
		c.Close()
	}
}

func (g *greeter) hold(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.quiet) == maxSilent {
		g.quiet[0].Close()
		g.quiet = g.quiet[1:]
	}
	g.quiet = append(g.quiet, c)
}

// hear waits for the first words.
func (g *greeter) hear(c net.Conn) {
	first := make([]byte, 4<<10)
	c.SetReadDeadline(time.Now().Add(maxTelling)) //nolint:errcheck // then it fails at the next line
	n, err := c.Read(first)
	g.release(c)
	if err == nil {
		err = c.SetReadDeadline(time.Time{})
	}
	if err != nil {
		c.Close()
		return
	}
	select {
	case g.spoke <- &heardConn{c, first[:n]}:
	case <-g.over:
		c.Close()
	}
}

func (g *greeter) release(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, q := range g.quiet {
		if q == c {
			g.quiet = append(g.quiet[:i:i], g.quiet[i+1:]...)
			return
		}
	}
}

// Accept waits for the next connection that has said something.
func (g *greeter) Accept() (net.Conn, error) {
	select {
	case c := <-g.spoke:
		return c, nil
	case <-g.over:
		return nil, net.ErrClosed
	}
}

// A heardConn is a connection of which the first words were read already.
type heardConn struct {
	net.Conn
	first []byte
}

func (c *heardConn) Read(b []byte) (int, error) {
	if len(c.first) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.first)
	c.first = c.first[n:]
	return n, nil
}
