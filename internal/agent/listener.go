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
	here map[int]int // connections by user
}

// Accept waits for the next connection that is let in.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		unix, ok := c.(*net.UnixConn)
		if !ok {
			return c, nil // which is denied everything
		}
		uid, err := uidOf(unix)
		if err != nil {
			uid = -1 // all whom the system does not tell apart
		}
		if l.enter(uid) {
			return &heldConn{UnixConn: unix, leave: sync.OnceFunc(func() { l.leave(uid) })}, nil
		}
		c.Close()
	}
}

func (l *fairListener) enter(uid int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.here[uid] >= maxConnections {
		return false
	}
	l.here[uid]++
	return true
}

func (l *fairListener) leave(uid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.here[uid]--; l.here[uid] == 0 {
		delete(l.here, uid)
	}
}

// A heldConn counts until it is closed.
type heldConn struct {
	*net.UnixConn
	leave func()
}

func (c *heldConn) Close() error {
	c.leave()
	return c.UnixConn.Close()
}
