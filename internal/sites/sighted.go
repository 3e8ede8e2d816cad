package sites

import (
	"context"
	"slices"

	"muster/internal/db"
)

// Sighted calls f with every host that has a package of a name now, or of a source of that
// name, once for each version of each. Where version is not "", of that alone. Of sites only
// their hosts count; nil is every host. Hosts come in the order of their numbers; f runs
// while the database is read.
func (s *Sites) Sighted(ctx context.Context, sites []string, name, version string, f func(*Host, *Known) error) error {
	byID := map[int64]*Known{}
	var ids []int64
	err := s.DB.Read(ctx, func(tx *db.Tx) error {
		clear(byID)
		ids = nil
		all, err := knownNamed(tx, []string{name})
		for i := range all {
			if version == "" || all[i].Package.Version == version {
				byID[all[i].ID] = &all[i]
				ids = append(ids, all[i].ID)
			}
		}
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	slices.Sort(ids)
	return s.Holders(ctx, ids, sites, func(h Host, id int64) error {
		if sites != nil && (h.Agent != "" || !slices.Contains(sites, h.Site)) {
			return nil
		}
		return f(&h, byID[id])
	})
}
