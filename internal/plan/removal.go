package plan

import (
	"slices"

	"muster/control"
)

// removal says why the package of s goes, if that does not hang on another one
// that goes.
func (d *draft) removal(s *Step) *Reason {
	if d.u.removed[s.Name()] {
		return &Reason{Cause: CauseAsked}
	}
	if d.u.leaves(s.From) {
		return &Reason{Cause: CauseUnassigned, By: s.From.By}
	}
	if d.sel.swept[s.Name()] {
		return &Reason{Cause: CauseUnneeded}
	}
	for _, name := range d.names {
		v, ok := d.after[name]
		if !ok {
			continue
		}
		if r := d.clash(&s.From.Package, d.pkg(v)); r != nil {
			return &Reason{Cause: CauseConflict, By: d.pkg(v).String(), Relation: r.String(), Because: d.chain(v)}
		}
	}
	return nil
}

// met reports whether d is satisfied afterwards.
func (d *draft) met(dep control.Dependency) bool {
	return slices.ContainsFunc(d.sel.e.candidates(dep), d.sel.serves)
}

// clash returns the relation through which a and b conflict, or nil.
func (d *draft) clash(a, b *Package) *control.Relation {
	for _, pair := range [][2]*Package{{a, b}, {b, a}} {
		for i, r := range pair[0].Conflicts {
			if pair[1].Name != pair[0].Name && d.u.rules.satisfies(pair[1], r) {
				return &pair[0].Conflicts[i]
			}
		}
	}
	return nil
}

// broken says which dependency the package of s, which goes, would lack.
func (d *draft) broken(s *Step) *Reason {
	for _, dep := range s.From.Depends {
		had := d.u.installedFor(dep)
		if len(had) == 0 || d.met(dep) {
			continue
		}
		i := slices.IndexFunc(had, func(p *Package) bool { t := d.steps[p.Name]; return t != nil && t.Reason != nil })
		if i >= 0 {
			return &Reason{Cause: CauseBroken, By: had[i].String(), Relation: dep.String(), Because: d.steps[had[i].Name].Reason}
		}
	}
	return nil
}
