package wapt

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"muster"
)

const (
	// maxDirectory bounds the bytes read before the directory of a zip is
	// parsed: the parser makes room for each of its records.
	maxDirectory = 32 << 20
	// maxRatio bounds how much more than its packed size a zip may become, beyond
	// freeRoom bytes. Deflate reaches 1032, installers hardly 1, text 20.
	maxRatio = 200
	freeRoom = 64 << 20
	// maxPath bounds the length of a path in bytes.
	maxPath = 1024
)

// Open reads the directory and the control of a .wapt of size bytes. Errors are of
// kind Invalid. The package is read from r as long as it is used; Close closes r
// if that can be closed.
func Open(r io.ReaderAt, size int64) (*Package, error) {
	p := &Package{}
	p.closer, _ = r.(io.Closer)
	err := p.readZip(r, size)
	if err == nil {
		err = p.finish()
	}
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "this is no package of WAPT: %w", err)
	}
	return p, nil
}

// readZip lists the files of a zip.
func (p *Package) readZip(r io.ReaderAt, size int64) error {
	z, err := openZip(r, size)
	if err != nil {
		return err
	}
	var packed, total uint64
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") && f.UncompressedSize64 == 0 {
			if err := checkPath(strings.TrimSuffix(f.Name, "/")); err != nil {
				return err
			}
			continue
		}
		if err := checkEntry(f, uint64(size)); err != nil {
			return err
		}
		// Two entries that share their packed bytes count twice: a zip in which
		// they overlap, to become larger than any ratio allows, is refused.
		if packed, total = packed+f.CompressedSize64, total+f.UncompressedSize64; packed > uint64(size) {
			return errors.New("files of the zip overlap")
		}
		p.Files = append(p.Files, File{Path: f.Name, Size: int64(f.UncompressedSize64), open: opener(f)})
	}
	if total > MaxSize || total > freeRoom+maxRatio*uint64(size) {
		return fmt.Errorf("%d bytes become %d, which is too much", size, total)
	}
	return nil
}

// opener opens content with a bound: a directory that tells of fewer bytes than
// come is an error, not a surprise.
func opener(f *zip.File) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		return &limited{r, int64(f.UncompressedSize64)}, nil
	}
}

// A limited reader fails where more comes than was said.
type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	n, err := l.ReadCloser.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, errors.New("more bytes than its directory says")
	}
	return n, err
}

func openZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	b := &bounded{r: r, left: maxDirectory}
	z, err := zip.NewReader(b, size)
	if b.left < 0 {
		return nil, fmt.Errorf("the directory of the zip is larger than %d bytes", maxDirectory)
	}
	if err != nil {
		return nil, err
	}
	if len(z.File) > MaxFiles {
		return nil, fmt.Errorf("%d files, more than %d", len(z.File), MaxFiles)
	}
	b.open = true
	return z, nil
}

// A bounded reader gives only so many bytes until it is opened.
type bounded struct {
	r    io.ReaderAt
	left int64
	open bool
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if !b.open {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return b.r.ReadAt(p, off)
}

// checkEntry refuses what is no plain file with a plain name.
func checkEntry(f *zip.File, size uint64) error {
	const encrypted = 0x1
	switch {
	case f.Flags&encrypted != 0:
		return fmt.Errorf("%q is encrypted", f.Name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("%q is packed by method %d, which is not read", f.Name, f.Method)
	case f.Mode()&fs.ModeType != 0:
		return fmt.Errorf("%q is no plain file", f.Name)
	case f.CompressedSize64 > size || f.UncompressedSize64 > MaxSize:
		return fmt.Errorf("%q cannot have %d bytes", f.Name, f.UncompressedSize64)
	}
	return checkPath(f.Name)
}

// checkPath holds a path below the folder of the package, on every system.
func checkPath(name string) error {
	if len(name) > maxPath || !utf8.ValidString(name) || !fs.ValidPath(name) || name == "." || path.Clean(name) != name {
		return fmt.Errorf("%.200q is no path of a package", name)
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f || c == '\\' || c == ':' {
			return fmt.Errorf("%.200q: character %q is not allowed in a path", name, c)
		}
	}
	return nil
}
