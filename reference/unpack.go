package reference

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"muster"
)

// Bounds of an index of a repository.
const (
	MaxIndex  = 1 << 30   // bytes, unpacked: some ten times the largest known
	maxWindow = 128 << 20 // memory of a decompressor
)

// unpack reads r through the decompressor that its first bytes ask for, or as it is,
// and no more than MaxIndex bytes. end frees what it holds.
func unpack(file string, r io.Reader) (plain *bufio.Reader, end func(), err error) {
	in := bufio.NewReaderSize(r, maxLine)
	head, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
	}
	var out io.Reader = in
	end, err = func() {}, nil
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		out, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("BZh")):
		out = bzip2.NewReader(in)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		out, err = xz.NewReader(in, maxWindow)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		out, end, err = unzstd(in)
	case bytes.HasPrefix(head, lz4Magic):
		out, err = unlz4(in)
	}
	if err != nil {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot decompress %q: %w", file, err)
	}
	return bufio.NewReaderSize(&limited{r: out, left: MaxIndex}, maxLine), end, nil
}

func unzstd(r io.Reader) (io.Reader, func(), error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}

// limited fails behind its bytes, rather than end.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, muster.Errorf(muster.Invalid, "more than %d bytes unpacked", MaxIndex)
	}
	return n, err
}

// member finds a file in an archive; what is none is that file itself.
func member(file string, r *bufio.Reader, name string) (*bufio.Reader, error) {
	if head, _ := r.Peek(262); len(head) < 262 || string(head[257:]) != "ustar" {
		return r, nil
	}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "%q has no file %s: %w", file, name, err)
		}
		if strings.TrimPrefix(h.Name, "./") == name {
			return bufio.NewReaderSize(t, maxLine), nil
		}
	}
}
