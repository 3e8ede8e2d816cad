package recipe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// relativeLinks is relative_links(): absolute symlinks of the package, which
// other packagings mean from the top of the host, become relative, so that they
// hold below any root.
func (b *builder) relativeLinks(_ context.Context, a *arguments) (any, error) {
	if err := a.done(); err != nil {
		return nil, err
	}
	root := filepath.Join(b.base, "root")
	return nil, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(name)
		if err != nil || !path.IsAbs(target) {
			return err
		}
		to, err := filepath.Rel(filepath.Dir(name), filepath.Join(root, filepath.FromSlash(path.Clean(target))))
		if err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
		return os.Symlink(to, name)
	})
}

// merged are the folders that are symlinks to those of the same name in usr on
// every current Linux system (file-hierarchy(7)). Nothing can be placed through
// a symlink.
var merged = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// mergeUsr is merge_usr(): what lies in root/lib and the like moves to
// root/usr/lib, with its owners and other attributes.
func (b *builder) mergeUsr(_ context.Context, a *arguments) (any, error) {
	if err := a.done(); err != nil {
		return nil, err
	}
	for _, dir := range merged {
		from := filepath.Join(b.base, "root", dir)
		info, err := os.Lstat(from)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := mergeDir(from, filepath.Join(b.base, "root/usr", dir)); err != nil {
			return nil, err
		}
		b.attrs.move("root/"+dir+"/", "root/usr/"+dir+"/")
	}
	return nil, nil
}

// mergeDir moves what lies in from into to, folder by folder. Files of the same
// path in both are a mistake of the package.
func mergeDir(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, d := range list {
		source, target := filepath.Join(from, d.Name()), filepath.Join(to, d.Name())
		_, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = os.Rename(source, target)
		case err == nil && d.IsDir():
			err = mergeDir(source, target)
		case err == nil:
			err = invalidf("merge_usr: %q is there twice", target)
		}
		if err != nil {
			return err
		}
	}
	return os.Remove(from)
}

// move gives the attributes of what lay below one folder to the same files below
// another.
func (a attributes) move(from, to string) {
	for name, at := range a {
		if rest, ok := strings.CutPrefix(name, from); ok {
			a[to+rest] = at
			delete(a, name)
		}
	}
}
