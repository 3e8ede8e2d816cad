package index

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lists draws an index of some of 8 packages, each in one of 3 states.
func lists(t *rapid.T, label string) *Index {
	var entries []*Entry
	for i, state := range rapid.SliceOfN(rapid.IntRange(0, 3), 8, 8).Draw(t, label) {
		if state > 0 {
			e := entry(fmt.Sprintf("p%d", i), "1.0")
			e.Size = int64(state)
			entries = append(entries, e)
		}
	}
	x, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestChangesLeadThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := lists(t, "a"), lists(t, "b"), lists(t, "c")
		ab, bc := Diff(a, b, 1, 2), Diff(b, c, 2, 3)
		for _, ch := range []*Changes{ab, bc} {
			again, err := ParseChanges(string(ch.Print()))
			if err != nil {
				t.Fatal(err)
			}
			if string(again.Print()) != string(ch.Print()) {
				t.Fatalf("printed again:\n%s", again.Print())
			}
		}
		ac, err := ab.Then(bc)
		if err != nil {
			t.Fatal(err)
		}
		leads(t, a, ab, b)
		leads(t, b, bc, c)
		leads(t, a, ac, c)
		leads(t, a, Diff(a, c, 1, 3), c)
	})
}

func leads(t *rapid.T, from *Index, ch *Changes, to *Index) {
	got, err := from.Apply(ch)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Print()) != string(to.Print()) || got.Len() != to.Len() {
		t.Fatalf("got\n%s\nwant\n%s", got.Print(), to.Print())
	}
}

func TestChangesRefused(t *testing.T) {
	a, b := newIndex(t, entry("a", "1"), entry("c", "1")), newIndex(t, entry("b", "1"), entry("c", "1"))
	ch := Diff(a, b, 1, 2)
	if _, err := b.Apply(ch); err != nil {
		t.Errorf("changes that are made already: %v", err)
	}
	if _, err := newIndex(t).Apply(ch); err == nil || !strings.Contains(err.Error(), "do not lead") {
		t.Errorf("changes on another index: %v", err)
	}
	if _, err := ch.Then(Diff(b, a, 3, 4)); err == nil {
		t.Error("joined changes that do not meet")
	}
	text := string(ch.Print())
	for name, broken := range map[string]string{
		"other type":       strings.Replace(text, "changes/1", "changes/2", 1),
		"no target":        strings.Replace(text, "to-sha256", "so-sha256", 1),
		"backwards":        strings.Replace(text, "to: 2", "to: 1", 1),
		"extra field":      strings.Replace(text, "to: 2\n", "to: 2\nwhy: so\n", 1),
		"removed twice":    strings.Replace(text, "removed: "+a.Entries()[0].Filename+"\n\n", strings.Repeat("removed: "+a.Entries()[0].Filename+"\n\n", 2), 1),
		"removed at end":   text + "removed: pool/z\n\n",
		"removed and more": strings.Replace(text, "\n\npackage", "\nand: more\n\npackage", 1),
		"nothing":          "",
		"only packages":    b.Entries()[0].Text(),
		"empty lines":      text + "\n",
	} {
		if _, err := ParseChanges(broken); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkChanges50of60k(b *testing.B) {
	entries := world(60_000)
	old := newIndex(b, entries...)
	for i := range 50 {
		e := entry(entries[i*1100].Name, "99.1")
		e.Description = entries[i*1100].Description
		entries[i*1100] = e
	}
	text := string(Diff(old, newIndex(b, entries...), 1, 2).Print())
	b.ReportAllocs()
	for b.Loop() {
		ch, err := ParseChanges(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := old.Apply(ch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(text)), "bytes")
}
