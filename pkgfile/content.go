package pkgfile

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"muster"
)

// CheckContent reads the whole package and reports the first place where the
// tar stream, which stock tools read, says something else than the manifest,
// which muster reads. A repository does so before it publishes.
func (p *Package) CheckContent() error {
	tr := tar.NewReader(&frameReader{p: p, x: extractors.Get().(*extractor)})
	for i := range p.Manifest.Files {
		f := &p.Manifest.Files[i]
		h, err := tr.Next()
		if err != nil {
			return muster.Errorf(muster.Invalid, "%q: tar stream: %w", f.Path, err)
		}
		err = checkHeader(p.Manifest, f, h)
		if err == nil && h.Typeflag == tar.TypeReg {
			err = checkTarContent(f, tr)
		}
		if err != nil {
			return muster.Errorf(muster.Invalid, "%q: tar stream: %w", f.Path, err)
		}
	}
	if h, err := tr.Next(); err != io.EOF {
		return muster.Errorf(muster.Invalid, "the tar stream goes on behind the last file: %v %v", h, err)
	}
	return Extract(context.Background(), 1, Job{Package: p, Contents: true,
		Want:   func(*File) bool { return true },
		Create: func(*File) (io.WriteCloser, error) { return discard{}, nil }})
}

// checkTarContent compares the content in the tar stream with the manifest,
// which may have taken it from another place.
func checkTarContent(f *File, r io.Reader) error {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
		return fmt.Errorf("content has sha256 %.16s, not %.16s", sum, f.SHA256)
	}
	return nil
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }

// checkHeader compares a tar header with the manifest.
func checkHeader(m *Manifest, f *File, h *tar.Header) error {
	typ, name := h.Typeflag, h.Name
	if f.Type == Directory {
		name = string(bytes.TrimSuffix([]byte(name), []byte("/")))
	}
	if name != f.Path {
		return fmt.Errorf("the name is %q", h.Name)
	}
	switch {
	case f.Type == Directory && typ == tar.TypeDir:
	case f.Type == Symlink && typ == tar.TypeSymlink && h.Linkname == f.Link:
		return nil
	case f.Type == Hardlink && typ == tar.TypeLink && h.Linkname == f.Link:
		return nil
	case f.Type == Regular && typ == tar.TypeReg && h.Size == f.Size:
	case f.Type == Regular && typ == tar.TypeLink:
		if same := m.Find(h.Linkname); same == nil || same.SHA256 != f.SHA256 || same.Path >= f.Path {
			return fmt.Errorf("links to %q, which is not the same", h.Linkname)
		}
	default:
		return fmt.Errorf("type %q, target %q or size %d differs", typ, h.Linkname, h.Size)
	}
	if h.Mode != int64(f.Mode) {
		return fmt.Errorf("mode is %#o, not %#o", h.Mode, f.Mode)
	}
	return checkRecords(f, h)
}

// checkRecords compares the extended attributes of a tar header with those of
// the manifest.
func checkRecords(f *File, h *tar.Header) error {
	n := 0
	for name, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(name, xattrRecord)
		if !ok {
			continue
		}
		if n++; f.Xattrs[name] != base64.StdEncoding.EncodeToString([]byte(value)) {
			return fmt.Errorf("extended attribute %q differs", name)
		}
	}
	if n != len(f.Xattrs) {
		return fmt.Errorf("%d extended attributes, not %d", n, len(f.Xattrs))
	}
	return nil
}

// frameReader reads the decompressed frames one behind the other.
type frameReader struct {
	p    *Package
	x    *extractor
	n    int
	rest []byte
}

func (r *frameReader) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.n == len(r.p.Manifest.Frames) {
			return 0, io.EOF
		}
		if err := r.x.load(r.p, r.n); err != nil {
			return 0, err
		}
		r.n++
		r.rest = r.x.out
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
