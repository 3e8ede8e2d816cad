package wapt

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"muster"
)

// authoring are folders of the author's tools that no package holds.
var authoring = []string{".git", ".svn", "__pycache__"}

// OpenFolder reads the folder that a package is made from.
func OpenFolder(dir string) (*Package, error) {
	p := &Package{Folder: true}
	err := p.walk(dir)
	if err == nil {
		err = p.finish()
	}
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%q is no recipe of WAPT: %w", dir, err)
	}
	return p, nil
}

func (p *Package) walk(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(authoring, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || d.Name() == ".gitignore":
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%q is no plain file", name)
		}
		return p.add(dir, name, d)
	})
}

func (p *Package) add(dir, name string, d fs.DirEntry) error {
	rel, err := filepath.Rel(dir, name)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	if err := checkPath(rel); err != nil {
		return err
	}
	if p.Files = append(p.Files, File{Path: rel, Size: info.Size(), open: func() (io.ReadCloser, error) { return os.Open(name) }}); len(p.Files) > MaxFiles {
		return fmt.Errorf("more than %d files", MaxFiles)
	}
	return nil
}
