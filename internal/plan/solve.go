package plan

import (
	"slices"

	"muster"
)

// Solve plans p. Where the request cannot be met the error is an
// [*Unsatisfiable] of kind conflict, with a hint; a name that is unknown is an
// error of kind not-found.
func Solve(p Problem) (*Plan, error) {
	u, err := newUniverse(&p)
	if err != nil {
		return nil, err
	}
	if err := u.known(); err != nil {
		return nil, err
	}
	e := newEncoder(u)
	e.demand()
	sel, proved, ok := e.solve()
	if !ok {
		return nil, e.explain()
	}
	sel.trim()
	sel.sweep()
	d := newDraft(sel)
	plan := &Plan{Proved: proved}
	plan.Steps, plan.Cycles = d.sequence()
	plan.Unmet, err = d.unmet(&p)
	return plan, err
}

// known reports the first name of the request that nobody knows.
func (u *universe) known() error {
	for _, name := range slices.Concat(u.request.Remove, u.request.Upgrade) {
		if _, ok := u.pool.names[name]; !ok && u.present(name) == nil {
			return muster.WithHint(muster.Errorf(muster.NotFound, "there is no package %q", name),
				"look for it with 'muster search %s'", name)
		}
	}
	for _, name := range u.request.Upgrade {
		if u.present(name) == nil {
			return muster.WithHint(muster.Errorf(muster.NotFound, "package %q is not installed", name),
				"install it with 'muster install %s'", name)
		}
	}
	for _, r := range u.request.Install {
		if in := u.present(r.Name); in != nil && u.again(r.Name) && u.number(in) >= int32(u.pool.Len()) {
			return muster.WithHint(muster.Errorf(muster.NotFound,
				"%s cannot be installed again: that version is no longer available", &in.Package),
				"bring it to its newest version with 'muster install %s'", r.Name)
		}
	}
	return nil
}

// unmet explains each assignment that was left out.
func (d *draft) unmet(p *Problem) ([]Unmet, error) {
	if !p.Request.SkipUnmet {
		return nil, nil
	}
	var met, rest []Wanted
	for _, w := range sorted(p.Request.Wanted, wantedKey) {
		if d.first(d.u.asked(w.Relation)) >= 0 {
			met = append(met, w)
		} else {
			rest = append(rest, w)
		}
	}
	var list []Unmet
	for _, w := range rest {
		q := *p
		q.Request.SkipUnmet = false
		q.Request.Wanted = append(slices.Clip(met), w)
		list = append(list, Unmet{w, contradiction(&q, true)})
	}
	return list, nil
}
