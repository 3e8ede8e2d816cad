//go:build linux || darwin

package simulate

import (
	"syscall"

	"muster"
)

// allowFiles lets this process open n files, a connection being one.
func allowFiles(n int) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if l.Cur >= uint64(n) {
		return nil
	}
	was := l.Cur
	l.Cur, l.Max = uint64(n), max(l.Max, uint64(n)) // more than it has only root may
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return muster.WithHint(muster.Errorf(muster.Invalid, "cannot hold so many connections: this process may open %d files and needs %d: %w", was, n, err),
			"run 'ulimit -n %d' before, as root, or simulate fewer hosts", n)
	}
	return nil
}
