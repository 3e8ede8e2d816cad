package durable

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

func createNew(name string, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}

// privateAccess is that of a file that only its owner, administrators and the system may
// read: modes say nothing here, and files take what their folder lets others do.
const privateAccess = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)"

// createTemp creates a file of a name of its own. One that is private is so from the
// beginning: who opens it before could read what comes.
func createTemp(dir string, private bool) (*os.File, error) {
	if !private {
		return os.CreateTemp(dir, tempPrefix+"*")
	}
	for {
		f, err := createOwn(filepath.Join(dir, tempPrefix+rand.Text()), true)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// createOwn creates a file that is not there.
func createOwn(name string, private bool) (*os.File, error) {
	if !private {
		return createNew(name, 0o600)
	}
	sd, err := windows.SecurityDescriptorFromString(privateAccess)
	if err != nil {
		return nil, err
	}
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	access := &windows.SecurityAttributes{SecurityDescriptor: sd}
	access.Length = uint32(unsafe.Sizeof(*access))
	h, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, access,
		windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}
