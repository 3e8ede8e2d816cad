package plan

import "muster/control"

// A world is a set of installed packages, one a name, that can be asked what
// it satisfies. It knows nothing of pools and solvers.
type world struct {
	rules  Rules
	byName map[string]*Package
	giving map[string]map[string]*Package // by provided name, then by package
}

func newWorld(rules Rules) *world {
	return &world{rules, map[string]*Package{}, map[string]map[string]*Package{}}
}

func worldOf(rules Rules, installed []Installed) *world {
	w := newWorld(rules)
	for i := range installed {
		w.put(&installed[i].Package)
	}
	return w
}

// put adds p, instead of what has its name.
func (w *world) put(p *Package) {
	w.take(p.Name)
	w.byName[p.Name] = p
	for _, r := range p.Provides {
		if w.giving[r.Name] == nil {
			w.giving[r.Name] = map[string]*Package{}
		}
		w.giving[r.Name][p.Name] = p
	}
}

// take removes the package of that name.
func (w *world) take(name string) {
	p := w.byName[name]
	if p == nil {
		return
	}
	delete(w.byName, name)
	for _, r := range p.Provides {
		delete(w.giving[r.Name], name)
	}
}

// each calls f for what satisfies r, in no order.
func (w *world) each(r control.Relation, f func(*Package)) {
	if p := w.byName[r.Name]; p != nil && w.rules.satisfies(p, r) {
		f(p)
	}
	for name, p := range w.giving[r.Name] {
		if name != r.Name && w.rules.satisfies(p, r) {
			f(p)
		}
	}
}

// serving returns what satisfies d, in no order.
func (w *world) serving(d control.Dependency) []*Package {
	var list []*Package
	for _, r := range d {
		w.each(r, func(p *Package) { list = append(list, p) })
	}
	return list
}

// lacks returns the first dependency of p that is not satisfied, or nil.
func (w *world) lacks(p *Package) control.Dependency {
	for _, d := range p.Depends {
		if len(w.serving(d)) == 0 {
			return d
		}
	}
	return nil
}
