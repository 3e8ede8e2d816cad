package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteback has the kernel begin to write the file to the disk.
func startWriteback(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // only a hint: SyncTree waits, and reports errors
}
