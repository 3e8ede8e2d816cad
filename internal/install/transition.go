package install

import (
	"muster"
)

// A transition is the packages of a root before and after a change.
type transition struct {
	before, after []*side          // all of them
	old, new      map[string]*side // the changed ones
	purge, mend   map[string]bool  // see diff
}

// transition reads what is installed and works out what will be.
func (r *Root) transition(steps []Step) (*transition, error) {
	recs, err := r.Installed()
	if err != nil {
		return nil, err
	}
	t := &transition{old: map[string]*side{}, new: map[string]*side{}}
	changed := map[string]bool{}
	for _, s := range steps {
		if changed[s.Name] {
			return nil, muster.Errorf(muster.Invalid, "%s stands twice in the plan", s.Name)
		}
		changed[s.Name] = true
	}
	for _, rec := range recs {
		name := rec.Control.Name
		m, err := r.Manifest(name)
		if err != nil {
			return nil, err
		}
		now := &side{name: name, manifest: m, aside: rec.Aside}
		t.before = append(t.before, now)
		if changed[name] {
			t.old[name] = now
		} else {
			t.after = append(t.after, now)
		}
	}
	for _, s := range steps {
		if s.Package != nil {
			t.new[s.Name] = &side{name: s.Name, manifest: s.Package.Manifest, pkg: s.Package}
			t.after = append(t.after, t.new[s.Name])
		}
	}
	return t, nil
}
