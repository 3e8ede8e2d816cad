package hosts

import (
	"context"
	"maps"
	"slices"
	"strings"

	"muster/api"
	"muster/internal/db"
)

// Units lists the units that people gave hosts who may be seen, and those around them,
// with how many hosts are in each and below it. Where a directory says otherwise hosts
// follow that one.
func (p *Part) Units(ctx context.Context) (all []api.Unit, err error) {
	counts := map[string]int{}
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		clear(counts)
		return p.h.ask(tx, func(q *inquiry) error {
			for _, unit := range q.textsOf("h.unit", q.scope(p.see)) {
				counts[unit]++
			}
			return nil
		})
	})
	delete(counts, "") // hosts without one
	within := map[string]int{}
	for unit, n := range counts {
		for _, name := range unitNames(unit) {
			within[name] += n
		}
	}
	all = []api.Unit{}
	for _, name := range slices.Sorted(maps.Keys(within)) {
		all = append(all, api.Unit{Path: strings.ReplaceAll(name, ".", "/"), Package: name, Hosts: within[name]})
	}
	return all, err
}
