package collect

import (
	"golang.org/x/sys/unix"

	"muster/inventory"
)

// Linux tells everything in files; these add nothing.
func liveSystem(*inventory.System, *inventory.Volatile) error { return nil }
func liveHardware(*inventory.Hardware) error                  { return nil }
func liveDisks(*inventory.Disks) error                        { return nil }

// space asks how large a file system is, and how much of it users can fill.
func space(dir string) (size, free int64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, 0, false
	}
	return int64(s.Blocks) * s.Bsize, int64(s.Bavail) * s.Bsize, true
}
