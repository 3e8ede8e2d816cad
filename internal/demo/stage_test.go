package demo

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/testneed"
)

// TestOpen makes a stage in the place of an earlier one, and of nothing else.
func TestOpen(t *testing.T) {
	testneed.Program(t, "go")
	dir := t.TempDir()
	own := filepath.Join(dir, "own.txt")
	if err := os.WriteFile(own, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir, "muster", io.Discard)
	if muster.KindOf(err) != muster.Conflict || muster.HintOf(err) != "muster demo --dir ANOTHER" {
		t.Errorf("a folder of somebody else: %v, hint %q", err, muster.HintOf(err))
	}
	if _, err := Open(t.Context(), own, "musterd", io.Discard); muster.HintOf(err) != "musterd demo --dir ANOTHER" {
		t.Errorf("a file: %v, hint %q", err, muster.HintOf(err))
	}
	if data, err := os.ReadFile(own); string(data) != "mine" {
		t.Errorf("it was touched: %q, %v", data, err)
	}
	stage := filepath.Join(dir, "stage")
	left := filepath.Join(stage, "left")
	for range 2 {
		s, err := Open(t.Context(), stage, "muster", io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(s.Dir, "recipes", "age", "control")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(left); err == nil {
			t.Error("something is left of the stage before")
		}
		if err := os.WriteFile(left, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Packages("age_*"); err == nil {
			t.Error("there is a package that nobody built")
		}
	}
}

// TestShown holds that what is printed can be typed in the folder.
func TestShown(t *testing.T) {
	s := &Stage{Dir: filepath.FromSlash("/x/demo")}
	got := s.Shown([]string{"muster", "why-not", "age>=2", "--root", filepath.FromSlash("/x/demo/host"), "--set", "version=1.3.1", "", "a b"})
	if want := "muster why-not 'age>=2' --root host --set version=1.3.1 '' 'a b'"; strings.ReplaceAll(got, `\`, "/") != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
