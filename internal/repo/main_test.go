package repo

import (
	"os"
	"testing"
)

// TestMain lets the tests work in memory where there is such a place: they
// publish hundreds of times, and each waits for the disk.
func TestMain(m *testing.M) {
	if os.Getenv("MUSTER_TEST_DISK") != "" {
		os.Exit(m.Run())
	}
	if dir, err := os.MkdirTemp("/dev/shm", "muster-repo-"); err == nil {
		os.Chmod(dir, 0o755) // nginx reads below it as another user
		os.Setenv("TMPDIR", dir)
		code := m.Run()
		os.RemoveAll(dir)
		os.Exit(code)
	}
	os.Exit(m.Run())
}
