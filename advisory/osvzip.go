package advisory

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"math"
	"strings"

	"muster"
)

// Bounds of an archive of documents. That of Debian has some 55,000 of them;
// text of versions is packed into a fiftieth of its size and less.
const (
	maxArchiveEntries = 500_000
	maxZipDirectory   = 24 << 20 // an entry has 46 bytes, and a name; it takes 250 of memory
	maxArchiveEntry   = 64 << 20
	maxArchiveRatio   = 400
	maxArchiveGrowth  = 16 << 20 // of any archive
)

// OSVZip reads an archive with one document or more in each file whose name
// ends in .json, as osv.dev publishes them for each ecosystem (all.zip). A file
// that cannot be read is skipped like an entry; an archive whose files grow to
// more than 400 times its size is refused where it does.
func OSVZip(r io.ReaderAt, size int64, o Options, yield func(*Advisory) error) error {
	limited := &directoryReader{r: r, left: maxZipDirectory}
	archive, err := zip.NewReader(limited, size)
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot read archive %q: %w", o.Name, err)
	}
	if len(archive.File) > maxArchiveEntries {
		return muster.Errorf(muster.Invalid, "archive %q has more than %d files", o.Name, maxArchiveEntries)
	}
	limited.left = math.MaxInt64
	in := &osvReader{o: o, yield: yield}
	left := maxArchiveGrowth + maxArchiveRatio*size
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, ".json") {
			continue
		}
		n, err := in.file(f.Name, func() (io.ReadCloser, error) { return f.Open() })
		if err != nil {
			return err
		}
		if left -= n; left < 0 {
			return muster.Errorf(muster.Invalid, "archive %q of %d bytes grows to more than %d times as much", o.Name, size, maxArchiveRatio)
		}
	}
	return nil
}

// A directoryReader bounds what is read of an archive before it is known how many files it
// says it has.
type directoryReader struct {
	r    io.ReaderAt
	left int64
}

func (d *directoryReader) ReadAt(p []byte, off int64) (int, error) {
	if d.left -= int64(len(p)); d.left < 0 {
		return 0, muster.Errorf(muster.Invalid, "its directory has more than %d bytes", maxZipDirectory)
	}
	return d.r.ReadAt(p, off)
}

// OSVFolder reads every file below a folder whose name ends in .json, in the
// order of their names.
func OSVFolder(folder fs.FS, o Options, yield func(*Advisory) error) error {
	in := &osvReader{o: o, yield: yield}
	return fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return muster.Errorf(muster.Invalid, "cannot read folder %q: %w", o.Name, err)
		}
		if !d.Type().IsRegular() || !strings.HasSuffix(path, ".json") {
			return nil
		}
		_, err = in.file(path, func() (io.ReadCloser, error) { return folder.Open(path) })
		return err
	})
}

// file reads one file of several, and returns how many bytes it had. What is
// wrong with it ends the file alone.
func (in *osvReader) file(name string, open func() (io.ReadCloser, error)) (int64, error) {
	var count countingReader
	f, err := open()
	if err == nil {
		bound := Options{Name: name, MaxBytes: maxArchiveEntry, Context: in.o.Context}
		count.r = bound.bounded(f)
		err = errors.Join(in.stream(&count, name), f.Close())
	}
	if err != nil && in.stop == nil {
		in.stop = in.o.skip(name, err)
	}
	return count.n, in.stop
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
