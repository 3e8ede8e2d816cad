package index

import (
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func unpacked(data []byte, max int64) (string, error) {
	var text strings.Builder
	err := Unpack(&text, data, max)
	return text.String(), err
}

// FuzzUnpack: what is unpacked is never longer than it may be, and what was packed
// comes back.
func FuzzUnpack(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(enc.EncodeAll([]byte("package: age\n"), nil), 20)
	f.Add(enc.EncodeAll([]byte(strings.Repeat("a", 10_000)), nil), 100)
	f.Fuzz(func(t *testing.T, data []byte, max int) {
		max = max & 0xffff
		if text, err := unpacked(data, int64(max)); err == nil && len(text) > max {
			t.Fatalf("%d bytes, at most %d were asked for", len(text), max)
		}
		text, err := unpacked(enc.EncodeAll(data, nil), int64(len(data)))
		if err != nil || text != string(data) {
			t.Fatalf("what was packed comes back as %q: %v", text, err)
		}
		if _, err := unpacked(enc.EncodeAll(data, nil), int64(len(data))-1); err == nil && len(data) > 0 {
			t.Fatal("it is longer than it may be")
		}
	})
}
