package plan

import (
	"slices"
	"strings"
)

// A draft is a selection turned into steps, by name.
type draft struct {
	u     *universe
	sel   *selection
	names []string         // of everything installed before or after, sorted
	after map[string]int32 // the variable of the version selected
	asked map[int32]bool   // the variables that the request means
	by    map[int32]string // who assigns a variable
	back  map[int32]string // who calls back to it
	steps map[string]*Step
	links map[int32]link // why each selected package is there
	kept  int            // packages whose keeping has been explained
}

func newDraft(sel *selection) *draft {
	u := sel.e.u
	d := &draft{
		u: u, sel: sel, after: make(map[string]int32, len(sel.list)),
		asked: map[int32]bool{}, by: map[int32]string{}, back: map[int32]string{}, steps: map[string]*Step{},
	}
	for _, v := range sel.list {
		if sel.in[v] {
			name := d.pkg(v).Name
			d.after[name] = v
			d.names = append(d.names, name)
		}
	}
	for _, in := range u.installed {
		if _, stays := d.after[in.Name]; !stays {
			d.names = append(d.names, in.Name)
		}
	}
	slices.Sort(d.names)
	d.claim()
	for _, name := range d.names {
		if s := d.step(name); s != nil {
			d.steps[name] = s
		}
	}
	d.reasons()
	return d
}

// claim finds out what the request and the assignments mean.
func (d *draft) claim() {
	for _, r := range d.u.request.Install {
		d.asked[d.first(d.u.asked(r))] = true
	}
	for _, w := range sorted(d.u.request.Wanted, func(w Wanted) string { return w.By }) {
		v := d.first(d.u.asked(w.Relation))
		switch {
		case w.Back:
			d.back[v] = w.By
		case d.by[v] == "":
			d.by[v] = w.By
		case !slices.Contains(strings.Split(d.by[v], ", "), w.By):
			d.by[v] += ", " + w.By
		}
	}
}

func (d *draft) pkg(v int32) *Package { return d.u.pkg(d.sel.e.pkgOf[v]) }

// step returns what happens to name, or nil where nothing is to be said.
func (d *draft) step(name string) *Step {
	from := d.u.present(name)
	v, stays := d.after[name]
	if !stays {
		return &Step{Op: Remove, From: from, How: from.How, By: from.By}
	}
	s := &Step{Op: Install, From: from, To: d.pkg(v)}
	s.How, s.By = d.origin(v)
	if from == nil {
		return s
	}
	switch order := d.u.rules.Order(s.To.Version, from.Version); {
	case order > 0:
		s.Op = Upgrade
	case order < 0:
		s.Op = Downgrade
	case s.To != &from.Package:
		s.Op = Reinstall
	case s.How != from.How || s.By != from.By || d.behind(from):
		s.Op = Keep
	default:
		return nil
	}
	return s
}

// behind reports whether in, which stays as it is, was to be upgraded: by its
// name, or with everything while there is a newer version.
func (d *draft) behind(in *Installed) bool {
	if !d.u.request.UpgradeAll {
		return d.u.named(in.Name)
	}
	versions, _ := d.u.lookup(in.Name)
	return len(versions) > 0 && d.u.rules.Order(d.u.pkg(versions[0]).Version, in.Version) > 0
}

// named reports whether the request installs or upgrades that name.
func (u *universe) named(name string) bool {
	if slices.Contains(u.request.Upgrade, name) {
		return true
	}
	for _, r := range u.request.Install {
		if r.Name == name {
			return true
		}
	}
	return false
}

// origin says how the selected package of v counts from now on.
func (d *draft) origin(v int32) (How, string) {
	in := d.u.present(d.pkg(v).Name)
	switch {
	case d.asked[v] || in != nil && in.How == Explicit:
		return Explicit, ""
	case d.by[v] != "":
		return Assigned, d.by[v]
	case in != nil && in.How == Assigned && !d.u.leaves(in):
		return Assigned, in.By
	}
	return Implicit, ""
}

// first returns the variable of the first of ids that is selected, or -1.
func (d *draft) first(ids []int32) int32 {
	for _, id := range ids {
		if d.sel.has(id) {
			return d.sel.e.varOf[id] - 1
		}
	}
	return -1
}
