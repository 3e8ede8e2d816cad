package install

import (
	"runtime"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/pkgfile"
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
	manifests, err := r.manifests(recs)
	if err != nil {
		return nil, err
	}
	for i, rec := range recs {
		name := rec.Control.Name
		now := &side{name: name, manifest: manifests[i], aside: rec.Aside}
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

// manifests reads the manifests of installed packages, several at a time: half
// of the work of planning a change is to parse them.
func (r *Root) manifests(recs []*Record) ([]*pkgfile.Manifest, error) {
	all := make([]*pkgfile.Manifest, len(recs))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, rec := range recs {
		g.Go(func() (err error) {
			all[i], err = r.Manifest(rec.Control.Name)
			return err
		})
	}
	return all, g.Wait()
}
