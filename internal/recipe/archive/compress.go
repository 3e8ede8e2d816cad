package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
	"github.com/xi2/xz"
)

// maxWindow bounds the memory of a decompressor. xz -9 needs 64 MiB, zstd reads
// 128 MiB without being told more.
const maxWindow = 128 << 20

// decompress reads r through the decompressor that its first bytes ask for, or
// as it is. end frees what that one holds.
func decompress(r io.Reader) (plain io.Reader, end func(), err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	head, err := in.Peek(13)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	end = func() {}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("BZh")):
		plain = bzip2.NewReader(in)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		plain, err = xz.NewReader(in, maxWindow)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		plain, end, err = openZstd(in)
	case looksLZMA(head):
		plain, err = lzma.NewReader(in)
	default:
		plain, err = in, nil
	}
	if err != nil {
		return nil, nil, invalidf("cannot decompress: %w", notEOF(err))
	}
	return plain, end, nil
}

func openZstd(r io.Reader) (io.Reader, func(), error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}

// looksLZMA tells the old .lzma format, which has no magic number: one byte of
// properties, nearly always 5D, a window of four bytes, a size of eight. The
// window is bounded here, because the decompressor takes the memory at once.
func looksLZMA(head []byte) bool {
	if len(head) < 13 || head[0] != 0x5d {
		return false
	}
	window := binary.LittleEndian.Uint32(head[1:5])
	size := binary.LittleEndian.Uint64(head[5:13])
	return window >= 1<<12 && window <= maxWindow && (size == 1<<64-1 || size < MaxSize)
}
