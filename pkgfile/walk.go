package pkgfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Walk lists what lies in dir under root/ and payload/, and actions.star, as
// entries for [Build]. Names of one inode become hard links. Devices, sockets
// and pipes are refused.
func Walk(dir string) ([]Entry, error) {
	w := walker{dir: dir, inodes: map[string]inode{}}
	for _, top := range []string{ActionsPath, "payload", "root"} {
		if _, err := os.Lstat(filepath.Join(dir, top)); os.IsNotExist(err) {
			continue
		}
		if err := filepath.WalkDir(filepath.Join(dir, top), w.visit); err != nil {
			return nil, err
		}
	}
	w.link()
	return w.entries, nil
}

type walker struct {
	dir     string
	entries []Entry
	inodes  map[string]inode // of the paths that may share their file with others
}

// link sorts the entries and makes every name of an inode but the first a hard
// link to the first.
func (w *walker) link() {
	slices.SortFunc(w.entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	first := map[inode]string{}
	for i := range w.entries {
		e := &w.entries[i]
		ino, ok := w.inodes[e.Path]
		if !ok {
			continue
		}
		if target, ok := first[ino]; ok {
			*e = Entry{File: File{Path: e.Path, Type: Hardlink, Link: target}}
		} else {
			first[ino] = e.Path
		}
	}
}

func (w *walker) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(w.dir, name)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	if rel == "root" || rel == "payload" {
		if !d.IsDir() {
			return fmt.Errorf("%q is not a directory", name)
		}
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	e := Entry{File: File{Path: rel, Mode: unixMode(info.Mode())}}
	switch {
	case info.Mode().IsRegular():
		w.regular(&e, name, info)
	case info.IsDir():
		e.Type = Directory
	case info.Mode()&fs.ModeSymlink != 0:
		e.Type, e.Mode = Symlink, 0
		if e.Link, err = os.Readlink(name); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%q is a %v: only files, directories and links can be packed", name, info.Mode().Type())
	}
	w.entries = append(w.entries, e)
	return nil
}

func (w *walker) regular(e *Entry, name string, info fs.FileInfo) {
	if ino, ok := inodeOf(info); ok {
		w.inodes[e.Path] = ino
	}
	e.Type = Regular
	e.Open = func() (io.ReadCloser, error) { return os.Open(name) }
}

// inode names a file that has several names.
type inode struct{ dev, ino uint64 }

// unixMode converts to the bits of chmod(2).
func unixMode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}
