package install

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// canLinkInUse: a running program cannot be renamed over on Windows, but it
// can be renamed away.
const canLinkInUse = false

// canRenameInUse: not while a program, often a virus scanner, has a file in it open.
const canRenameInUse = false

// canChown: new files take the access list of their folder.
const canChown = false

func isCrossDevice(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }
func isNotDir(err error) bool      { return errors.Is(err, windows.ERROR_DIRECTORY) }
func isNotEmpty(err error) bool    { return errors.Is(err, windows.ERROR_DIR_NOT_EMPTY) }

func attrOf(info fs.FileInfo) Attr { return Attr{Mode: unixMode(info.Mode())} }

// deviceOf takes everything below a root for one volume.
func deviceOf(string) (uint64, error) { return 0, nil }

func freeSpace(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return int64(free), err
}
