package search

import (
	"testing"
	"time"

	"muster/inventory"
)

// Scopes are sets: and, or, none and all behave as such on every host.
func TestScope(t *testing.T) {
	query := func(s string) *Query {
		q, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	scopes := map[string]struct {
		s    Scope
		host func(n int) bool
	}{
		"none":    {Scope{}, func(int) bool { return false }},
		"no list": {Within(), func(int) bool { return false }},
		"all":     {Within(query("name:pc-1"), query("")), func(int) bool { return true }},
		"one":     {Within(query("name:pc-1")), func(n int) bool { return n == 1 }},
		"two":     {Within(query("name:pc-1"), query("name:pc-2")), func(n int) bool { return n == 1 || n == 2 }},
		"not":     {Within(query("-name:pc-1")), func(n int) bool { return n != 1 }},
	}
	has := func(s Scope, n int) bool {
		doc := inventory.New()
		doc.System = &inventory.System{Hostname: "pc-" + string(rune('0'+n))}
		return s.Match(FactsOf(doc, nil, Membership{}), time.Now())
	}
	for an, a := range scopes {
		for bn, b := range scopes {
			for n := range 4 {
				if got, want := has(a.s.And(b.s), n), a.host(n) && b.host(n); got != want {
					t.Errorf("%s and %s has host %d: %v", an, bn, n, got)
				}
				if got, want := has(a.s.Or(b.s), n), a.host(n) || b.host(n); got != want {
					t.Errorf("%s or %s has host %d: %v", an, bn, n, got)
				}
			}
		}
	}
	if !(Scope{}).None() || Everything().None() || !Everything().All() || Within(query("a")).All() {
		t.Error("none and all are not told apart")
	}
}
