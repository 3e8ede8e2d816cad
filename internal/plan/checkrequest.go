package plan

import (
	"fmt"
	"slices"

	"muster/control"
)

// checkRequest: what is asked for is there and counts as asked for, what is to
// go is gone.
func (c *checker) checkRequest() error {
	for _, r := range c.p.Request.Install {
		explicit := false
		for _, p := range c.meant(r) {
			explicit = explicit || c.how(p.Name) == Explicit
		}
		if !explicit {
			return fmt.Errorf("%s is asked for, but missing", r)
		}
	}
	for _, name := range c.p.Request.Remove {
		if c.after.byName[name] != nil {
			return fmt.Errorf("%q is to be removed, but stays", name)
		}
	}
	return nil
}

// meant lists what is there afterwards and what a request for r means: not what
// merely provides the name, if there are packages of it.
func (c *checker) meant(r control.Relation) []*Package {
	own := c.old[r.Name] != nil && c.rules.Match(r.Constraint, c.old[r.Name].Version)
	if id, ok := c.p.Pool.names[r.Name]; ok && !own {
		own = slices.ContainsFunc(c.p.Pool.versions[id], func(i int32) bool {
			return c.rules.Match(r.Constraint, c.p.Pool.packages[i].Version)
		})
	}
	return slices.DeleteFunc(c.after.serving(control.Dependency{r}), func(p *Package) bool {
		return own && !c.rules.names(r, p)
	})
}

func (c *checker) how(name string) How {
	for i := range c.installed {
		if c.installed[i].Name == name {
			return c.installed[i].How
		}
	}
	return ""
}

// checkWanted: every assignment is met or reported.
func (c *checker) checkWanted() error {
	for _, w := range c.p.Request.Wanted {
		given := c.p.Request.Force && slices.Contains(c.p.Request.Remove, w.Name)
		if given || len(c.meant(w.Relation)) > 0 {
			continue
		}
		reported := slices.ContainsFunc(c.plan.Unmet, func(u Unmet) bool {
			return u.Wanted.String() == w.String() && u.Err != nil
		})
		if !c.p.Request.SkipUnmet || !reported {
			return fmt.Errorf("%s is assigned by %s, but missing", w.Relation, w.By)
		}
	}
	return nil
}

// checkRemovals: what a person or an assignment wants stays, unless the request takes
// it or what it depends on.
func (c *checker) checkRemovals() error {
	if c.p.Request.Force {
		return nil
	}
	lost := c.lost()
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		if s.Op != Remove || slices.Contains(c.p.Request.Remove, s.Name()) {
			continue
		}
		if s.From.Held || s.From.Essential {
			return fmt.Errorf("%s is held or essential, but removed", &s.From.Package)
		}
		if s.From.How != Implicit && !lost[s.Name()] && !c.unassigned(s.From) {
			return fmt.Errorf("%s is %s, but removed", &s.From.Package, s.From.How)
		}
	}
	return nil
}

// lost names what depends, directly or not, on something to be removed.
func (c *checker) lost() map[string]bool {
	rest := worldOf(c.rules, c.p.State.Installed)
	for _, name := range c.p.Request.Remove {
		rest.take(name)
	}
	lost := map[string]bool{}
	for again := len(c.p.Request.Remove) > 0; again; {
		again = false
		for name, in := range c.old {
			if rest.byName[name] == nil {
				continue
			}
			for _, d := range in.Depends {
				if len(rest.serving(d)) == 0 && len(c.before.serving(d)) > 0 {
					rest.take(name)
					lost[name], again = true, true
					break
				}
			}
		}
	}
	return lost
}

// unassigned reports whether in came by an assignment that an upgrade of
// everything no longer finds.
func (c *checker) unassigned(in *Installed) bool {
	return in.How == Assigned && c.p.Request.UpgradeAll &&
		!slices.ContainsFunc(c.p.Request.Wanted, func(w Wanted) bool {
			return w.Name == in.Name || c.rules.provides(&in.Package, w.Relation)
		})
}
