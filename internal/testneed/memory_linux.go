package testneed

import (
	"os"
	"syscall"
)

const memory = "/dev/shm"

// roomy reports whether a folder in memory takes what tests write, and runs programs:
// containers often have 64 MB there, or noexec.
func roomy(dir string) bool {
	const (
		tmpfs  = 0x01021994 // of linux/magic.h
		noExec = 0x8        // of struct statfs
	)
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil || s.Type != tmpfs || s.Flags&noExec != 0 || s.Bavail*uint64(s.Bsize) < 2<<30 {
		return false
	}
	f, err := os.CreateTemp(dir, "muster-")
	if err != nil {
		return false
	}
	f.Close()
	return os.Remove(f.Name()) == nil
}
