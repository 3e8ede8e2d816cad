//go:build !windows

package agent

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"muster"
)

// What people are told to do.
const (
	asRoot  = "use sudo"
	startIt = "muster agent install, or as root: muster agent run"
)

// socketOf is the file of the socket. The path of a socket is short on every system; that
// of the machine's own root is the one where such things are.
func socketOf(dir, state string, area bool) string {
	if dir == "/" && !area {
		return "/run/muster/agent.sock"
	}
	return filepath.Join(state, "agent.sock")
}

// Listen opens the socket. What a crash left there is replaced; another agent that
// answers is not.
func Listen(name string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", name, time.Second); err == nil {
		c.Close()
		return nil, muster.Errorf(muster.Busy, "another agent answers at %q", name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	// Everybody may ask; what is done for whom is decided by request.
	return l, os.Chmod(name, 0o666)
}

// Answers reports whether there may be an agent at the socket of that name.
func Answers(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func dial(ctx context.Context, name string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", name)
}
