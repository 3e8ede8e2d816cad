package inventory

import (
	"bytes"
	"testing"
)

// FuzzParse holds that a document has one encoding.
func FuzzParse(f *testing.F) {
	f.Add(mustMarshal(f, full()))
	f.Add(mustMarshal(f, desktop(3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data)
		if err != nil {
			return
		}
		if again := mustMarshal(t, d); !bytes.Equal(again, data) {
			t.Fatalf("%q became %q", data, again)
		}
		if empty, err := Diff(d, d); err != nil || !empty.Empty() || empty.New != nil || empty.Packages != nil {
			t.Fatalf("the difference of a document to itself is %+v, %v", empty, err)
		}
	})
}

// FuzzDelta holds that a delta has one encoding, and that what it makes of a
// base is what it promised, or nothing.
func FuzzDelta(f *testing.F) {
	base := desktop(4)
	for _, next := range []*Document{desktop(2), desktop(6), full(), New()} {
		d, err := Diff(base, next)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(mustMarshal(f, d))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseDelta(data)
		if err != nil {
			return
		}
		if again := mustMarshal(t, d); !bytes.Equal(again, data) {
			t.Fatalf("%q became %q", data, again)
		}
		next, err := d.Apply(base)
		if err != nil {
			return
		}
		if is, err := next.Hashes(); err != nil || is.Set() != d.Result {
			t.Fatalf("promised %s, made %v, %v", d.Result, is, err)
		}
		mustMarshal(t, next)
	})
}

// FuzzText holds that what Text and Output make may stand in a document.
func FuzzText(f *testing.F) {
	f.Add("a\x1b[0m\u2028é\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if err := checkText(Text(s), false); err != nil {
			t.Fatal(err)
		}
		if err := checkText(Output(s), true); err != nil {
			t.Fatal(err)
		}
		if Text(Text(s)) != Text(s) {
			t.Fatalf("Text is not idempotent on %q", s)
		}
	})
}
