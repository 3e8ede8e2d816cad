package plan

// sweep takes out the installed packages that nothing needs any more, as far as
// the request lets them go: with Autoremove all implicit ones, else
// those that only packages needed whose assignment is no more.
func (sel *selection) sweep() {
	loose := sel.loose()
	if len(loose) == 0 {
		return
	}
	marked := sel.reach(func(v int32) bool { return !sel.isNew(v) && !loose[v] })
	for _, v := range sel.list {
		if sel.in[v] && !marked[v] {
			sel.in[v] = false
			sel.swept[sel.e.u.pkg(sel.e.pkgOf[v]).Name] = true
		}
	}
}

// loose lists the selected packages that may go if nothing needs them.
func (sel *selection) loose() map[int32]bool {
	u := sel.e.u
	orphans := u.orphans()
	loose := map[int32]bool{}
	for _, v := range sel.list {
		p := u.pkg(sel.e.pkgOf[v])
		in := u.present(p.Name)
		if !sel.in[v] || in == nil || in.Held || in.Essential {
			continue
		}
		if in.How == Implicit && (u.request.Autoremove || orphans[in.Name]) || u.leaves(in) {
			loose[v] = true
		}
	}
	return loose
}

// reach marks what the request, the assignments, and the packages that are
// firm need, through every alternative that is there.
func (sel *selection) reach(firm func(v int32) bool) []bool {
	marked := make([]bool, len(sel.in))
	var queue []int32
	mark := func(list []lit) {
		for _, l := range list {
			if sel.serves(l) && !marked[l.v()] {
				marked[l.v()] = true
				queue = append(queue, l.v())
			}
		}
	}
	for _, root := range sel.e.roots {
		if root.kind == ruleInstall || root.kind == ruleWanted {
			mark(root.lits)
		}
	}
	for _, v := range sel.list {
		if sel.in[v] && firm(v) {
			mark([]lit{yes(v)})
		}
	}
	for len(queue) > 0 {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, n := range sel.e.needs[v] {
			mark(n.lits)
		}
	}
	return marked
}

// orphans names the installed packages that those whose assignment is
// no more need, directly or not.
func (u *universe) orphans() map[string]bool {
	orphans := map[string]bool{}
	var queue []*Installed
	for _, in := range u.installed {
		if u.leaves(in) {
			queue = append(queue, in)
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, d := range queue[i].Depends {
			for _, p := range u.installedFor(d) {
				if !orphans[p.Name] {
					orphans[p.Name] = true
					queue = append(queue, u.present(p.Name))
				}
			}
		}
	}
	return orphans
}
