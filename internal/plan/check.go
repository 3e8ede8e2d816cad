package plan

import (
	"fmt"
	"slices"

	"muster/control"
	"muster/version"
)

// Check reports the first thing that is wrong with plan as an answer to p, or
// nil. It shares no code with the solver. It proves that the plan may be carried
// out, not that no other plan is better.
func Check(p Problem, plan *Plan) error {
	c := &checker{
		p: &p, plan: plan, rules: p.Pool.rules,
		steps: map[string]*Step{}, old: map[string]*Installed{},
	}
	c.before = worldOf(c.rules, p.State.Installed)
	after := plan.After(p.State)
	c.installed = after.Installed
	c.after = worldOf(c.rules, after.Installed)
	for i := range p.State.Installed {
		c.old[p.State.Installed[i].Name] = &p.State.Installed[i]
	}
	for _, check := range []func() error{
		c.checkSteps, c.checkClosure, c.checkConflicts, c.checkVersions, c.checkRequest,
		c.checkWanted, c.checkRemovals, c.checkCycles, c.checkOrder,
	} {
		if err := check(); err != nil {
			return fmt.Errorf("wrong plan: %w", err)
		}
	}
	return nil
}

type checker struct {
	p             *Problem
	plan          *Plan
	rules         Rules
	steps         map[string]*Step
	old           map[string]*Installed
	installed     []Installed // afterwards
	before, after *world
	cycle         map[string]int     // by name: the number of its cycle plus 1
	dependents    map[string][]*Step // by name: what changes or goes and depended on it
	hostile       []*Step            // what changes or goes and declares conflicts
}

// checkSteps: each step is about another name, starts from what is there and ends
// at something that exists, and its operation says what it does.
func (c *checker) checkSteps() error {
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		if s.From == nil && s.To == nil {
			return fmt.Errorf("step %d changes nothing", i+1)
		}
		if c.steps[s.Name()] != nil {
			return fmt.Errorf("two steps for %q", s.Name())
		}
		c.steps[s.Name()] = s
		if s.From != c.old[s.Name()] && (s.From == nil || c.old[s.Name()] == nil || s.From.Version != c.old[s.Name()].Version) {
			return fmt.Errorf("step %q does not start from what is installed", s)
		}
		if want := c.op(s); s.Op != want {
			return fmt.Errorf("step %q should be %s", s, want)
		}
		if s.Op != Keep && s.To != nil && !c.available(s.To) {
			return fmt.Errorf("step %q: not available", s)
		}
		if s.Reason == nil {
			return fmt.Errorf("step %q has no reason", s)
		}
	}
	return nil
}

func (c *checker) op(s *Step) Op {
	switch {
	case s.From == nil:
		return Install
	case s.To == nil:
		return Remove
	case s.To == &s.From.Package:
		return Keep
	}
	switch order := c.rules.Order(s.To.Version, s.From.Version); {
	case order > 0:
		return Upgrade
	case order < 0:
		return Downgrade
	}
	return Reinstall
}

func (c *checker) available(p *Package) bool {
	id, ok := c.p.Pool.names[p.Name]
	return ok && p.Barred == "" && slices.ContainsFunc(c.p.Pool.versions[id], func(i int32) bool {
		return p == c.p.Pool.Package(int(i))
	})
}

// untouched reports whether the package of that name stays as it is.
func (c *checker) untouched(name string) bool {
	s := c.steps[name]
	return c.old[name] != nil && (s == nil || s.Op == Keep)
}

// checkClosure: every dependency is satisfied, or was broken before in a package
// that is not touched.
func (c *checker) checkClosure() error {
	for i := range c.installed {
		p := &c.installed[i].Package
		for _, d := range p.Depends {
			if len(c.after.serving(d)) > 0 {
				continue
			}
			lived := (c.untouched(p.Name) || c.steps[p.Name].Op == Reinstall) && len(c.before.serving(d)) == 0
			if !lived {
				return fmt.Errorf("%s lacks %s", p, d)
			}
		}
	}
	return nil
}

// checkConflicts: no two packages conflict, except two that did before.
func (c *checker) checkConflicts() error {
	for i := range c.installed {
		p := &c.installed[i].Package
		for _, r := range p.Conflicts {
			var bad *Package
			c.after.each(r, func(q *Package) {
				if q.Name != p.Name && !(c.stays(p.Name) && c.stays(q.Name)) {
					bad = q
				}
			})
			if bad != nil {
				return fmt.Errorf("%s conflicts with %s (%s)", p, bad, r)
			}
		}
	}
	return nil
}

// stays reports whether the name keeps its version, be it installed again.
func (c *checker) stays(name string) bool {
	return c.untouched(name) || c.steps[name] != nil && c.steps[name].Op == Reinstall
}

// checkVersions: pins, holds and "never down".
func (c *checker) checkVersions() error {
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		if s.To == nil || s.Op == Keep || s.Op == Reinstall {
			continue
		}
		pin, pinned := c.p.State.Pins[s.Name()]
		if pinned && !c.rules.Match(pin, s.To.Version) {
			return fmt.Errorf("%s is outside its pin %s", s.To, pin)
		}
		if s.From == nil {
			continue
		}
		if s.From.Held && !c.p.Request.Force {
			return fmt.Errorf("%s is held, but changes", &s.From.Package)
		}
		leftPin := pinned && !c.rules.Match(pin, s.From.Version)
		if s.Op == Downgrade && !leftPin && !c.fixed(s.Name()) {
			return fmt.Errorf("%s goes down to %s unasked", &s.From.Package, s.To.Version)
		}
	}
	return nil
}

func (c *checker) fixed(name string) bool {
	list := slices.Clone(c.p.Request.Install)
	for _, w := range c.p.Request.Wanted {
		list = append(list, w.Relation)
	}
	return slices.ContainsFunc(list, func(r control.Relation) bool {
		return r.Name == name && r.Constraint.Mode() == version.Fixed
	})
}
