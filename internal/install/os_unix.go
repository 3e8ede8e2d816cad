//go:build unix

package install

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// canLinkInUse: a file that runs or is open can get a second name and be
// renamed over; those who have it open keep the old one.
const canLinkInUse = true

// canRenameInUse: a directory can be renamed while files in it are open.
const canRenameInUse = true

// canChown: files have owners.
const canChown = true

func isCrossDevice(err error) bool { return errors.Is(err, syscall.EXDEV) }
func isNotDir(err error) bool      { return errors.Is(err, syscall.ENOTDIR) }

// isNotEmpty reports that a directory cannot be removed because it holds
// something, or because something is mounted on it.
func isNotEmpty(err error) bool {
	return errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.EBUSY)
}

// attrOf reads mode and owner.
func attrOf(info fs.FileInfo) Attr {
	a := Attr{Mode: unixMode(info.Mode())}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		a.UID, a.GID = int(st.Uid), int(st.Gid)
	}
	return a
}

// deviceOf returns the number of the file system that name lies on.
func deviceOf(name string) (uint64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, nil
	}
	return uint64(st.Dev), nil
}

// freeSpace returns the bytes that this process may still write to the file
// system of dir.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(uint64(st.Bavail) * uint64(st.Bsize)), nil
}
