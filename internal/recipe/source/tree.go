package source

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster"
)

// TreeSum is the sha256 that stands for a folder: that of a list of its files
// in the order of their paths, one line each,
//
//	<sha256 of the content> <x for what its owner may run, l for a symlink, - else> <path>
//
// where the content of a symlink is its target. .git is left out.
func TreeSum(dir string) (sum string, size int64, err error) {
	hash := sha256.New()
	err = walkTree(dir, func(rel string, d fs.DirEntry) error {
		name := filepath.Join(dir, filepath.FromSlash(rel))
		line, n, err := treeLine(name, rel, d)
		size += n
		fmt.Fprintln(hash, line)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

func treeLine(name, rel string, d fs.DirEntry) (string, int64, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(name)
		sum := sha256.Sum256([]byte(filepath.ToSlash(target)))
		return fmt.Sprintf("%x l %s", sum, rel), 0, err
	}
	sum, n, err := sumFile(name)
	if err != nil {
		return "", 0, err
	}
	info, err := d.Info()
	if err != nil {
		return "", 0, err
	}
	mark := "-"
	if info.Mode()&0o100 != 0 {
		mark = "x"
	}
	return sum + " " + mark + " " + rel, n, nil
}

// walkTree visits files and symlinks below dir in the order of their names.
// Anything else is refused.
func walkTree(dir string, visit func(rel string, d fs.DirEntry) error) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if !d.Type().IsRegular() && d.Type()&fs.ModeSymlink == 0 || strings.ContainsAny(rel, "\r\n") {
			return muster.Errorf(muster.Invalid, "%q is neither file nor link, or has a line end in its name", rel)
		}
		return visit(rel, d)
	})
}

// copyTree copies a folder so that its owner may change every file.
func copyTree(from, to string) error {
	return walkTree(from, func(rel string, d fs.DirEntry) error {
		source, target := filepath.Join(from, filepath.FromSlash(rel)), filepath.Join(to, filepath.FromSlash(rel))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			link, err := os.Readlink(source)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		return copyFile(source, target)
	})
}

// copyFile copies content, whether the file may be run, and its time, which
// make compares.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	if err := writeFile(to, in, mode); err != nil {
		return err
	}
	if err := os.Chmod(to, mode); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
