package recipe

import (
	"strings"
	"testing"

	"muster/internal/script"
)

const bothSides = `VERSION = "1"

def compile(where):   # only build() uses it
    configure([], cwd = where)
    make()

def say(text):
    print(text)

def build():
    say("building")
    src = fetch("go:example.org/x@v1")
    compile(src)

def audit():
    say(VERSION)
    return "OK"
`

// TestHostSource holds that a package carries no function of the builder, and
// that what is left stands in the same lines.
func TestHostSource(t *testing.T) {
	got, err := hostSource([]byte(bothSides))
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(bothSides, "\n"), strings.Split(string(got), "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines became %d", len(before), len(after))
	}
	for i, line := range after {
		if line != "" && line != before[i] {
			t.Errorf("line %d: %q became %q", i+1, before[i], line)
		}
	}
	for _, gone := range []string{"configure", "fetch", "def compile", "def build"} {
		if strings.Contains(string(got), gone) {
			t.Errorf("%q is still there", gone)
		}
	}
	hooks, err := script.Hooks("actions.star", got)
	if err != nil || len(hooks) != 1 || hooks[0] != "audit" {
		t.Errorf("hooks %v, %v", hooks, err)
	}
	for _, kept := range []string{"VERSION", "def say", "def audit"} {
		if !strings.Contains(string(got), kept) {
			t.Errorf("%q is gone", kept)
		}
	}
}
