package plan

import (
	"cmp"
	"slices"
	"strings"

	"muster"
	"muster/control"
)

// maxChains bounds the answers of [Why].
const maxChains = 8

// Why says why the package of that name is installed: a reason for itself, if
// a person or an assignment asked for it, and one for each installed package
// that depends on it, followed up the shortest way. The shortest chains come first.
// What would be there after a plan is asked by putting [Plan.After] in p.State.
func Why(p Problem, name string) ([]*Reason, error) {
	target := p.State.find(name)
	if target == nil {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "package %q is not installed", name),
			"ask why it is not with 'muster why-not %s'", name)
	}
	a := &ancestry{world: worldOf(p.Pool.rules, p.State.Installed), links: map[string]ancestor{}}
	installed := sorted(p.State.Installed, func(in Installed) string { return in.Name })
	a.trace(installed, &p.Request)
	reasons := a.ends(target, &p.Request)
	for i := range installed {
		dependent := &installed[i].Package
		d := a.dependency(dependent, name)
		if _, ok := a.links[dependent.Name]; ok && d != nil && dependent.Name != name && !a.passes(dependent.Name, name) {
			reasons = append(reasons, &Reason{
				Cause: CauseNeeded, By: dependent.String(), Relation: d.String(), Because: a.chain(dependent.Name),
			})
		}
	}
	if len(reasons) == 0 {
		reasons = append(reasons, &Reason{Cause: CausePresent})
	}
	slices.SortStableFunc(reasons, func(x, y *Reason) int { return cmp.Compare(x.length(), y.length()) })
	return reasons[:min(len(reasons), maxChains)], nil
}

func (r *Reason) length() int {
	n := 0
	for ; r != nil; r = r.Because {
		n++
	}
	return n
}

// An ancestry knows for each installed package the shortest way up to
// something asked for.
type ancestry struct {
	world *world
	links map[string]ancestor
}

type ancestor struct {
	end  *Reason
	from *Package
	dep  control.Dependency
}

// trace follows dependencies from what was asked for, level by level.
func (a *ancestry) trace(installed []Installed, q *Request) {
	var queue []*Package
	for i := range installed {
		if ends := a.ends(&installed[i], q); len(ends) > 0 {
			a.links[installed[i].Name] = ancestor{end: ends[0]}
			queue = append(queue, &installed[i].Package)
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, d := range queue[i].Depends {
			serving := a.world.serving(d)
			slices.SortFunc(serving, func(x, y *Package) int { return strings.Compare(x.Name, y.Name) })
			for _, p := range serving {
				if _, done := a.links[p.Name]; !done {
					a.links[p.Name] = ancestor{from: queue[i], dep: d}
					queue = append(queue, p)
				}
			}
		}
	}
}

// ends returns the reasons that in has of itself.
func (a *ancestry) ends(in *Installed, q *Request) []*Reason {
	var list []*Reason
	if in.How == Explicit {
		list = append(list, &Reason{Cause: CauseExplicit})
	}
	for _, w := range sorted(q.Wanted, wantedKey) {
		if a.world.rules.satisfies(&in.Package, w.Relation) {
			list = append(list, &Reason{Cause: CauseAssigned, By: w.By})
		}
	}
	if len(list) == 0 && in.How == Assigned {
		list = append(list, &Reason{Cause: CauseAssigned, By: in.By})
	}
	return list
}

// dependency returns the first dependency of p that the package of name
// satisfies, or nil.
func (a *ancestry) dependency(p *Package, name string) control.Dependency {
	for _, d := range p.Depends {
		if slices.ContainsFunc(a.world.serving(d), func(q *Package) bool { return q.Name == name }) {
			return d
		}
	}
	return nil
}

// passes reports whether the way up from start goes through name.
func (a *ancestry) passes(start, name string) bool {
	for l := a.links[start]; l.from != nil; l = a.links[l.from.Name] {
		if l.from.Name == name {
			return true
		}
	}
	return false
}

func (a *ancestry) chain(name string) *Reason {
	l := a.links[name]
	if l.end != nil {
		return l.end
	}
	return &Reason{Cause: CauseNeeded, By: l.from.String(), Relation: l.dep.String(), Because: a.chain(l.from.Name)}
}
