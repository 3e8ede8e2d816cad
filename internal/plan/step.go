package plan

import (
	"fmt"
	"strings"
)

// Op is what a step does.
type Op string

// The operations.
const (
	Install   Op = "install"
	Upgrade   Op = "upgrade"
	Downgrade Op = "downgrade"
	Reinstall Op = "reinstall"
	Remove    Op = "remove"
	// Keep changes no file. Either only [Step.How] changes (a person asks for
	// what was there as a dependency), or an upgrade was asked for and is not
	// possible or not needed; the reason says which.
	Keep Op = "keep"
)

// A Step is one change to one package.
type Step struct {
	Op Op
	// From is what is installed before, nil for Install.
	From *Installed
	// To is what is installed after: an element of the pool, or &From.Package
	// for Keep; nil for Remove.
	To *Package
	// How is how To counts afterwards, and By who assigned it.
	How    How
	By     string
	Reason *Reason
}

// Name is the package that the step is about.
func (s Step) Name() string {
	if s.To != nil {
		return s.To.Name
	}
	return s.From.Name
}

// String is such as "upgrade foo 1.0 to 2.0: asked for".
func (s Step) String() string {
	var b strings.Builder
	switch s.Op {
	case Upgrade, Downgrade:
		fmt.Fprintf(&b, "%s %s %s to %s", s.Op, s.Name(), s.From.Version, s.To.Version)
	case Remove:
		fmt.Fprintf(&b, "%s %s", s.Op, &s.From.Package)
	default:
		fmt.Fprintf(&b, "%s %s", s.Op, s.To)
	}
	if s.Reason != nil {
		b.WriteString(": " + s.Reason.String())
	}
	return b.String()
}

// A Plan is the answer to a [Problem].
type Plan struct {
	// Steps in the order in which they are carried out: every dependency before
	// its dependent, a removal before what conflicts with it, other removals last.
	Steps []Step
	// Cycles lists the names of packages that depend on one another, where
	// no order could put every dependency first.
	Cycles [][]string
	// Unmet says why each assignment that SkipUnmet left out cannot be had.
	Unmet []Unmet
	// Proved reports whether the numbers of removals, of packages behind their
	// newest version, and of other changes are proved to be the fewest.
	Proved bool
}

// Unmet is an assignment that cannot be had.
type Unmet struct {
	Wanted
	Err *Unsatisfiable
}

// Empty reports whether p changes no package.
func (p *Plan) Empty() bool {
	for _, s := range p.Steps {
		if s.Op != Keep {
			return false
		}
	}
	return true
}

// String prints one step a line.
func (p *Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}

// After is the state once every step is done.
func (p *Plan) After(s State) State {
	changed := map[string]*Step{}
	for i := range p.Steps {
		changed[p.Steps[i].Name()] = &p.Steps[i]
	}
	after := State{Pins: s.Pins}
	for _, in := range s.Installed {
		if changed[in.Name] == nil {
			after.Installed = append(after.Installed, in)
		}
	}
	for _, step := range p.Steps {
		if step.To != nil {
			in := Installed{Package: *step.To, How: step.How, By: step.By}
			in.Held = step.From != nil && step.From.Held
			after.Installed = append(after.Installed, in)
		}
	}
	return after
}
