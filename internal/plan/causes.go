package plan

import "muster/control"

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
	case d.back[v] != "":
		return &Reason{Cause: CauseBack, By: d.back[v]}
	case d.u.pinned(&s.From.Package) && !d.u.pinned(s.To):
		return &Reason{Cause: CausePinned, Relation: d.u.pins[s.Name()].String()}
	}
	if !d.u.request.UpgradeAll {
		if r := d.forcing(s); r != nil {
			return r
		}
	}
	return &Reason{Cause: CauseNewer}
}
