package index

import (
	"testing"
)

func FuzzIndex(f *testing.F) {
	f.Add("")
	f.Add(entry("age", "1.0").Text())
	f.Add(entry("age", "1.0").Text() + entry("zip", "3").Text())
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Parse(text)
		if err != nil {
			return
		}
		if again := string(x.Print()); again != text {
			t.Errorf("printed again: %q", again)
		}
		if _, err := New(x.Entries()); err != nil {
			t.Errorf("made again: %v", err)
		}
		for _, e := range x.Entries() {
			if x.File(e.Filename) != e {
				t.Errorf("cannot find %q", e.Filename)
			}
		}
	})
}

func FuzzHead(f *testing.F) {
	data, _ := newHead().Encode()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHead(data)
		if err != nil {
			return
		}
		if again, err := h.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("encoded again: %q, %v", again, err)
		}
		if err := CheckHead(h, h, noon); err != nil && h.Fresh(noon) == nil && max(h.Date, h.Serial) < noon.Unix() {
			t.Errorf("the same head again: %v", err)
		}
	})
}

func FuzzLink(f *testing.F) {
	l := &Link{Type: LinkType, Repository: "main", Number: 1, Date: 1, Add: ders("ca1"),
		Scopes: []Scope{{Names: []string{"a*"}, Signers: []string{Sum(nil)}}}}
	data, _ := l.Encode()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLink(data)
		if err != nil {
			return
		}
		if again, err := l.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("encoded again: %q, %v", again, err)
		}
	})
}

func FuzzChanges(f *testing.F) {
	a, b := newIndex(f, entry("a", "1"), entry("c", "1")), newIndex(f, entry("b", "1"), entry("c", "2"))
	f.Add(string(Diff(a, b, 1, 2).Print()), string(a.Print()))
	f.Fuzz(func(t *testing.T, text, on string) {
		c, err := ParseChanges(text)
		if err != nil {
			return
		}
		if again := string(c.Print()); again != text {
			t.Errorf("printed again: %q", again)
		}
		x, err := Parse(on)
		if err != nil {
			return
		}
		if y, err := x.Apply(c); err == nil && Sum(y.Print()) != c.ToSHA256 {
			t.Error("led to another index")
		}
	})
}
