package server

import (
	"strings"
	"testing"
)

// FuzzSource holds that a line of advisories.sources that is read says where to look, in
// one place, under a name that is no path.
func FuzzSource(f *testing.F) {
	f.Add("debian debian https://security-tracker.debian.org/tracker/data/json every=6h")
	f.Add("rocky updateinfo /srv/updateinfo.xml platform=rocky:9")
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseSource(line)
		if err != nil {
			return
		}
		if (s.Path == "") == (s.URL == "") || s.Name == "" || strings.ContainsAny(s.Name, "/\\ ") || strings.HasPrefix(s.Name, ".") {
			t.Errorf("%q is read as %+v", line, s)
		}
		again, err := parseSource(s.Name + " " + s.Form + " " + s.Path + s.URL)
		if err != nil || again.Name != s.Name || again.URL != s.URL || again.Path != s.Path {
			t.Errorf("%q is read as %+v, and then as %+v; %v", line, s, again, err)
		}
	})
}
