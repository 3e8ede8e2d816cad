package advisory

import (
	"os"
	"strings"
	"testing"
)

// TestDSA reads the list of Debian's advisories.
func TestDSA(t *testing.T) {
	got := importing(t, DSA, "dsa.txt")
	golden(t, "golden/dsa.txt", got.text())
}

func TestDSAErrors(t *testing.T) {
	got, err := importText(DSA, "list", "\t[bookworm] - a 1\n")
	if err != nil || len(got.skipped) != 1 || !strings.Contains(got.skipped[0], "line 1 belongs to no advisory") {
		t.Errorf("%v, %q", err, got.skipped)
	}
	if _, err := importText(DSA, "list", strings.Repeat("x", maxDSALine+1)); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a line without end: %v", err)
	}
	for text, want := range map[string]string{
		"DSA-1-1 a\n":     "line 1: an advisory begins with its day",
		"[1 Jan 2026] \n": "line 1",
		"[1 Jan 2026] DSA-1-1 a\n\t[bookworm] - a\n": "line 2",
		"[1 Jan 2026] DSA-1-1 a\n\tCVE-1\n":          "line 2",
	} {
		got, err := importText(DSA, "list", text)
		if err != nil || len(got.skipped) != 1 || !strings.Contains(got.skipped[0], want) {
			t.Errorf("%q: %v, %q, want %q", text, err, got.skipped, want)
		}
	}
}

// FuzzDSA: what is yielded is bounded and complete.
func FuzzDSA(f *testing.F) {
	data, err := os.ReadFile("testdata/dsa.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := importText(DSA, "x", string(data))
		if err != nil {
			return
		}
		checkImported(t, &got)
	})
}
