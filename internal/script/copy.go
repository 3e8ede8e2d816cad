package script

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.starlark.net/starlark"

	"muster/internal/durable"
)

func copyTree(c *invocation) (starlark.Value, error) {
	var source, target string
	if err := c.unpack(&source, &target); err != nil {
		return nil, err
	}
	return starlark.String(target), copyFolder(source, target)
}

func copyFolder(source, target string) error {
	from, err := filepath.Abs(source)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(from, to); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("cannot copy %q into itself", source)
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyEntry(path, filepath.Join(to, rel), d)
	})
	if err != nil {
		return err
	}
	return new(durable.Disk).SyncTree(to) // once, not for each file
}

func copyEntry(path, target string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		return os.MkdirAll(target, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return replaceLink(to, target)
	}
	return copyUnsynced(path, target)
}

// copyUnsynced replaces target by a copy of the regular file at path.
func copyUnsynced(path, target string) error {
	in, info, err := openRegular(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), os.Chmod(target, info.Mode().Perm()))
}

// replaceLink makes the link aside first, so that there always is one.
func replaceLink(to, path string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("%q is there and is no link", path)
	}
	aside := path + ".muster-new"
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(to, aside); err != nil {
		return err
	}
	return os.Rename(aside, path)
}
