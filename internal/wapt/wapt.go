// Package wapt reads the packages of WAPT, another manager of software: what
// they hold, what they say of themselves, and who signed them.
//
// A package is a zip, or the folder that it was made from:
//
//	setup.py               the code; a group or a host has none
//	WAPT/control           "key : value" lines, see [Control]
//	WAPT/certificate.crt   PEM: the signer, then who issued the certificate
//	WAPT/manifest.sha256   JSON: [["path","hex sha256"],...]
//	WAPT/signature.sha256  base64: RSA PKCS#1 v1.5, SHA-256, over the manifest
//	anything else          installers and data
//
// Start with [Open] for a file and [OpenFolder] for a folder, and with
// [Package.Verify] before what is in it is believed. [ParseIndex] reads the list of
// packages that a repository offers.
//
// Sizes are bounded before anything is unpacked, and content is checked while it
// is read. What is older than SHA-256 is refused, not verified.
//
// The package only reads. It knows no network, clock or log, and runs nothing.
package wapt

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"muster"
)

// Limits. A package beyond one is refused.
const (
	MaxFiles    = 50_000
	MaxSize     = 64 << 30 // bytes of all files
	MaxControl  = 1 << 20  // bytes, as of every other small file below WAPT/
	MaxManifest = 16 << 20 // bytes
	MaxCode     = 256 << 10
)

// The files of a package that have a meaning of their own.
const (
	CodePath        = "setup.py"
	ControlPath     = "WAPT/control"
	CertificatePath = "WAPT/certificate.crt"
	ManifestPath    = "WAPT/manifest.sha256"
	SignaturePath   = "WAPT/signature.sha256"
	PersistentDir   = "WAPT/persistent/"
)

// A Package is a package that can be read. Nothing in it is verified.
type Package struct {
	Control *Control
	Files   []File // by path; folders are not listed
	// Folder tells that the package is the folder of its author, where files
	// may differ from what was signed once.
	Folder bool

	closer io.Closer
}

// A File is a regular file of a package.
type File struct {
	Path string // slashes; below the package's folder on every system
	Size int64  // bytes

	open func() (io.ReadCloser, error)
}

// Open opens the content, which has exactly Size bytes or fails.
func (f *File) Open() (io.ReadCloser, error) {
	r, err := f.open()
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", f.Path, err)
	}
	return &exact{r, f}, nil
}

// An exact reader ends with an error where content is not as long as was said
// before room was made for it.
type exact struct {
	io.ReadCloser
	f *File
}

func (e *exact) Read(b []byte) (int, error) {
	n, err := e.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = muster.Errorf(muster.Invalid, "cannot read %q: %w", e.f.Path, err)
	}
	return n, err
}

// Find returns the file of that path, or nil.
func (p *Package) Find(path string) *File {
	i, found := slices.BinarySearchFunc(p.Files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
	if !found {
		return nil
	}
	return &p.Files[i]
}

// Read returns the content of a small file; nil where there is none.
func (p *Package) Read(path string, limit int64) ([]byte, error) {
	f := p.Find(path)
	if f == nil {
		return nil, nil
	}
	if f.Size > limit {
		return nil, muster.Errorf(muster.Invalid, "%q: %d bytes, more than %d", path, f.Size, limit)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) != f.Size {
		err = muster.Errorf(muster.Invalid, "%q has not the %d bytes that it is said to have", path, f.Size)
	}
	return data, err
}

// Close closes what Open opened.
func (p *Package) Close() error {
	if p.closer == nil {
		return nil
	}
	return p.closer.Close()
}

// finish sorts the files, refuses names that stand twice, and reads the control.
func (p *Package) finish() error {
	slices.SortFunc(p.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(p.Files); i++ {
		before, f := p.Files[i-1].Path, p.Files[i].Path
		if before == f || strings.HasPrefix(f, before+"/") {
			return fmt.Errorf("%q stands twice", before)
		}
	}
	data, err := p.Read(ControlPath, MaxControl)
	if err != nil {
		return err
	}
	if data == nil {
		return fmt.Errorf("it has no %s", ControlPath)
	}
	if p.Control, err = ParseControl(data); err != nil {
		return fmt.Errorf("%s: %w", ControlPath, err)
	}
	return nil
}
