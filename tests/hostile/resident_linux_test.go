package hostile_test

import (
	"os"
	"syscall"
)

// resident is the largest resident size of a process that has ended.
func resident(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10 // KiB on Linux (getrusage(2))
}
