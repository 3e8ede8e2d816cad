//go:build !windows

package agent

import (
	"os"
	"path/filepath"
	"testing"
)

// socketName is where an agent can listen.
func socketName(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "s") // paths of sockets are short, and others may come here
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "a", "agent.sock")
}

func TestAdministrator(t *testing.T) {
	if administrator(1000, 0) || !administrator(1000, 1000) || !administrator(0, 1000) {
		t.Error("who is an administrator is wrong")
	}
}
