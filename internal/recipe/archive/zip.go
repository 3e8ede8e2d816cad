package archive

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"strings"
)

// A zipSource reads the files of a zip in the order of its directory.
type zipSource struct {
	files []*zip.File
	open  io.ReadCloser // content of the last one
}

func openZip(f *os.File) (source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, invalidf("zip: %w", err)
	}
	return &zipSource{files: r.File}, nil
}

func (z *zipSource) next() (*entry, error) {
	if err := z.Close(); err != nil {
		return nil, err
	}
	if len(z.files) == 0 {
		return nil, io.EOF
	}
	f := z.files[0]
	z.files = z.files[1:]
	e := &entry{Meta: Meta{Path: f.Name, Mode: zipMode(f)}, time: f.Modified}
	if strings.HasSuffix(f.Name, "/") {
		e.kind = directory
		return e, nil
	}
	if f.UncompressedSize64 > MaxSize {
		return nil, invalidf("%q: more than %d bytes", f.Name, int64(MaxSize))
	}
	var err error
	if z.open, err = f.Open(); err != nil {
		return nil, invalidf("%q: %w", f.Name, err)
	}
	e.size = int64(f.UncompressedSize64)
	switch m := f.Mode(); {
	case m&fs.ModeSymlink != 0:
		return z.symlink(e)
	case !m.IsRegular():
		return nil, invalidf("%q is neither file, directory nor link", f.Name)
	}
	return e, nil
}

// symlink reads the target, which zip keeps as the content.
func (z *zipSource) symlink(e *entry) (*entry, error) {
	target, err := io.ReadAll(io.LimitReader(z.open, maxLink+1))
	e.kind, e.link, e.size = symlink, string(target), 0
	return e, err
}

// zipMode is the mode where a Unix system made the zip. Others know only
// whether a file may be written.
func zipMode(f *zip.File) uint32 {
	const unix, macOS = 3, 19
	if by := f.CreatorVersion >> 8; by == unix || by == macOS {
		if m := uint32(f.ExternalAttrs >> 16); m != 0 {
			return m & 0o7777
		}
	}
	if strings.HasSuffix(f.Name, "/") {
		return 0o755
	}
	return 0o644
}

func (z *zipSource) Read(p []byte) (int, error) {
	if z.open == nil {
		return 0, io.EOF
	}
	return z.open.Read(p)
}

func (z *zipSource) Close() error {
	if z.open == nil {
		return nil
	}
	err := z.open.Close()
	z.open = nil
	return err
}
