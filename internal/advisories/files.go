package advisories

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/advisory"
)

// maxFiles bounds the files of a folder: OSV and CSAF have one for each advisory.
const maxFiles = 300_000

// readPath reads a file or a folder of files. Where names, sizes and times are what they
// were, nothing is read.
func (a *Advisories) readPath(s *Source, src *sourceRow) (c content, err error) {
	paths, stamp, size, err := list(s.Path)
	if err != nil {
		return c, err
	}
	c = content{etag: stamp, place: s.Path, size: size}
	if src.generation > 0 && src.etag == stamp {
		return c, nil
	}
	if c.sum, err = sumFiles(s.Path, paths); err != nil {
		return c, err
	}
	c.each = a.files(s, paths, func(path string) string { return path })
	if info, err := os.Stat(s.Path); err == nil && info.IsDir() && s.Form == "csaf" {
		c.each = a.csafFolder(s, paths)
	}
	return c, nil
}

// csafFolder reads a folder that was copied from a provider of CSAF: documents with the
// sums beside them, and archives that lie in it as any file.
func (a *Advisories) csafFolder(s *Source, paths []string) func(context.Context, func(entryOf) error) error {
	archives := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return !slices.Contains([]string{".tar", ".gz", ".bz2", ".xz", ".zst"}, filepath.Ext(path))
	})
	rest := a.files(s, archives, func(path string) string { return path })
	return func(ctx context.Context, f func(entryOf) error) error {
		if err := rest(ctx, f); err != nil {
			return err
		}
		return advisory.CSAFFolder(os.DirFS(s.Path), a.options(s, s.Path, f), yielded(f))
	}
}

// list returns the files of a path in their order, and a stamp that changes with any.
func list(root string) (paths []string, stamp string, size int64, err error) {
	sum := sha256.New()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path != root && strings.HasPrefix(d.Name(), ".") {
			return err
		}
		info, err := os.Stat(path) // of what a link leads to
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		if len(paths) == maxFiles {
			return muster.Errorf(muster.Invalid, "folder %q has more than %d files", root, maxFiles)
		}
		size += info.Size()
		paths = append(paths, path)
		fmt.Fprintf(sum, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err == nil && len(paths) == 0 {
		err = muster.Errorf(muster.NotFound, "folder %q has no files", root)
	}
	if err != nil {
		return nil, "", 0, muster.Errorf(kindOr(err, muster.Unavailable), "cannot read advisories: %w", err)
	}
	return paths, hex.EncodeToString(sum.Sum(nil)), size, nil
}

// sumFiles is the hash of what files say, under their names in the folder.
func sumFiles(root string, paths []string) ([]byte, error) {
	sum := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, muster.Errorf(muster.Unavailable, "cannot read advisories: %w", err)
		}
		own := sha256.New()
		_, err = io.Copy(own, f)
		f.Close()
		if err != nil {
			return nil, muster.Errorf(muster.Unavailable, "cannot read advisories: %w", err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "%q %x\n", name, own.Sum(nil))
	}
	return sum.Sum(nil), nil
}

// files reads documents of a source one after the other. name is how messages call one.
func (a *Advisories) files(s *Source, paths []string, name func(string) string) func(context.Context, func(entryOf) error) error {
	return func(ctx context.Context, f func(entryOf) error) error {
		read, err := importer(s.Form)
		if err != nil {
			return err
		}
		for _, path := range paths {
			err := a.file(ctx, s, read, path, name(path), f)
			if single[s.Form] && len(paths) > 1 && muster.KindOf(err) == muster.Invalid {
				err = f(entryOf{skipped: err, name: path})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (a *Advisories) file(ctx context.Context, s *Source, read reader, path, name string, f func(entryOf) error) error {
	in, err := os.Open(path)
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot read advisories: %w", err)
	}
	defer in.Close()
	return read(in, a.options(s, name, f), f)
}

func (a *Advisories) options(s *Source, name string, f func(entryOf) error) advisory.Options {
	return advisory.Options{
		Name: name, Systems: a.Systems, Platform: a.Systems.Ecosystem(s.Ecosystem, s.Release),
		Skip:    func(entry string, why error) error { return f(entryOf{skipped: why, name: entry}) },
		Unknown: func(scheme, system string) { f(entryOf{unmapped: scheme + " " + system}) }, //nolint:errcheck // it is only noted
	}
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
