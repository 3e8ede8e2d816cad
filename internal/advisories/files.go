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

// maxFiles bounds the documents of a folder: OSV and CSAF have one for each advisory. Sums
// and signatures may lie beside each.
const (
	maxFiles  = 500_000
	maxBeside = 3 // files beside a document
)

// readPath reads a file or a folder of files. Where names, sizes and times are what they
// were, nothing is read.
func (a *Advisories) readPath(ctx context.Context, s *Source, src *sourceRow) (c content, err error) {
	root, err := filepath.EvalSymlinks(s.Path) // who swaps folders does it by a link
	if err != nil {
		return c, muster.Errorf(muster.Unavailable, "cannot read advisories: %w", err)
	}
	paths, stamp, size, err := list(ctx, root)
	if err != nil {
		return c, err
	}
	c = content{etag: stamp, place: s.Path, size: size}
	if src.generation > 0 && src.etag == stamp {
		return c, nil
	}
	if c.sum, err = sumFiles(ctx, root, paths); err != nil {
		return c, err
	}
	paths = slices.DeleteFunc(paths, isBeside)
	c.each = a.files(s, paths, func(path string) string { return path })
	if info, err := os.Stat(root); err == nil && info.IsDir() && s.Form == "csaf" {
		c.each = a.csafFolder(s, root, paths)
	}
	return c, nil
}

// isBeside reports the sum or the signature of a document.
func isBeside(path string) bool {
	switch filepath.Ext(path) {
	case ".sha256", ".sha512", ".asc", ".sig":
		return true
	}
	return false
}

// csafFolder reads a folder that was copied from a provider of CSAF: documents with the
// sums beside them, and archives that lie in it as any file.
func (a *Advisories) csafFolder(s *Source, root string, paths []string) func(context.Context, func(entryOf) error) error {
	archives := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return !slices.Contains([]string{".tar", ".gz", ".bz2", ".xz", ".zst"}, filepath.Ext(path))
	})
	rest := a.files(s, archives, func(path string) string { return path })
	return func(ctx context.Context, f func(entryOf) error) error {
		if err := rest(ctx, f); err != nil {
			return err
		}
		return advisory.CSAFFolder(os.DirFS(root), a.options(ctx, s, s.Path, f), yielded(f))
	}
}

// list returns the files of a path in their order, and a stamp that changes with any.
func list(ctx context.Context, root string) (paths []string, stamp string, size int64, err error) {
	sum := sha256.New()
	documents := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path != root && strings.HasPrefix(d.Name(), ".") {
			return err
		}
		info, err := os.Stat(path) // of what a link leads to
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		if !isBeside(path) {
			documents++
		}
		if documents > maxFiles || len(paths) >= maxFiles*(1+maxBeside) {
			return muster.Errorf(muster.Invalid, "folder %q has more than %d files", root, maxFiles)
		}
		size += info.Size()
		paths = append(paths, path)
		fmt.Fprintf(sum, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		return ctx.Err()
	})
	if err == nil && documents == 0 {
		err = muster.Errorf(muster.NotFound, "folder %q has no files", root)
	}
	if err != nil {
		return nil, "", 0, muster.Errorf(kindOr(err, muster.Unavailable), "cannot read advisories: %w", err)
	}
	return paths, hex.EncodeToString(sum.Sum(nil)), size, nil
}

// sumFiles is the hash of what files say, under their names in the folder.
func sumFiles(ctx context.Context, root string, paths []string) ([]byte, error) {
	sum := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, muster.Errorf(muster.Unavailable, "cannot read advisories: %w", err)
		}
		own := sha256.New()
		_, err = io.Copy(own, endingReader{ctx, f})
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

// An endingReader ends with its context.
type endingReader struct {
	ctx context.Context
	r   io.Reader
}

func (e endingReader) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(p)
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
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
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
	return read(in, a.options(ctx, s, name, f), f)
}

func (a *Advisories) options(ctx context.Context, s *Source, name string, f func(entryOf) error) advisory.Options {
	return advisory.Options{
		Name: name, Context: ctx, Systems: a.Systems, Platform: a.Systems.Ecosystem(s.Ecosystem, s.Release),
		Skip:    func(entry string, why error) error { return f(entryOf{skipped: why, name: entry}) },
		Unknown: func(scheme, system string) { f(entryOf{unmapped: scheme + " " + system}) }, //nolint:errcheck // it is only noted
	}
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
