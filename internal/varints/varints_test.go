package varints

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"muster"
)

// What was written comes back, and nothing is left.
func TestRead(t *testing.T) {
	var b []byte
	for _, v := range []uint64{0, 1, 127, 128, math.MaxUint64} {
		b = binary.AppendUvarint(b, v)
	}
	for _, v := range []int64{0, -1, 63, 64, math.MinInt64, math.MaxInt64} {
		b = binary.AppendVarint(b, v)
	}
	r := Reader{Rest: append(b, "end"...), What: "a test"}
	for _, v := range []uint64{0, 1, 127, 128, math.MaxUint64} {
		if got := r.Uvarint(); got != v {
			t.Errorf("%d, not %d", got, v)
		}
	}
	for _, v := range []int64{0, -1, 63, 64, math.MinInt64, math.MaxInt64} {
		if got := r.Varint(); got != v {
			t.Errorf("%d, not %d", got, v)
		}
	}
	if got := r.Bytes(3); string(got) != "end" || r.End() != nil {
		t.Errorf("%q, %v", got, r.Err())
	}
}

// What is damaged fails once and for all.
func TestDamage(t *testing.T) {
	for name, read := range map[string]func(r *Reader){
		"":             func(r *Reader) { r.Uvarint() },
		"\x80":         func(r *Reader) { r.Varint() },
		"\x80\x00":     func(r *Reader) { r.Uvarint() },
		"\x81\x80\x00": func(r *Reader) { r.Varint() },
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02": func(r *Reader) { r.Uvarint() },
		"abc":  func(r *Reader) { r.Bytes(4) },
		"abcd": func(r *Reader) { r.Bytes(3); r.End() }, //nolint:errcheck // looked at below
	} {
		r := Reader{Rest: []byte(name), What: "a test"}
		read(&r)
		first := r.Err()
		if muster.KindOf(first) != muster.Internal || r.Uvarint() != 0 || r.Varint() != 0 || r.Bytes(1) != nil || r.Err() != first {
			t.Errorf("%q: %v, then %v", name, first, r.Err())
		}
	}
}

// FuzzReader reads numbers, and writes the same bytes again.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x00\x01\x80\x01"))
	f.Add([]byte("\x80\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, signed := range []bool{false, true} {
			var again []byte
			r := Reader{Rest: data, What: "a test"}
			for len(r.Rest) > 0 {
				left := len(r.Rest)
				if signed {
					v := r.Varint()
					if r.Err() == nil {
						again = binary.AppendVarint(again, v)
					}
				} else if v := r.Uvarint(); r.Err() == nil {
					again = binary.AppendUvarint(again, v)
				}
				if len(r.Rest) >= left {
					t.Fatal("it does not go on")
				}
			}
			if r.Err() == nil && !bytes.Equal(again, data) || !bytes.HasPrefix(data, again) {
				t.Errorf("%x, then %x: %v", data, again, r.Err())
			}
		}
	})
}
