package plan

import (
	"slices"

	"muster/control"
)

// isTarget reports whether in should come to its newest version.
func (u *universe) isTarget(in *Installed) bool {
	if in.Held && !u.request.Force {
		return false
	}
	return u.request.UpgradeAll || slices.Contains(u.request.Upgrade, in.Name) ||
		slices.ContainsFunc(u.request.Install, func(r control.Relation) bool { return r.Name == in.Name })
}

// newest returns the version that an upgrade of in should reach, or -1.
func (u *universe) newest(in *Installed) int32 {
	for _, id := range u.order(in, true) {
		if _, barred := u.bar(id); !barred && u.fits(u.pkg(id)) {
			return id
		}
	}
	return -1
}

// fits reports whether p is what the request names, if it names p at all.
func (u *universe) fits(p *Package) bool {
	return !slices.ContainsFunc(u.request.Install, func(r control.Relation) bool {
		return r.Name == p.Name && !u.rules.Match(r.Constraint, p.Version)
	})
}

// order returns the versions of in's name, best first: newest first for a
// target, else the current one first. A current one outside its pin comes last
// for a target.
func (u *universe) order(in *Installed, target bool) []int32 {
	current := u.number(in)
	versions, _ := u.lookup(in.Name)
	out := target && u.pinned(&in.Package)
	if target && !out {
		return versions
	}
	list := make([]int32, 0, len(versions))
	if !out {
		list = append(list, current)
	}
	for _, id := range versions {
		if id != current {
			list = append(list, id)
		}
	}
	if out {
		list = append(list, current)
	}
	return list
}

// protected reports whether in must stay, in some version.
func (u *universe) protected(in *Installed) bool {
	if u.request.Force {
		return false
	}
	if in.Held || in.Essential {
		return true
	}
	return !u.leaves(in) && in.How != Implicit && !u.doomed[in.Name]
}

// leaves reports whether in came by an assignment that is no more.
func (u *universe) leaves(in *Installed) bool {
	return in.How == Assigned && u.request.UpgradeAll && !u.wanted(&in.Package)
}

// wanted reports whether an assignment means p.
func (u *universe) wanted(p *Package) bool {
	return slices.ContainsFunc(u.request.Wanted, func(w Wanted) bool { return u.means(w.Relation, p) })
}

// means reports whether r, as a request, means p, whatever p's version where r
// names it.
func (u *universe) means(r control.Relation, p *Package) bool {
	return r.Name == p.Name || u.rules.provides(p, r)
}
