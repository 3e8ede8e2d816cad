package durable

import (
	"os"

	"golang.org/x/sys/windows"
)

// rename replaces new and returns when the move is on disk; os.Rename does not
// ask for that.
func rename(old, new string) error {
	from, err := windows.UTF16PtrFromString(old)
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(new)
	if err != nil {
		return err
	}
	err = windows.MoveFileEx(from, to, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// syncFile needs a handle that may write.
func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncDir does nothing: Windows cannot sync a directory, its renames are
// written through.
func syncDir(string) error { return nil }

// syncAll does nothing: only an administrator may flush a volume, and what
// installers write they flush themselves or not at all.
func syncAll(string) error { return nil }
