//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// createTemp and createOwn create a file that is for its owner alone until its mode is set;
// private is for Windows, where modes say nothing.
func createTemp(dir string, _ bool) (*os.File, error) { return os.CreateTemp(dir, tempPrefix+"*") }

func createOwn(name string, _ bool) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// createNew is os.OpenFile less the attempt to add the file to the poller,
// five system calls that regular files have no use for.
func createNew(name string, perm fs.FileMode) (*os.File, error) {
	for {
		fd, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, uint32(perm.Perm()))
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}
