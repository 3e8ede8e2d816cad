package plan

import (
	"fmt"
	"strings"
	"testing"

	"muster/control"
	"muster/version"
)

const someDebian = `Package: libfoo1
Architecture: amd64
Version: 1:2.0-1+b1
Depends: libc6 (>= 2.36), libbar:any (>> 1~) | libbaz (= 3), python3:native,
 debconf (>= 0.5) | debconf-2.0
Pre-Depends: init-system-helpers
Breaks: oldfoo (<< 2)
Conflicts: otherfoo:amd64, foreign:i386
Provides: foo-abi (= 2), virtual-foo
Description: a library
 with a long: text
 .
 of several lines
Essential: yes

Package: other
Architecture: arm64
Version: 1


Package: plain
Architecture: all
Version: 0`

func TestReadDebian(t *testing.T) {
	packages, err := ReadDebian(someDebian, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) != 2 {
		t.Fatalf("%d packages, want 2: %+v", len(packages), packages)
	}
	p := packages[0]
	got := fmt.Sprintf("%s essential=%v depends=%v conflicts=%v provides=%v",
		&p, p.Essential, p.Depends, p.Conflicts, p.Provides)
	const want = "libfoo1 1:2.0-1+b1 essential=true " +
		"depends=[libc6 (>= 2.36) libbar (> 1~) | libbaz (= 3) python3 debconf (>= 0.5) | debconf-2.0 init-system-helpers] " +
		"conflicts=[oldfoo (< 2) otherfoo foreign:i386] provides=[foo-abi (= 2) virtual-foo]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if packages[1].Name != "plain" || packages[1].Index != 2 {
		t.Errorf("second package is %+v", packages[1])
	}
}

func TestReadDebianRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Package: a\n\n", "line 2: stanza without a name or a version"},
		{"Package: a\nVersion: 1\nDepends: b (> 1)\n", `line 3: field "Depends" of package "a": unknown operator`},
		{"Package: a\nVersion: 1\nDepends: b (>= 1\n", "no version"},
		{"Package: a\nVersion: 1\nDepends: b [amd64]\n", "no package name"},
		{"Package: a\nVersion: 1\nDepends: b |\n", "no package name"},
		{" Package: a\n", "line 1: no field name"},
		{"Package\n", "line 1: no field name"},
		{"Package: a\nVersion: 1\nDepends: " + strings.Repeat("b|", 2000) + "b\n", "alternatives"},
		{"Package: a\nVersion: 1\nDepends: " + strings.Repeat("b, ", 1<<19) + "b\n", "bytes, more than"},
	} {
		_, err := ReadDebian(test.text, "amd64")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ReadDebian(%.60q) = %v, want %q", test.text, err, test.want)
		}
	}
}

// printDebian writes what ReadDebian takes in, so that it can be read again.
func printDebian(packages []Package) string {
	var b strings.Builder
	for _, p := range packages {
		fmt.Fprintf(&b, "Package: %s\nVersion: %s\nArchitecture: all\n", p.Name, p.Version)
		for _, d := range p.Depends {
			fmt.Fprintf(&b, "Depends: %s\n", debianSpelling(d))
		}
		for _, r := range p.Conflicts {
			fmt.Fprintf(&b, "Conflicts: %s\n", debianSpelling(control.Dependency{r}))
		}
		for _, r := range p.Provides {
			fmt.Fprintf(&b, "Provides: %s\n", debianSpelling(control.Dependency{r}))
		}
		if p.Essential {
			b.WriteString("Essential: yes\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func debianSpelling(d control.Dependency) string {
	return strings.NewReplacer("(< ", "(<< ", "(> ", "(>> ").Replace(d.String())
}

// FuzzReadDebian: what was read and printed reads as the same, the versions
// that relations match do not change, and planning with any of it does not panic.
func FuzzReadDebian(f *testing.F) {
	f.Add(someDebian)
	f.Add("Package: a\nVersion: 1\nArchitecture: all\nDepends: a\nConflicts: a\nProvides: a (= 2)\n")
	f.Add("Package: a\nVersion: 1\nArchitecture: all\nDepends: b | c (<< 2), ,\n\nPackage: b\nVersion: 1\nArchitecture: all\nBreaks: a\n")
	f.Fuzz(func(t *testing.T, text string) {
		packages, err := ReadDebian(text, "amd64")
		if err != nil {
			return
		}
		printed := printDebian(packages)
		again, err := ReadDebian(printed, "amd64")
		if err != nil {
			t.Fatalf("cannot read again: %v\n%s", err, printed)
		}
		if twice := printDebian(again); twice != printed {
			t.Fatalf("printed\n%s\nthen\n%s", printed, twice)
		}
		if len(packages) == 0 || len(packages) > 12 {
			return
		}
		p := Problem{Pool: NewPool(DebianRules(), packages), Request: Request{
			Install: []control.Relation{{Name: packages[0].Name, Constraint: version.Constraint{}}},
		}}
		plan, err := Solve(p)
		if err != nil {
			return
		}
		if err := Check(p, plan); err != nil {
			t.Fatalf("%v\n%s", err, plan)
		}
	})
}
