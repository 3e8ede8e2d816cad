package version

import (
	"slices"
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	for _, c := range []struct{ v, release, better string }{
		{"1.0-rc1", "1.0", "1.0~rc1"},
		{"1.0rc1", "1.0", "1.0~rc1"},
		{"1.0.RC.1-2", "1.0", "1.0~RC.1-2"},
		{"1:2.0-beta-3", "1:2.0", "1:2.0~beta-3"},
		{"1.0--alpha", "1.0", "1.0~alpha"},
		{"2.0b.dev3", "2.0b", "2.0b~dev3"},
		{"3-SNAPSHOT", "3", "3~SNAPSHOT"},
	} {
		got := Lint(c.v)
		want := []string{`"` + c.v + `" sorts after "` + c.release + `"; for a pre-release of it write "` + c.better + `"`}
		if !slices.Equal(got, want) {
			t.Errorf("Lint(%q) = %q, want %q", c.v, got, want)
		}
		if Check(c.better) != nil || Compare(c.better, c.release) >= 0 || Compare(c.v, c.release) <= 0 {
			t.Errorf("%q is not a pre-release of %q, or %q is one", c.better, c.release, c.v)
		}
	}
	for v, part := range map[string]string{
		"2024-05-13":      `write "2024.05.13"`,
		"1.2-RELEASE":     `write "1.2-RELEASE-1"`,
		"1.2-14-gdeadbee": `packaging "gdeadbee" of version "1.2-14"`,
	} {
		if got := Lint(v); len(got) != 1 || !strings.Contains(got[0], part) {
			t.Errorf("Lint(%q) = %q, want %q", v, got, part)
		}
	}
	for _, v := range []string{
		"1.0", "1.0-1", "1.0~rc1-1", "1.0+dev", "1.0+git2024-1", "1.0-1beta1", "1.0p1", "1.0b2",
		"3.0prefix", "1.2.3.4", "2024.05-1", "1.0~git1.rc1", "not a version",
	} {
		if got := Lint(v); got != nil {
			t.Errorf("Lint(%q) = %q", v, got)
		}
	}
}

// TestLintDebian holds Lint to being quiet: the versions of a distribution with
// careful packagers are nearly all as their authors mean them.
func TestLintDebian(t *testing.T) {
	list := lines(t, "testdata/debian.txt")
	var suspicious []string
	for _, v := range list {
		suspicious = append(suspicious, Lint(v)...)
	}
	if n := len(suspicious); n == 0 || n > len(list)/50 {
		t.Errorf("%d of %d versions are suspicious: %q", n, len(list), suspicious)
	}
}
