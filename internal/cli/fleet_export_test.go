package cli

import (
	"bytes"
	"testing"
)

// TestExportFlags: what a list does not take is refused, before a server is asked.
func TestExportFlags(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"events", "--query", "x"}, exitUsage}, {[]string{"hosts", "--from", "7d"}, exitUsage}, {[]string{"software", "--host", "pc-1"}, exitUsage},
		{[]string{"history", "--failed"}, exitUsage}, {[]string{"nosuch"}, exitUsage},
		{[]string{"events", "--from", "7d", "--to", "1d", "--failed"}, exitDenied}, // nobody is logged in
		{[]string{"hosts", "--query", "x", "--json"}, exitDenied},
	} {
		var out, errs bytes.Buffer
		if code := Main(append([]string{"export"}, c.args...), nil, &out, &errs); code != c.code {
			t.Errorf("%q: %d, want %d: %s", c.args, code, c.code, errs.String())
		}
	}
}
