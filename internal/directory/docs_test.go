package directory

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestDocs holds docs/directory.md against the code.
func TestDocs(t *testing.T) {
	text := read(t, "../../docs/directory.md")
	groups := regexp.MustCompile("(?m)^\\| group `([^`]+)` \\| `([^`]+)` \\|$").FindAllStringSubmatch(text, -1)
	for _, m := range groups {
		if got := groupName(m[1]); got != m[2] {
			t.Errorf("the group %q is %q, not %q", m[1], got, m[2])
		}
	}
	units := regexp.MustCompile("(?m)^\\| unit `([^`]+)` in unit `([^`]+)` \\| `([^`]+)` \\|$").FindAllStringSubmatch(text, -1)
	for _, m := range units {
		if got := unitName([]string{m[2], m[1]}); got != m[3] {
			t.Errorf("the unit %q in %q is %q, not %q", m[1], m[2], got, m[3])
		}
	}
	files := regexp.MustCompile("(?s)```\n(directory:.*?)```").FindAllStringSubmatch(text, -1)
	for _, m := range files {
		var c struct{ Directory Config }
		d := yaml.NewDecoder(strings.NewReader(m[1]))
		d.KnownFields(true)
		if err := d.Decode(&c); err != nil {
			t.Error(err)
		}
		if _, err := Open(c.Directory); err != nil {
			t.Error(err)
		}
	}
	if len(groups) != 3 || len(units) != 1 || len(files) != 2 {
		t.Errorf("docs/directory.md has %d groups, %d units, %d configurations", len(groups), len(units), len(files))
	}
}
