package index

import (
	"cmp"
	"slices"
	"strings"

	"muster"
	"muster/version"
)

// Rollouts lists the newest package of each rollout, in the order of their names.
// Whether it may be used is for when it is used: one that is revoked holds.
func (x *Index) Rollouts() (all []*Entry) {
	type place struct {
		name, version string
		at            int
	}
	var found []place
	for i, e := range x.Outlines() {
		if e.Kind == muster.Rollout {
			found = append(found, place{e.Name, e.Version, i})
		}
	}
	slices.SortStableFunc(found, func(a, b place) int {
		return cmp.Or(strings.Compare(a.name, b.name), version.Compare(b.version, a.version))
	})
	found = slices.CompactFunc(found, func(a, b place) bool { return a.name == b.name })
	for _, f := range found {
		if e, err := x.Entry(f.at); err == nil { // always, in an index that was proved right
			all = append(all, e)
		}
	}
	return all
}
