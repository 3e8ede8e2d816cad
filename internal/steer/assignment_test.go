package steer

import (
	"strings"
	"testing"

	"muster"
	"muster/control"
)

// TestAssignmentApply holds what one types against what the package then says.
func TestAssignment(t *testing.T) {
	start := control.Control{Name: "lab", Kind: muster.Group, Version: "1"}
	parse := func(s string) control.Dependency {
		d, err := control.ParseDependency(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	start.Depends = []control.Dependency{parse("age (>= 1.2)"), parse("vim | emacs")}
	for _, c := range []struct {
		name string
		a    Assignment
		want string
		kind muster.ErrorKind
	}{
		{"add", Assignment{Install: []string{"tree"}}, "age (>= 1.2), vim | emacs, tree", ""},
		{"replace", Assignment{Install: []string{"age>=1.3"}}, "vim | emacs, age (>= 1.3)", ""},
		{"remove", Assignment{Remove: []string{"age"}}, "vim | emacs", ""},
		{"not there", Assignment{Remove: []string{"vim"}}, "", muster.NotFound},
		{"forbid", Assignment{Forbid: []string{"telnet"}}, "age (>= 1.2), vim | emacs; telnet", ""},
		{"not forbidden", Assignment{Allow: []string{"telnet"}}, "", muster.NotFound},
		{"no name", Assignment{Install: []string{"A b c"}}, "", muster.Invalid},
	} {
		got := start
		err := c.a.Apply(&got)
		if muster.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		var texts []string
		for _, d := range got.Depends {
			texts = append(texts, d.String())
		}
		text := strings.Join(texts, ", ")
		for _, r := range got.Conflicts {
			text += "; " + r.String()
		}
		if text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
		if len(start.Depends) != 2 || start.Depends[0].String() != "age (>= 1.2)" {
			t.Fatalf("%s changed what it was given: %v", c.name, start.Depends)
		}
	}
}
