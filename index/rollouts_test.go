package index

import (
	"strings"
	"testing"

	"muster"
)

// The newest version of each rollout is listed, by version and not by text, and
// nothing else.
func TestRollouts(t *testing.T) {
	var all []*Entry
	for _, id := range []string{"b 9", "a 2", "b 10", "b 1", "a 1"} {
		name, v, _ := strings.Cut(id, " ")
		e := entry(name, v)
		e.Kind, e.NeedsCode = muster.Rollout, false
		all = append(all, e)
	}
	x := newIndex(t, append(all, entry("b-base", "11"))...)
	var got []string
	for _, e := range x.Rollouts() {
		got = append(got, e.Name+" "+e.Version)
	}
	if strings.Join(got, ", ") != "a 2, b 10" {
		t.Errorf("%q", got)
	}
}
