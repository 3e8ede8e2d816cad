package cli

import (
	"bytes"
	"strings"
	"testing"

	"muster"
)

// What is wrong with a field names it, unless it says so itself.
func TestFieldName(t *testing.T) {
	for _, c := range []struct{ text, field, want string }{
		{"site \"X\" cannot have a limit below 0", "/quota/reports", "quota.reports: site \"X\" cannot have a limit below 0"},
		{"addresses: \"x\" is no network", "/addresses", "addresses: \"x\" is no network"},
		{"\"x\" is no network", "/from/1", "from.1: \"x\" is no network"},
		{"the password has fewer than 15 characters", "/password", "the password has fewer than 15 characters"},
		{"( has no value", "q", "( has no value"},
		{"there is no such thing", "", "there is no such thing"},
	} {
		var out bytes.Buffer
		a := &app{err: &out}
		a.exit(muster.WithField(muster.Errorf(muster.Invalid, "%s", c.text), c.field))
		if got := strings.TrimSpace(out.String()); got != "muster: "+c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}
