package plan

import (
	"slices"

	"muster/control"
)

// A link is why a selected package is there: the demand of another one, or a
// reason that ends the chain.
type link struct {
	end   *Reason
	by    int32 // the variable of the dependent, where end is nil
	dep   control.Dependency
	depth int
}

// chains finds for every selected package the shortest chain to something that
// the request, an assignment or a person asked for, in this order.
func (d *draft) chains() map[int32]link {
	links := make(map[int32]link, len(d.after))
	for _, causes := range [][]Cause{{CauseAsked, CauseAssigned, CauseExplicit}, {CausePresent}} {
		var queue []int32
		for _, want := range causes {
			queue = d.begin(queue, links, want)
		}
		d.follow(queue, links)
	}
	return links
}

// begin links the packages that are there for the reason want and adds them
// to queue.
func (d *draft) begin(queue []int32, links map[int32]link, want Cause) []int32 {
	for _, name := range d.names {
		v, ok := d.after[name]
		if _, done := links[v]; !ok || done {
			continue
		}
		if r := d.end(v); r != nil && r.Cause == want {
			links[v] = link{end: r}
			queue = append(queue, v)
		}
	}
	return queue
}

// follow links what the packages in queue need, the nearest first.
func (d *draft) follow(queue []int32, links map[int32]link) {
	for i := 0; i < len(queue); i++ {
		v := queue[i]
		depth := links[v].depth + 1
		for _, n := range d.sel.e.needs[v] {
			for _, l := range n.lits {
				if !d.sel.serves(l) {
					continue
				}
				if _, done := links[l.v()]; !done {
					links[l.v()] = link{by: v, dep: n.dep, depth: depth}
					queue = append(queue, l.v())
				}
			}
		}
	}
}

// end returns why v is there if that ends a chain, or nil.
func (d *draft) end(v int32) *Reason {
	if d.asked[v] {
		return &Reason{Cause: CauseAsked}
	}
	switch how, by := d.origin(v); how {
	case Assigned:
		return &Reason{Cause: CauseAssigned, By: by}
	case Explicit:
		return &Reason{Cause: CauseExplicit}
	}
	if !d.sel.isNew(v) {
		return &Reason{Cause: CausePresent}
	}
	return nil
}

// chain spells out the links from v.
func (d *draft) chain(v int32) *Reason {
	l, ok := d.links[v]
	if !ok {
		return nil
	}
	if l.end != nil {
		return l.end
	}
	return &Reason{Cause: CauseNeeded, By: d.pkg(l.by).String(), Relation: l.dep.String(), Because: d.chain(l.by)}
}

// reasons gives every step its reason: first those that stay or come, then
// those that go, which may go because of the former.
func (d *draft) reasons() {
	d.links = d.chains()
	for _, name := range d.names {
		if s := d.steps[name]; s != nil && s.Op != Remove {
			s.Reason = d.cause(s)
		}
	}
	for _, name := range d.names {
		if s := d.steps[name]; s != nil && s.Op == Remove {
			s.Reason = d.removal(s)
		}
	}
	for again := true; again; {
		again = false
		for _, name := range d.names {
			if s := d.steps[name]; s != nil && s.Op == Remove && s.Reason == nil {
				s.Reason = d.broken(s)
				again = again || s.Reason != nil
			}
		}
	}
	for _, s := range d.steps {
		if s.Reason == nil {
			s.Reason = &Reason{Cause: CauseForced}
		}
	}
}

// cause says why the package of s is there or changes.
func (d *draft) cause(s *Step) *Reason {
	v := d.after[s.Name()]
	switch {
	case s.Op == Install || s.Op == Reinstall:
		return d.chain(v)
	case s.Op == Keep:
		return d.keeping(s)
	case d.u.named(s.Name()):
		return &Reason{Cause: CauseAsked}
	case d.u.pinned(&s.From.Package) && !d.u.pinned(s.To):
		return &Reason{Cause: CausePinned, Relation: d.u.pins[s.Name()].String()}
	}
	if r := d.forcing(s); r != nil {
		return r
	}
	return &Reason{Cause: CauseNewer}
}

// keeping says why nothing but the origin of the package changes.
func (d *draft) keeping(s *Step) *Reason {
	if s.How != s.From.How || s.By != s.From.By {
		if r := d.chain(d.after[s.Name()]); r != nil {
			return r
		}
	}
	if s.From.Held {
		return &Reason{Cause: CauseHeld}
	}
	return &Reason{Cause: CauseNewest}
}

// forcing says which selected package does not go with the old version.
func (d *draft) forcing(s *Step) *Reason {
	v := d.after[s.Name()]
	if l, ok := d.links[v]; ok && l.end == nil && !d.u.request.UpgradeAll {
		return d.chain(v)
	}
	return nil
}

// removal says why the package of s goes, if that does not hang on another one
// that goes.
func (d *draft) removal(s *Step) *Reason {
	if d.u.removed[s.Name()] {
		return &Reason{Cause: CauseAsked}
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
	if d.u.leaves(s.From) {
		return &Reason{Cause: CauseUnassigned, By: s.From.By}
	}
	for _, dep := range s.From.Depends {
		if len(d.u.installedFor(dep)) > 0 && !d.met(dep) {
			return nil
		}
	}
	return &Reason{Cause: CauseUnneeded}
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
