package agent

import (
	"net"
	"sync"
)

// maxConnections is how many connections to the agent one user has at a time. Each takes
// memory and a file of the agent, which is root's.
const maxConnections = 64

// A fairListener turns away connections of users who have too many.
type fairListener struct {
	net.Listener
	mu   sync.Mutex
	here map[string]int // connections by user
}

// Accept waits for the next connection that is let in.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		id, find, err := identify(c)
		if err != nil { // all whom the system does not tell apart, and who are denied everything
			id, find = "", func() (*Peer, error) { return nil, err }
		}
		if l.enter(id) {
			return &heldConn{c, sync.OnceValues(find), sync.OnceFunc(func() { l.leave(id) })}, nil
		}
		c.Close()
	}
}

func (l *fairListener) enter(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.here[id] >= maxConnections {
		return false
	}
	l.here[id]++
	return true
}

func (l *fairListener) leave(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.here[id]--; l.here[id] == 0 {
		delete(l.here, id)
	}
}

// A heldConn counts until it is closed.
type heldConn struct {
	net.Conn
	who   who
	leave func()
}

func (c *heldConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
