package advisory

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"muster"
)

// maxWindow bounds the memory of a decompressor: xz -9 needs 64 MiB.
const maxWindow = 64 << 20

// document is the text of a document that may be compressed, at most
// [Options.MaxBytes] of it, and frees what reads it.
func (o *Options) document(r io.Reader) (text io.Reader, end func(), err error) {
	text, end, err = o.plain(r)
	if err != nil {
		return nil, nil, err
	}
	return o.bounded(text), end, nil
}

// plain is what may be compressed, without a bound. Publishers compress with
// gzip, bzip2, xz and zstd; which one the first bytes say, not the name.
func (o *Options) plain(r io.Reader) (text io.Reader, end func(), err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	head, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, nil, muster.Errorf(muster.Unavailable, "cannot read %q: %w", o.Name, err)
	}
	end = func() {}
	text, err = in, nil
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		text, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("BZh")):
		text = bzip2.NewReader(in)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		text, err = xz.NewReader(in, maxWindow)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		var d *zstd.Decoder
		d, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err == nil {
			text, end = d, d.Close
		}
	}
	if err != nil {
		return nil, nil, muster.Errorf(muster.Invalid, "cannot decompress %q: %w", o.Name, err)
	}
	return text, end, nil
}

// A tokenBound lets a decoder read at most most bytes beyond the token that it
// returned last: so no string makes it take more memory. offset is the end of
// that token in the input, not how far a decoder has looked.
type tokenBound struct {
	r      io.Reader
	name   string
	offset func() int64
	read   int64
	most   int64
}

func (t *tokenBound) Read(p []byte) (int, error) {
	left := t.offset() + t.most - t.read
	if left <= 0 {
		return 0, muster.Errorf(muster.Invalid, "%q has a text of more than %d bytes at byte %d", t.name, t.most, t.offset())
	}
	n, err := t.r.Read(p[:min(int64(len(p)), left)])
	t.read += int64(n)
	return n, err
}
