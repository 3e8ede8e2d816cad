package recipe

import (
	"maps"
	"strings"
	"testing"
)

// FuzzCredentials: what provenance tells of a recipe's repository has no
// password, however odd.
func FuzzCredentials(f *testing.F) {
	f.Add("https", "alice", "s3cr%ss-t", "example.org/recipes.git")
	f.Add("ssh", "git", "swordfish", "example.org:22/recipes.git")
	f.Add("http", "a b", "sword fish", "[::1]/x?y#z")
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		// Beyond these bytes it is no password but part of a path (RFC 3986, 3.2).
		if len(password) < 6 || strings.ContainsAny(user+password, "/?#") || strings.Contains(scheme+user+rest, password) ||
			strings.ContainsAny(scheme+user+rest, "\x00\r\n@") || scheme == "" || strings.ContainsAny(scheme, "/:?#") {
			return
		}
		remote := scheme + "://" + user + ":" + password + "@" + rest
		if told := withoutCredentials(remote); strings.Contains(told, password) {
			t.Errorf("%q is told as %q", remote, told)
		}
	})
}

// FuzzParams holds that parameters that are read can be written and read as the
// same, and that they are put into a text as they are, once.
func FuzzParams(f *testing.F) {
	f.Add("a=1, b=x y,\n c = d=e", "${a}-${b}${c}$")
	f.Add("a=${a}", "${a}${b}")
	f.Add("a=1,a=2", "${a")
	f.Fuzz(func(t *testing.T, list, text string) {
		params, err := parseParams(list)
		if err != nil {
			return
		}
		var lines []string
		for name, value := range params {
			lines = append(lines, name+" = "+value)
		}
		again, err := parseParams(strings.Join(lines, ",\n"))
		if err != nil || !maps.Equal(again, params) {
			t.Fatalf("%v, then %v, %v", params, again, err)
		}
		got, err := expand(text, params)
		if err != nil {
			if !strings.Contains(text, "${") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		pairs := []string{}
		for name, value := range params {
			pairs = append(pairs, "${"+name+"}", value)
		}
		if want := strings.NewReplacer(pairs...).Replace(text); got != want {
			t.Fatalf("%q became %q, not %q", text, got, want)
		}
	})
}

// FuzzPrelude: helpers are put behind a recipe that can be parsed, which keeps
// its lines.
func FuzzPrelude(f *testing.F) {
	for _, name := range preludeNames {
		f.Add([]byte("def build():\n    " + name + "()\n"))
	}
	f.Add([]byte("x = 1"))
	f.Add([]byte("def build():\n  '''\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		got, err := withPrelude(source)
		if err != nil {
			return
		}
		if !strings.HasPrefix(string(got), string(source)) {
			t.Fatalf("%q became %q", source, got)
		}
		if _, err := dialect.Parse("x", got, 0); err != nil {
			t.Fatalf("%v in\n%s", err, got)
		}
	})
}
