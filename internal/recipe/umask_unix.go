//go:build unix

package recipe

import (
	"sync"

	"golang.org/x/sys/unix"
)

// The umask belongs to the process, not to a build: the first build of several
// sets it and the last one puts it back.
var umask struct {
	sync.Mutex
	builds int
	before int
}

// withUmask makes files of build() come out with modes that do not depend on
// who builds. The function returned ends that.
func withUmask() func() {
	umask.Lock()
	defer umask.Unlock()
	if umask.builds++; umask.builds == 1 {
		umask.before = unix.Umask(0o022)
	}
	return func() {
		umask.Lock()
		defer umask.Unlock()
		if umask.builds--; umask.builds == 0 {
			unix.Umask(umask.before)
		}
	}
}
