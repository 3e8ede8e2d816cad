package advisory

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// sorted joins words in order.
func sorted(words []string) string {
	slices.Sort(words)
	return strings.Join(words, " ")
}

func catalogue(t *testing.T) (*Catalogue, imported) {
	t.Helper()
	data, err := os.ReadFile("testdata/kev.json")
	if err != nil {
		t.Fatal(err)
	}
	var got imported
	o, _ := got.take("kev.json")
	c, err := ParseKEV(strings.NewReader(string(data)), o)
	if err != nil {
		t.Fatal(err)
	}
	return c, got
}

// TestKEV marks advisories by their own name and by their aliases.
func TestKEV(t *testing.T) {
	c, notes := catalogue(t)
	if c.Version != "2026.02.10" || len(c.Entries) != 2 || len(notes.skipped) != 2 {
		t.Errorf("%+v, skipped %q", c, notes.skipped)
	}
	e := c.Entries["CVE-2026-1001"]
	if e.Added != 1770249600 || e.Due != 1772064000 || !e.Ransomware || !strings.HasPrefix(e.Name, "Example Heap") {
		t.Errorf("%+v", e)
	}
	got := importing(t, Debian, "debian.json")
	for _, a := range got.all {
		c.Mark(a)
		if want := a.ID == "CVE-2026-1001"; a.Exploited != want {
			t.Errorf("%s is marked %v", a.ID, a.Exploited)
		}
	}
	a := &Advisory{ID: "DSA-1", Aliases: []string{"CVE-2026-1001", "CVE-2026-1004"}}
	if e, ok := c.Find(a); !ok || e.Ransomware || e.Added != 1769904000 {
		t.Errorf("the first that was added is %+v", e)
	}
	a = &Advisory{ID: "DSA-2", Exploited: true}
	if c.Mark(a); a.Exploited {
		t.Error("a mark stays that no catalogue gives")
	}
}

func TestKEVErrors(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"vulnerabilities":[{"cveID":"x"}]}`} {
		if _, err := ParseKEV(strings.NewReader(text), Options{Name: "kev"}); err == nil {
			t.Errorf("%q is a catalogue", text)
		}
	}
}

// FuzzKEV: every entry is about a CVE.
func FuzzKEV(f *testing.F) {
	data, err := os.ReadFile("testdata/kev.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var got imported
		o, _ := got.take("kev")
		c, err := ParseKEV(strings.NewReader(string(data)), o)
		if err != nil {
			return
		}
		for id := range c.Entries {
			a := &Advisory{ID: id}
			if c.Mark(a); !a.Exploited || !strings.HasPrefix(id, "CVE-") || len(id) > maxText {
				t.Fatalf("%q", id)
			}
		}
	})
}
