package agent

import (
	"strings"
	"testing"

	"muster"
	"muster/internal/engine"
	"muster/internal/fetch"
)

// Of a change that failed the server hears which package was at fault: the others
// are not held against their rollouts.
func TestBlame(t *testing.T) {
	f := newFleet(t)
	f.publish("good 1", "good=one")
	f.publish("bad 1", "bad=one")
	f.host("pc")
	f.round("pc")
	f.install("pc", "good", "bad")
	f.publish("good 2", "good=two")
	f.publish("bad 2", "bad=two", "actions.star=def install():\n    fail('no luck')\n")
	f.round("pc")
	_, err := Execute(t.Context(), Change{Request: engine.Request{Upgrade: true, User: "schedule"}, Job: f.job("pc"), Notify: func(s string) { f.Log(s) }, Progress: func(fetch.Progress) {}})
	if err == nil {
		t.Fatal("the upgrade succeeded")
	}
	f.round("pc")
	last := f.results[len(f.results)-1]
	if last.Error == "" || len(last.Steps) != 2 {
		t.Fatalf("%+v", last)
	}
	for _, s := range last.Steps {
		if s.Status != muster.Error || strings.Contains(s.Error, "no luck") != (s.Name == "bad") {
			t.Errorf("%+v", s)
		}
	}
}
