package engine

import (
	"maps"
	"slices"

	"muster"
	"muster/internal/plan"
	"muster/version"
)

// Catalogue lists the newest version that may be installed now of each package of kind
// base or group that want wants, sorted by name, at most max of them.
func (e *Engine) Catalogue(want func(name string, kind muster.Kind) bool, max int) ([]Candidate, error) {
	recs, err := e.Root.Installed()
	if err != nil {
		return nil, err
	}
	o, err := e.offered(nil, e.settings(recs))
	if err != nil {
		return nil, err
	}
	newest := map[string]*plan.Package{}
	for i := range o.packages {
		p := &o.packages[i]
		if p.Barred != "" || p.Kind != muster.Base && p.Kind != muster.Group || !want(p.Name, p.Kind) {
			continue
		}
		if best := newest[p.Name]; best == nil || version.Compare(p.Version, best.Version) > 0 {
			newest[p.Name] = p
		}
	}
	return o.entries(newest, max)
}

// entries reads what the repositories say of the packages.
func (o *offer) entries(packages map[string]*plan.Package, max int) ([]Candidate, error) {
	names := slices.Sorted(maps.Keys(packages))
	var all []Candidate
	for _, name := range names[:min(len(names), max)] {
		i := packages[name].Index
		if err := o.chosen(i); err != nil {
			return nil, err
		}
		all = append(all, o.cands[i])
	}
	return all, nil
}
