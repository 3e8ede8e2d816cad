package directory

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"muster"
)

// TestHostileServer: every server that lies costs a bounded time, and is refused.
func TestHostileServer(t *testing.T) {
	for name, say := range map[string]func(net.Conn){
		"hangs up":     func(c net.Conn) {},
		"says nothing": func(c net.Conn) { io.Copy(io.Discard, c) },
		"garbage":      func(c net.Conn) { io.WriteString(c, strings.Repeat("HTTP/1.1 400 Bad Request\r\n", 100)) },
		"huge message": func(c net.Conn) { c.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xf0}); io.Copy(c, zeros{}) },
		"no end":       func(c net.Conn) { c.Write([]byte{0x30, 0x80}); io.Copy(c, zeros{0x04}) },
		"deep":         func(c net.Conn) { io.WriteString(c, strings.Repeat("\x30\x80", 5_000_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() { say(c); c.Close() }()
				}
			}()
			c := Config{Preset: "ad", URLs: []string{"ldap://" + l.Addr().String()}, Bases: []string{"dc=x"}, Timeout: time.Second}
			began := time.Now()
			refused(t, c, muster.Unavailable, "")
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// zeros has no end.
type zeros []byte

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0
		if len(z) > 0 && i%2 == 0 {
			p[i] = z[0]
		}
	}
	return len(p), nil
}

// TestStalls: a server that says nothing any more is no reason not to ask the next.
func TestStalls(t *testing.T) {
	w := newWorld(t, computers)
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := w.config("openldap")
	c.URLs, c.Timeout = []string{"ldap://" + l.Addr().String(), w.tls}, 2*time.Second
	stands(t, w.open(c), "pc1", "paris paris.lab", "")
}
