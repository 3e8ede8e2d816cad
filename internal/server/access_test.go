package server

import (
	"slices"
	"testing"

	"muster/api"
)

// Every route of a person names a verb, and no other does.
func TestEveryRouteHasItsVerb(t *testing.T) {
	for _, rt := range routes() {
		known := rt.verb == api.VerbSelf || slices.Contains(api.Verbs(), rt.verb)
		if known != (rt.who == aPerson) {
			t.Errorf("%s has the verb %q", rt.name(), rt.verb)
		}
	}
}
