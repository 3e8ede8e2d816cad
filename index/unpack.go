package index

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/zstd"

	"muster"
)

// Unpack decompresses a file of a repository, an index, a bin or changes, and writes at
// most max bytes. The limit stands around the decoder: in a stream its own limit is not
// kept, and 131 kB can hold 4 GiB.
func Unpack(w io.Writer, data []byte, max int64) error {
	dec, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return err
	}
	defer dec.Close()
	n, err := io.Copy(w, io.LimitReader(dec, max+1))
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot decompress: %w", err)
	}
	if n > max {
		return muster.Errorf(muster.Invalid, "cannot decompress: more than %d bytes", max)
	}
	return nil
}
