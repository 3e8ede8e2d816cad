// Package archive unpacks what software comes in: tar with any usual
// compression, zip, Debian packages and RPM packages.
//
// Start with [Unpack]. [OpenDeb] and [OpenRPM] also tell what such a package
// says of itself. The format is told by content, never by name.
//
// Archives are foreign bytes. Nothing is written outside of the folder given
// ([os.Root] sees to it, also where an archive brings its own symlinks), sizes
// are bounded before memory is taken, and devices, pipes and sockets are refused.
//
// Unpacked files belong to whoever unpacks and have no special mode bits. What
// an archive says of owners, special bits, extended attributes and
// configuration files comes back as [Meta], so that nobody must be root.
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"muster"
)

// Limits of one archive; what is beyond is refused.
const (
	MaxSize  = 64 << 30 // bytes of all files together
	MaxFiles = 1_000_000
	maxLink  = 4096 // bytes of a link target
)

// Options say how to unpack.
type Options struct {
	// Strip is the number of leading path components to remove. What has no
	// more than that is left out.
	Strip int
}

// Meta is what an archive says of a file and an unprivileged folder cannot
// hold.
type Meta struct {
	Path   string            // below the folder, with slashes
	Owner  string            // "user:group", or empty for root:root and where unknown
	Mode   uint32            // bits of chmod(2)
	Xattrs map[string][]byte // security.capability and user.*
	Config bool              // people edit the file
}

// A kind is the type of an entry.
type kind int

const (
	regular kind = iota
	directory
	symlink
	hardlink
)

// An entry is a file of an archive.
type entry struct {
	Meta
	kind kind
	link string // target of either link; of a hard link a path in the archive
	size int64
	time time.Time
}

// A source yields the entries of an archive in order; reading gives the content
// of the one yielded last. next returns io.EOF at the end.
type source interface {
	next() (*entry, error)
	io.Reader
}

// Unpack writes the files of the archive into root, over what is there, and
// returns the Meta of those that have one.
func Unpack(ctx context.Context, file string, root *os.Root, o Options) ([]Meta, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := open(f)
	if err != nil {
		return nil, fmt.Errorf("cannot unpack %q: %w", file, err)
	}
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	x := extractor{root: root, strip: o.Strip}
	if err := x.all(ctx, src); err != nil {
		return nil, fmt.Errorf("cannot unpack %q: %w", file, err)
	}
	return x.metas, nil
}

// open tells the format of f by its first bytes.
func open(f *os.File) (source, error) {
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch head = head[:n]; {
	case n == 0:
		return nil, invalidf("the file is empty")
	case bytes.HasPrefix(head, []byte(arMagic)):
		deb, err := OpenDeb(f)
		if err != nil {
			return nil, err
		}
		return deb.files()
	case bytes.HasPrefix(head, []byte(rpmMagic)):
		rpm, err := OpenRPM(f)
		if err != nil {
			return nil, err
		}
		return rpm.files()
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return openZip(f)
	}
	return openTar(f)
}

// clean returns the path of an entry below the folder, without the components
// stripped; "" for what is left out.
func clean(name string, strip int) (string, error) {
	if strings.ContainsAny(name, "\x00\\") {
		return "", invalidf("file name %q has a backslash or NUL", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", invalidf("file name %q leads upwards", name)
		}
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for range strip {
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", nil
		}
		name = rest
	}
	return name, nil
}

func invalidf(format string, args ...any) error {
	return muster.Errorf(muster.Invalid, format, args...)
}

// notEOF turns an end of file in the middle of a structure into an error that
// no caller takes for the end of the archive.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Names lists the paths in an archive, the first max of them, without a slash
// at the end.
func Names(ctx context.Context, file string, max int) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := open(f)
	if err != nil {
		return nil, err
	}
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	var names []string
	for len(names) < max && ctx.Err() == nil {
		e, err := src.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		name, err := clean(e.Path, 0)
		if err != nil {
			return nil, err
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names, ctx.Err()
}
