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

// heardRows is how many of the hosts that were heard of last are looked through: of most
// sites one is among them.
const heardRows = 5000

// Heard says so of every site that has hosts, by its number.
func (s *Sites) Heard(ctx context.Context, since int64) (map[int64]Heard, error) {
	return s.heard(ctx, since, heardRows)
}

func (s *Sites) heard(ctx context.Context, since int64, rows int) (all map[int64]Heard, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = map[int64]Heard{}
		put := func(query string, args []any, put func(*Heard, int64)) error {
			return tx.Each(query, args, func(scan db.Scan) error {
				var site, n int64
				err := scan(&site, &n)
				one := all[site]
				put(&one, n)
				all[site] = one
				return err
			})
		}
		last := func(h *Heard, seen int64) { h.Last = max(h.Last, seen) }
		err := put("SELECT h.site, n.seen FROM sites_seen n JOIN sites_host h ON h.num = n.host WHERE h.gone = 0 ORDER BY n.seen DESC LIMIT ?", []any{rows}, last)
		if err != nil {
			return err
		}
		var quiet []int64
		if err := eachNumber(tx, "SELECT num FROM sites_site WHERE hosts > 0", nil, &quiet); err != nil {
			return err
		}
		for _, site := range append(quiet, 0) { // 0: hosts under agents
			if all[site].Last != 0 {
				continue
			}
			err := put("SELECT h.site, MAX(n.seen) FROM sites_host h JOIN sites_seen n ON n.host = h.num WHERE h.site = ? AND h.gone = 0 GROUP BY h.site", []any{site}, last)
			if err != nil {
				return err
			}
		}
		// They are counted here: grouped, SQLite would go through all hosts in the order of sites.
		return put("SELECT h.site, 1 FROM sites_seen n JOIN sites_host h ON h.num = n.host WHERE n.seen < ? AND h.gone = 0", []any{since}, func(h *Heard, n int64) { h.Silent += n })
	})
	return all, err
}
