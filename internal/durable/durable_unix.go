//go:build unix

package durable

import (
	"errors"
	"os"
	"syscall"
)

func rename(old, new string) error { return os.Rename(old, new) }

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncDir ignores file systems that cannot sync a directory (EINVAL on some
// network file systems); their servers order the operations.
func syncDir(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
