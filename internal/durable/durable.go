// Package durable changes files so that after a power cut each is whole: the
// old one or the new one, never a mixture, never empty.
//
// What others may read is written to a temporary name, synced, renamed over
// the old name, and the directory synced ([Disk.WriteFile], [Disk.Create]).
// Without the first sync, XFS keeps 0 bytes after a power cut; without the
// second, every file system measured loses an update that was reported done.
// Many files at once are written with [Disk.NewFile] and made durable by one
// [Disk.SyncTree].
//
// Every change goes through a [Disk], whose Fault function lets a test make
// the n-th call fail, or stop the program there.
//
// The guarantee is that of the operating system: fsync on Linux and FreeBSD,
// F_FULLFSYNC on macOS (os.File.Sync), FlushFileBuffers and MoveFileEx with
// write-through on Windows, where directories cannot be synced.
package durable

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Disk changes files. The zero value is ready for use, by several goroutines
// at once. A nil Disk is as good.
type Disk struct {
	// Fault is called before and after each change, in tests. An error
	// returned before keeps the change from happening; an error returned after
	// is reported though the change has happened. A Fault that panics stands
	// for a crash at that point.
	Fault func(Call) error
	// Group widens modes for files that several people share: what the owner
	// may do, the group may do as well.
	Group bool
}

// mode is what a file gets that is created with perm.
func (d *Disk) mode(perm fs.FileMode) fs.FileMode {
	if d != nil && d.Group {
		perm |= perm >> 3 & 0o070
	}
	return perm
}

// A Call is one change of the disk.
type Call struct {
	Op    string // "create", "write", "sync", "rename", "link", "symlink", "mkdir", "remove", "syncdir", "synctree", "syncall", "chmod", "chown", "chtimes", "setxattr"
	Name  string // the file changed; of a rename or link, the new name
	After bool
}

// do makes one change between the two calls of Fault.
func (d *Disk) do(op, name string, change func() error) error {
	if d == nil || d.Fault == nil {
		return change()
	}
	if err := d.Fault(Call{op, name, false}); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	if err := change(); err != nil {
		return err
	}
	if err := d.Fault(Call{op, name, true}); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// tempPrefix marks files that were being written when a program stopped.
const tempPrefix = ".muster-tmp-"

// IsTemp reports whether name is that of a file left behind by a crash, which
// may be removed when nobody writes in its directory.
func IsTemp(name string) bool { return strings.HasPrefix(filepath.Base(name), tempPrefix) }

// WriteFile replaces the named file. When it returns nil the new content will
// survive a power cut; when it fails the old content is still there, unless
// only the last step failed (the sync of the directory), when either may be.
func (d *Disk) WriteFile(name string, data []byte, perm fs.FileMode) error {
	f, err := d.Create(name, perm)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// A File is being written under a temporary name.
type File struct {
	disk *Disk
	f    *os.File
	name string
}

// Create starts to write the named file. Nobody sees it before Commit.
func (d *Disk) Create(name string, perm fs.FileMode) (*File, error) {
	private := d.mode(perm)&0o077 == 0
	return d.create(name, perm, func() (*os.File, error) { return createTemp(filepath.Dir(name), private) })
}

// CreateAgain is Create where nobody sweeps up after a crash but the writer
// itself, who begins again: the temporary name follows from the name, and what
// lies there is removed first. Only one process may write name at a time.
func (d *Disk) CreateAgain(name string, perm fs.FileMode) (*File, error) {
	sum := sha256.Sum256([]byte(filepath.Base(name)))
	temp := filepath.Join(filepath.Dir(name), fmt.Sprintf("%s%x", tempPrefix, sum[:8]))
	return d.create(name, perm, func() (*os.File, error) {
		if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return createOwn(temp, d.mode(perm)&0o077 == 0)
	})
}

func (d *Disk) create(name string, perm fs.FileMode, open func() (*os.File, error)) (*File, error) {
	perm = d.mode(perm)
	var f *os.File
	err := d.do("create", name, func() (err error) {
		if f, err = open(); err != nil {
			return err
		}
		return f.Chmod(perm)
	})
	if err != nil {
		if f != nil {
			f.Close()
			os.Remove(f.Name())
		}
		return nil, err
	}
	return &File{d, f, name}, nil
}

// Write appends to the file.
func (f *File) Write(b []byte) (n int, err error) {
	err = f.disk.do("write", f.name, func() (err error) {
		n, err = f.f.Write(b)
		return err
	})
	return n, err
}

// Name is the temporary name.
func (f *File) Name() string { return f.f.Name() }

// Commit makes the file durable under its name. On error nothing is left of
// the new one, but see [Disk.WriteFile].
func (f *File) Commit() error {
	err := f.disk.do("sync", f.name, f.f.Sync)
	if cerr := f.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = f.disk.Rename(f.f.Name(), f.name)
	}
	if err != nil {
		os.Remove(f.f.Name())
		return err
	}
	return f.disk.SyncDir(filepath.Dir(f.name))
}

// Abort throws the file away. It does nothing after Commit.
func (f *File) Abort() {
	if f.f.Close() == nil {
		os.Remove(f.f.Name())
	}
}

// NewFile creates a file that must not exist, with exactly that mode. It is
// not durable before [Disk.SyncTree].
func (d *Disk) NewFile(name string, perm fs.FileMode) (*Plain, error) {
	perm = d.mode(perm)
	var f *os.File
	err := d.do("create", name, func() (err error) {
		f, err = createNew(name, perm)
		if err == nil && perm&0o077 != 0 {
			err = f.Chmod(perm)
		}
		return err
	})
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return &Plain{disk: d, File: f}, nil
}

// Plain is a file that becomes durable together with its tree.
type Plain struct {
	disk *Disk
	*os.File
	size int64
}

// early is the size from which a file is sent to the disk as soon as it is
// written; for smaller ones the call costs more than it brings forward.
const early = 64 << 10

func (p *Plain) Write(b []byte) (n int, err error) {
	p.size += int64(len(b))
	if p.disk == nil || p.disk.Fault == nil {
		return p.File.Write(b)
	}
	err = p.disk.do("write", p.File.Name(), func() (err error) {
		n, err = p.File.Write(b)
		return err
	})
	return n, err
}

// Finish closes the file after it got its owner, if there is one, and mode, in
// that order: a change of owner drops set-user-ID. The disk begins to write large
// ones now, so that little is left to do for SyncTree.
func (p *Plain) Finish(owner *Owner, mode fs.FileMode) error {
	if p.size >= early {
		startWriteback(p.File)
	}
	err := p.disk.do("chown", p.Name(), func() error {
		if owner == nil {
			return nil
		}
		return p.Chown(owner.UID, owner.GID)
	})
	if err == nil {
		err = p.disk.do("chmod", p.Name(), func() error { return p.Chmod(mode) })
	}
	if cerr := p.Close(); err == nil {
		err = cerr
	}
	return err
}

// Owner is who a file belongs to.
type Owner struct{ UID, GID int }

// Rename moves old to new on the same file system, over what is there. It is
// durable after [Disk.SyncDir] of the directories.
func (d *Disk) Rename(old, new string) error {
	return d.do("rename", new, func() error { return rename(old, new) })
}

// Link makes new a second name of the file old.
func (d *Disk) Link(old, new string) error {
	return d.do("link", new, func() error { return os.Link(old, new) })
}

// Symlink makes new a symbolic link to target.
func (d *Disk) Symlink(target, new string) error {
	return d.do("symlink", new, func() error { return os.Symlink(target, new) })
}

// Mkdir makes a directory with exactly that mode, whatever the umask.
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	perm = d.mode(perm)
	return d.do("mkdir", name, func() error {
		if err := os.Mkdir(name, perm); err != nil || perm&0o077 == 0 {
			return err
		}
		return os.Chmod(name, perm)
	})
}

// MkdirAll makes a directory and those above it, where they are missing.
func (d *Disk) MkdirAll(name string, perm fs.FileMode) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(name); parent != name {
		if err := d.MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	if err := d.Mkdir(name, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Remove removes a file or an empty directory. What is not there is no error.
func (d *Disk) Remove(name string) error {
	return d.do("remove", name, func() error {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// RemoveAll removes a tree, one call of Fault for each file.
func (d *Disk) RemoveAll(name string) error {
	if d == nil || d.Fault == nil {
		return os.RemoveAll(name)
	}
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := os.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := d.RemoveAll(filepath.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	return d.Remove(name)
}

// Chmod sets the mode of a file.
func (d *Disk) Chmod(name string, mode fs.FileMode) error {
	return d.do("chmod", name, func() error { return os.Chmod(name, mode) })
}

// Lchown sets the owner of a file or symlink.
func (d *Disk) Lchown(name string, uid, gid int) error {
	return d.do("chown", name, func() error { return os.Lchown(name, uid, gid) })
}

// SyncDir makes names in a directory durable: what was created, renamed and
// removed there.
func (d *Disk) SyncDir(name string) error {
	return d.do("syncdir", name, func() error { return syncDir(name) })
}

// SyncTree makes everything below dir durable, in one call where the system
// has one (syncfs on Linux), which is four times as fast as a sync of each of
// 2,000 files.
func (d *Disk) SyncTree(dir string) error {
	return d.do("synctree", dir, func() error { return syncTree(dir) })
}

// SyncAll makes durable what other programs wrote anywhere on the file system
// of dir. Windows has no such call; there it does nothing.
func (d *Disk) SyncAll(dir string) error {
	return d.do("syncall", dir, func() error { return syncAll(dir) })
}

// syncEach syncs every file and directory below dir.
func syncEach(dir string) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			return syncDir(name)
		case e.Type().IsRegular():
			return syncFile(name)
		}
		return nil
	})
}
