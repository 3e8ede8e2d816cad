package install

import (
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"muster/pkgfile"
)

// fastSyncTree: SyncTree is one system call.
const fastSyncTree = true

// canLinkSymlinks: a symlink can have two names; elsewhere link may follow it.
const canLinkSymlinks = true

// setXattrs sets the attributes of a staged file. An area leaves out what only
// root may set.
func (r *Root) setXattrs(name string, f *pkgfile.File) error {
	for attr, value := range f.Xattrs {
		if r.Config.Area && attr == pkgfile.Capability {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return err
		}
		if err := unix.Lsetxattr(name, attr, raw, 0); err != nil {
			if errors.Is(err, unix.ENOTSUP) && attr != pkgfile.Capability {
				continue // the file system keeps no user attributes
			}
			return fmt.Errorf("cannot set attribute %q: %w", attr, err)
		}
	}
	return nil
}

// hasXattrs reports whether the file has the attributes that f says.
func (r *Root) hasXattrs(name string, f *pkgfile.File) bool {
	for attr, value := range f.Xattrs {
		if r.Config.Area && attr == pkgfile.Capability {
			continue
		}
		raw, _ := base64.StdEncoding.DecodeString(value)
		got := make([]byte, len(raw)+1)
		n, err := unix.Lgetxattr(name, attr, got)
		if errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err != nil || string(got[:n]) != string(raw) {
			return false
		}
	}
	return true
}

// copyXattrs copies the attributes that packages may have.
func copyXattrs(from, to string) error {
	raw := make([]byte, 64<<10)
	if n, err := unix.Lgetxattr(from, pkgfile.Capability, raw); err == nil {
		return unix.Lsetxattr(to, pkgfile.Capability, raw[:n], 0)
	}
	return nil
}
