package index

import (
	"strings"
	"testing"
)

// What the quick way is for must take it: else an index is read slowly, and
// no other test would tell.
func TestQuickWay(t *testing.T) {
	texts := []string{usual("a", "1:0").Text(), usual("lib+b", "2~1-3").Text()}
	for _, e := range world(50) {
		texts = append(texts, e.Text())
	}
	for _, text := range texts {
		var f fields
		var p prover
		if stanza, rest, ok := f.cut(text); !ok || stanza != text || rest != "" {
			t.Errorf("cannot cut\n%s", text)
		}
		if !p.proves(&f) {
			t.Errorf("cannot prove\n%s", text)
		}
		for i, value := range f {
			if value == "" && strings.Contains(text, "\n"+fieldPrefixes[i]) {
				t.Errorf("lost %s of\n%s", fieldPrefixes[i], text)
			}
		}
	}
}

// Changes find the place of every stanza, at the ends and between.
func TestSeek(t *testing.T) {
	x := newIndex(t, entry("b", "1"), entry("d", "1"), entry("d", "2"), entry("f", "1"))
	for i := range x.Len() {
		name, at := filenameOf(x.stanza(i)), int(x.starts[i])
		for _, seeking := range []string{name, name[:len(name)-1]} {
			if got := seek(x.text, seeking); got != at {
				t.Errorf("%q is at %d, not %d", seeking, got, at)
			}
		}
	}
	if got := seek(x.text, "pool/z"); got != len(x.text) {
		t.Errorf("behind the end is %d", got)
	}
	for _, odd := range []string{"", "\n\n", "\n", "x", strings.Repeat("\n", 9), "filename: a\n\nfilename: b"} {
		seek(odd, "b") // ends, whatever the text
	}
}
