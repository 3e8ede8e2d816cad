package inventory

import (
	"os"
	"testing"
)

// TestVectors holds the vectors of docs/formats/inventory.md: base.json and
// delta.json make next.json.
func TestVectors(t *testing.T) {
	load := func(name string) []byte {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	base, err := Parse(load("base.json"))
	if err != nil {
		t.Fatal(err)
	}
	delta, err := ParseDelta(load("delta.json"))
	if err != nil {
		t.Fatal(err)
	}
	next, err := delta.Apply(base)
	if err != nil {
		t.Fatal(err)
	}
	if got := mustMarshal(t, next); string(got) != string(load("next.json")) {
		t.Errorf("made %s", got)
	}
	again, err := Diff(base, next)
	if err != nil {
		t.Fatal(err)
	}
	if got := mustMarshal(t, again); string(got) != string(load("delta.json")) {
		t.Errorf("the difference is %s", got)
	}
}
