package plan

import "muster/control"

// findDoomed marks the installed packages that the removal of those named
// leaves without a dependency that they have now.
func (u *universe) findDoomed() {
	u.doomed = map[string]bool{}
	if len(u.removed) == 0 {
		return
	}
	gone := func(p *Package) bool { return u.removed[p.Name] || u.doomed[p.Name] }
	for again := true; again; {
		again = false
		for _, in := range u.installed {
			if !gone(&in.Package) && u.loses(in, gone) {
				u.doomed[in.Name] = true
				again = true
			}
		}
	}
}

// loses reports whether a dependency of in is satisfied now but not without
// the packages that are gone.
func (u *universe) loses(in *Installed, gone func(*Package) bool) bool {
	for _, d := range in.Depends {
		had, has := false, false
		for _, p := range u.installedFor(d) {
			had = true
			has = has || !gone(p)
		}
		if had && !has {
			return true
		}
	}
	return false
}

// installedFor returns the installed packages that satisfy d.
func (u *universe) installedFor(d control.Dependency) []*Package {
	var list []*Package
	for _, r := range d {
		o := u.mine[r.Name]
		if o == nil {
			continue
		}
		for _, ids := range [][]int32{o.versions, o.providers} {
			for _, id := range ids {
				if u.isCurrent(id) && u.rules.satisfies(u.pkg(id), r) {
					list = append(list, u.pkg(id))
				}
			}
		}
	}
	return list
}

// findIdle marks the implicit packages that nothing would need if everything that
// the request brings to its newest version were there: they may go
// sooner than an upgrade is given up.
func (u *universe) findIdle() {
	var queue []*Package
	for _, in := range u.installed {
		if in.How != Implicit && !u.leaves(in) || u.named(in.Name) {
			queue = append(queue, u.future(in))
		}
	}
	for _, r := range u.request.Install {
		queue = u.appendFirst(queue, r)
	}
	for _, w := range u.request.Wanted {
		queue = u.appendFirst(queue, w.Relation)
	}
	used := map[string]bool{}
	for i := 0; i < len(queue); i++ {
		for _, d := range queue[i].Depends {
			for _, p := range u.installedFor(d) {
				if !used[p.Name] {
					used[p.Name] = true
					queue = append(queue, u.future(u.present(p.Name)))
				}
			}
		}
	}
	u.idle = map[string]bool{}
	for _, in := range u.installed {
		u.idle[in.Name] = in.How == Implicit && !used[in.Name] && !u.named(in.Name)
	}
}

// future is the version in which the request would have in.
func (u *universe) future(in *Installed) *Package {
	if u.isTarget(in) {
		if best := u.newest(in); best >= 0 {
			return u.pkg(best)
		}
	}
	return &in.Package
}

// appendFirst adds the package that a request for r prefers.
func (u *universe) appendFirst(queue []*Package, r control.Relation) []*Package {
	for _, id := range u.asked(r) {
		if _, barred := u.bar(id); !barred {
			return append(queue, u.pkg(id))
		}
	}
	return queue
}
