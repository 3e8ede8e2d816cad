package repo

import (
	"bytes"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/index"
)

// compressors are kept for the next frame: their tables, 20 MB, take longer to
// make than a small one.
var compressors sync.Pool

// compress makes one zstd frame.
func compress(raw []byte) ([]byte, error) {
	enc, _ := compressors.Get().(*zstd.Encoder)
	if enc == nil {
		var err error
		if enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, err
		}
	}
	defer compressors.Put(enc)
	return enc.EncodeAll(raw, nil), nil
}

// decompress returns at most max bytes.
func decompress(data []byte, max int64) ([]byte, error) {
	var raw bytes.Buffer
	if err := index.Unpack(&raw, data, max); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}

// openIndex checks the compressed index against what the head says, then
// decompresses and reads it.
func openIndex(l index.List, data []byte) (*index.Index, error) {
	if int64(len(data)) != l.Compressed.Size || index.Sum(data) != l.Compressed.SHA256 {
		return nil, muster.Errorf(muster.Denied, "the compressed index is not the one that the head names")
	}
	var text strings.Builder
	text.Grow(int(l.Raw.Size))
	if err := index.Unpack(&text, data, l.Raw.Size); err != nil {
		return nil, err
	}
	return parseIndex(l, text.String())
}

// parseIndex checks the index against what the head says and reads it, both at
// once. Reading is safe whatever the text.
func parseIndex(l index.List, text string) (*index.Index, error) {
	sum := make(chan string, 1)
	go func() { sum <- index.SumText(text) }()
	x, err := index.Parse(text)
	if int64(len(text)) != l.Raw.Size || <-sum != l.Raw.SHA256 {
		return nil, muster.Errorf(muster.Denied, "the index is not the one that the head names")
	}
	return x, err
}
