package sites

import (
	"context"
	"time"

	"muster"
	"muster/internal/db"
)

// some is how much one write of pruning touches: others wait meanwhile.
const some = 500

// Prune clears what is left of sites that were removed, then forgets hosts that are silent
// for longer than their site says, then history that is over for longer than that, then
// sets that nothing refers to any more. At a host that is forgotten the time stops when it
// was heard of last: what it had is not known from then on. What no set has any more goes
// with [Sites.Weed].
func (s *Sites) Prune(ctx context.Context, now time.Time) error {
	if err := s.Clear(ctx, now); err != nil {
		return err
	}
	all, err := s.Sites(ctx)
	if err != nil {
		return err
	}
	for _, site := range all {
		if site.Forget > 0 {
			if err := s.forgetSilent(ctx, now, site); err != nil {
				return err
			}
		}
		if site.Past >= 0 {
			if err := s.endPast(ctx, now, site); err != nil {
				return err
			}
		}
	}
	if err := s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM sites_day WHERE day < ?", now.Unix()/86400-400)
		return err
	}); err != nil {
		return err
	}
	if err := s.forgetGone(ctx, now); err != nil {
		return err
	}
	if err := s.clearAsked(ctx, "until < ?", now.Unix()); err != nil {
		return err
	}
	return s.dropSets(ctx)
}

// PruneFleet deletes history of hosts under agents that is over for longer than past, and
// hosts that are forgotten and have none left: no record of a site says for how long these
// are remembered. The sets go with the next [Sites.Prune].
func (s *Sites) PruneFleet(ctx context.Context, now time.Time, past time.Duration) error {
	return s.endPast(ctx, now, Site{ID: 0, Past: past})
}

// forgetSilent forgets the silent hosts of a site.
func (s *Sites) forgetSilent(ctx context.Context, now time.Time, site Site) error {
	for {
		var hosts []int64
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			if err := eachNumber(tx, "SELECT h.num FROM sites_host h JOIN sites_seen n ON n.host = h.num WHERE h.site = ? AND h.gone = 0 AND n.seen < ? ORDER BY h.num LIMIT ?",
				[]any{site.ID, now.Add(-site.Forget).Unix(), some}, &hosts); err != nil {
				return err
			}
			return forget(tx, now.Unix(), hosts)
		})
		if err != nil || len(hosts) < some {
			return err
		}
	}
}

// forget ends what hosts are now. Their rows stay, for those who follow, and so that a
// report that came before cannot bring them back.
func forget(tx *db.Tx, now int64, hosts []int64) error {
	for _, num := range hosts {
		edited, err := tx.Next("sites_number", "change", 1)
		if err != nil {
			return err
		}
		var seen, began, site int64
		if err := tx.QueryRow("SELECT n.seen, h.changed, h.site FROM sites_host h JOIN sites_seen n ON n.host = h.num WHERE h.num = ?", num).Scan(&seen, &began, &site); err != nil {
			return err
		}
		// A state that was reported once lasted a second.
		if _, err := tx.Exec("UPDATE sites_state SET until = ?, seen = ? WHERE host = ? AND until = 0", max(seen, began+1), seen, num); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE sites_host SET gone = ?, edited = ? WHERE num = ?", max(now, began+1), edited, num); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE sites_site SET hosts = hosts - 1 WHERE num = ?", site); err != nil {
			return err
		}
	}
	return nil
}

// Forget forgets one host now. Should it report again, it is known again.
func (s *Sites) Forget(ctx context.Context, now time.Time, id int64) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		var gone int64
		err := tx.QueryRow("SELECT gone FROM sites_host WHERE num = ?", id).Scan(&gone)
		if none(err) {
			return muster.Errorf(muster.NotFound, "there is no host %d", id)
		}
		if err != nil || gone != 0 {
			return err
		}
		return forget(tx, now.Unix(), []int64{id})
	})
}

// ForgetAgent forgets a host under an agent, by its id there. One that is not known is
// none to forget.
func (s *Sites) ForgetAgent(ctx context.Context, now time.Time, agent string) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		h, err := readHost(tx, 0, agent)
		if err != nil || h == nil || h.gone != 0 {
			return err
		}
		return forget(tx, now.Unix(), []int64{h.num})
	})
}

// endPast deletes history of a site that is over for long enough, and hosts that are
// forgotten and have none left. A host goes only when no report of it could come again.
func (s *Sites) endPast(ctx context.Context, now time.Time, site Site) error {
	end, safe := now.Add(-site.Past).Unix(), now.Add(-s.Window-24*time.Hour).Unix()
	type key struct{ host, began int64 }
	for done := false; !done; {
		var states []key
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			states = nil
			err := tx.Each(`SELECT x.host, x.began FROM sites_state x JOIN sites_host h ON h.num = x.host
				WHERE x.until > 0 AND x.until < ? AND h.site = ? LIMIT ?`, []any{end, site.ID, some}, func(scan db.Scan) error {
				var k key
				err := scan(&k.host, &k.began)
				states = append(states, k)
				return err
			})
			for _, k := range states {
				if err != nil {
					break
				}
				_, err = tx.Exec("DELETE FROM sites_state WHERE host = ? AND began = ?", k.host, k.began)
			}
			return err
		})
		if err != nil {
			return err
		}
		done = len(states) < some
	}
	for {
		var hosts []int64
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			if err := eachNumber(tx, `SELECT h.num FROM sites_host h WHERE h.site = ? AND h.gone > 0 AND h.gone < ?
				AND NOT EXISTS (SELECT 1 FROM sites_state x WHERE x.host = h.num) LIMIT ?`, []any{site.ID, safe, some}, &hosts); err != nil {
				return err
			}
			return deleteHosts(tx, hosts)
		})
		if err != nil || len(hosts) < some {
			return err
		}
	}
}
