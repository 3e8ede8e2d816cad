package repo

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/index"
)

// compress makes one zstd frame.
func compress(raw []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	return enc.EncodeAll(raw, nil), nil
}

// decompress returns at most max bytes. The limit stands around the decoder:
// in a stream its own limit is not kept, and 131 kB can hold 4 GiB.
func decompress(data []byte, max int64) ([]byte, error) {
	dec, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	raw, err := io.ReadAll(io.LimitReader(dec, max+1))
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: %w", err)
	}
	if int64(len(raw)) > max {
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: more than %d bytes", max)
	}
	return raw, nil
}

// openIndex checks the compressed index against what the head says, then
// decompresses and reads it.
func openIndex(l index.List, data []byte) (*index.Index, error) {
	if int64(len(data)) != l.Compressed.Size || index.Sum(data) != l.Compressed.SHA256 {
		return nil, muster.Errorf(muster.Denied, "the compressed index is not the one that the head names")
	}
	raw, err := decompress(data, l.Raw.Size)
	if err != nil {
		return nil, err
	}
	return parseIndex(l, raw)
}

// parseIndex checks the index against what the head says and reads it.
func parseIndex(l index.List, raw []byte) (*index.Index, error) {
	if int64(len(raw)) != l.Raw.Size || index.Sum(raw) != l.Raw.SHA256 {
		return nil, muster.Errorf(muster.Denied, "the index is not the one that the head names")
	}
	return index.Parse(string(raw))
}
