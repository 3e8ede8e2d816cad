//go:build !windows

package reporter

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"muster"
)

func rootOfSystem() string { return "/" }

// stateFolder is where what waits is kept unless --spool says otherwise; "" where
// there is no place.
func stateFolder() string {
	if os.Geteuid() == 0 {
		if runtime.GOOS == "linux" {
			return "/var/lib/muster-report"
		}
		return "/var/db/muster-report"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "muster-report")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "muster-report")
	}
	return filepath.Join(home, ".local", "state", "muster-report")
}

// checkOwner refuses a folder into which others may put files: this program would
// send them, and whatever they link to.
func checkOwner(dir string, info fs.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if int(s.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return muster.WithHint(muster.Errorf(muster.Denied, "others than this user may write to the spool %q", dir),
			"%s", fmt.Sprintf("chown %d %q; chmod 700 %q", os.Geteuid(), dir, dir))
	}
	return nil
}
