package plan

import (
	"fmt"
	"slices"
	"strings"
)

// maxKept bounds the packages of one plan for which it is worked out what keeps
// them back: each takes a search of its own.
const maxKept = 20

// keeping says why nothing but the origin of the package of s changes.
func (d *draft) keeping(s *Step) *Reason {
	if s.How != s.From.How || s.By != s.From.By {
		if r := d.chain(d.after[s.Name()]); r != nil {
			return r
		}
	}
	versions, _ := d.u.lookup(s.Name())
	best := versions[0]
	switch {
	case d.u.isCurrent(best):
		return &Reason{Cause: CauseNewest}
	case s.From.Held:
		return &Reason{Cause: CauseHeld}
	case !d.u.fits(d.u.pkg(best)):
		return &Reason{Cause: CauseAsked}
	}
	return &Reason{Cause: CausePrevented, Relation: d.u.pkg(best).Version, By: d.prevention(best)}
}

// prevention says what keeps a package back from the version best: what
// would have to go, or what forbids it.
func (d *draft) prevention(best int32) string {
	name := d.u.pkg(best).Name
	if d.kept++; d.kept > maxKept {
		return fmt.Sprintf("'muster why-not %s' tells why", name)
	}
	e := newEncoder(d.u)
	e.kept = d.sel
	e.demand()
	e.require([]lit{yes(e.variable(best))}, rule{kind: ruleNewest, pkg: best})
	if e.s.run((&policy{e: e, hasty: true}).pick, budget) || e.s.dead == none {
		return "others would be kept back instead"
	}
	return strings.Join(e.why().Sentences, "; ")
}

// keeps reports whether the selection, one of another encoder, has a package of list.
func (sel *selection) keeps(e *encoder, list []lit) bool {
	return sel != nil && slices.ContainsFunc(list, func(l lit) bool { return sel.has(e.pkgOf[l.v()]) })
}

// forcing says which package does not go with the version that s leaves: one
// that depends on the new one, or that conflicts with the old one.
func (d *draft) forcing(s *Step) *Reason {
	v := d.after[s.Name()]
	for _, name := range d.names {
		w, ok := d.after[name]
		if !ok || w == v {
			continue
		}
		for _, n := range d.sel.e.needs[w] {
			if slices.Contains(n.lits, yes(v)) && !d.offers(n.lits, &s.From.Package) {
				return &Reason{Cause: CauseNeeded, By: d.pkg(w).String(), Relation: n.dep.String(), Because: d.chain(w)}
			}
		}
		if r := d.clash(&s.From.Package, d.pkg(w)); r != nil {
			return &Reason{Cause: CauseConflict, By: d.pkg(w).String(), Relation: r.String(), Because: d.chain(w)}
		}
	}
	return nil
}

// offers reports whether p is among list.
func (d *draft) offers(list []lit, p *Package) bool {
	return slices.ContainsFunc(list, func(l lit) bool { return d.pkg(l.v()) == p })
}
