// Package steer is what a person decides for a fleet, before anything is signed: what
// packages of hosts, units and groups are to say, and what that would change on hosts.
//
// Start with [Assignment], which edits what such a package says, as the command line
// and the console do; with [Shelf] for what the repository of a server lists; and with
// [Forecast], which plans as hosts do. Nothing is signed or published here.
package steer

import (
	"slices"
	"strings"

	"muster"
	"muster/control"
)

// An Assignment changes what the hosts of a group or unit, or one host, should have:
// the relations of the package of that kind and name.
type Assignment struct {
	Install []string // packages that should be there: age, age>=1.3
	Remove  []string // no longer say that these should be there
	Forbid  []string // packages that must not be there
	Allow   []string // no longer forbid these
}

// Given reports whether a changes anything.
func (a *Assignment) Given() bool {
	return len(a.Install)+len(a.Remove)+len(a.Forbid)+len(a.Allow) > 0
}

// Apply edits the relations of c. A package that is named again replaces its bounds.
func (a *Assignment) Apply(c *control.Control) error {
	c.Depends, c.Conflicts = slices.Clone(c.Depends), slices.Clone(c.Conflicts)
	for _, w := range a.Install {
		d, err := control.ParseDependency(relationText(w))
		if err != nil {
			return muster.WithKind(muster.Invalid, err)
		}
		c.Depends = append(slices.DeleteFunc(c.Depends, about(d[0].Name)), d)
	}
	for _, w := range a.Forbid {
		r, err := control.ParseRelation(w)
		if err != nil {
			return muster.WithKind(muster.Invalid, err)
		}
		c.Conflicts = append(slices.DeleteFunc(c.Conflicts, named(r.Name)), r)
	}
	return a.withdraw(c)
}

// withdraw takes back what was said before.
func (a *Assignment) withdraw(c *control.Control) error {
	for _, name := range a.Remove {
		n := len(c.Depends)
		if c.Depends = slices.DeleteFunc(c.Depends, about(name)); len(c.Depends) == n {
			return muster.Errorf(muster.NotFound, "%s %q does not say that %q should be there", c.Kind, c.Name, name)
		}
	}
	for _, name := range a.Allow {
		n := len(c.Conflicts)
		if c.Conflicts = slices.DeleteFunc(c.Conflicts, named(name)); len(c.Conflicts) == n {
			return muster.Errorf(muster.NotFound, "%s %q does not forbid %q", c.Kind, c.Name, name)
		}
	}
	return nil
}

func about(name string) func(control.Dependency) bool {
	return func(d control.Dependency) bool { return len(d) == 1 && d[0].Name == name }
}

func named(name string) func(control.Relation) bool {
	return func(r control.Relation) bool { return r.Name == name }
}

// relationText turns "age>=1.3", as people type it, into "age (>= 1.3)".
func relationText(w string) string {
	if strings.ContainsAny(w, "(|") {
		return w
	}
	if r, err := control.ParseRelation(w); err == nil {
		return r.String()
	}
	return w
}

// A Basis is what is published and verified of a package: the next one is signed on top
// of it.
type Basis struct {
	Control *control.Control // nil: there is none yet
	Sum     string           // SHA-256 of its manifest; "": there is none, or nobody verified it
}

// NoBasis stands for the sum of a package that is not there yet.
const NoBasis = "none"

// Draft is what a package says of which nothing is published yet.
func Draft(kind muster.Kind, name, about string) control.Control {
	return control.Control{Name: name, Kind: kind, OS: []string{control.All}, Architecture: []string{control.All}, Description: about}
}

// For is a without what it takes back that a package does not say; c may be nil.
func (a *Assignment) For(c *control.Control) Assignment {
	out := Assignment{Install: a.Install, Forbid: a.Forbid}
	for _, name := range a.Remove {
		if c != nil && slices.ContainsFunc(c.Depends, about(name)) {
			out.Remove = append(out.Remove, name)
		}
	}
	for _, name := range a.Allow {
		if c != nil && slices.ContainsFunc(c.Conflicts, named(name)) {
			out.Allow = append(out.Allow, name)
		}
	}
	return out
}
