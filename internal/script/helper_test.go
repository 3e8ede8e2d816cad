package script

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestExamples runs the example of every helper that exists here. Examples that
// would change the machine are functions, which are defined but not called.
func TestExamples(t *testing.T) {
	for _, h := range Helpers() {
		t.Run(h.Name, func(t *testing.T) {
			t.Parallel()
			source := h.Example
			if !strings.Contains(source, h.Name) {
				t.Errorf("the example does not show %s", h.Name)
			}
			if _, err := Hooks(h.Name, []byte(source)); err != nil {
				t.Fatal(err)
			}
			if len(h.Platforms) == 0 || slices.Contains(h.Platforms, runtime.GOOS) {
				mustRun(t, Request{}, source+"\ndef install():\n    pass\n")
			}
		})
	}
}

// TestSignatures holds the documented parameters against the code.
func TestSignatures(t *testing.T) {
	s := newSession(&wireRequest{}, &frameWriter{w: discard{}})
	names := map[string]bool{}
	for _, h := range Helpers() {
		if names[h.Name] {
			t.Errorf("%s stands twice", h.Name)
		}
		names[h.Name] = true
		def := "def " + h.Name + "(" + h.Params + "):\n    pass\n"
		if _, err := Hooks("signature", []byte(def)); err != nil {
			t.Errorf("%s: %v", h.Name, err)
		}
		if len(h.Platforms) > 0 && !slices.Contains(h.Platforms, runtime.GOOS) {
			continue
		}
		if h.fn == nil && natives[h.Name] == nil {
			t.Errorf("%s has no code on %s", h.Name, runtime.GOOS)
			continue
		}
		if strings.Contains(h.Params, "*") {
			continue
		}
		wrong := []starlark.Tuple{{starlark.String("nonsense"), starlark.None}}
		_, err := s.builtin(h.Name, h).CallInternal(s.thread, nil, wrong)
		if !onlyForBuilder(h.Name) && (err == nil || !strings.Contains(err.Error(), `unexpected keyword argument "nonsense"`)) {
			t.Errorf("%s: %v", h.Name, err)
		}
	}
}

func onlyForBuilder(name string) bool { return insteadOnBuilder[name] != "" }

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// TestScopeIsDocumented compares the names in scope with the reference.
func TestScopeIsDocumented(t *testing.T) {
	text := Reference()
	for _, name := range slices.Sorted(maps.Keys(scopeOnce())) {
		if !strings.Contains(text, name) {
			t.Errorf("%s is in scope and not in the reference", name)
		}
	}
}

func TestReference(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", "helpers.md")
	want := Reference()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale: go test ./internal/script -run TestReference -update", file)
	}
}
