package sites

import (
	"context"

	"muster/internal/db"
)

// Heard is what was heard of the hosts of a site.
type Heard struct {
	Last   int64 // when the newest report came
	Silent int64 // hosts of which none came since a time
}

// Heard says so of every site that has hosts, by its number.
func (s *Sites) Heard(ctx context.Context, since int64) (all map[int64]Heard, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = map[int64]Heard{}
		return tx.Each("SELECT h.site, MAX(s.seen), SUM(CASE WHEN s.seen < ? THEN 1 ELSE 0 END) FROM sites_host h JOIN sites_seen s ON s.host = h.num WHERE h.gone = 0 GROUP BY h.site", []any{since}, func(scan db.Scan) error {
			var site int64
			var one Heard
			err := scan(&site, &one.Last, &one.Silent)
			all[site] = one
			return err
		})
	})
	return all, err
}
