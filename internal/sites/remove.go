package sites

import (
	"context"
	"time"

	"muster"
	"muster/internal/db"
)

// RemoveSite ends a site: from now on nobody reports for it, its keys prove nothing, and
// its hosts are no answer to anything. Its name may be given anew at once, to a site that has
// nothing of it. Hosts and their history go afterwards, with [Sites.Clear]; those who
// follow hosts see them go.
func (s *Sites) RemoveSite(ctx context.Context, now time.Time, name string) error {
	defer s.records.drop()
	err := s.DB.Write(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, name)
		if err != nil {
			return err
		}
		number, err := tx.Next("sites_number", "event", 1)
		if err != nil {
			return err
		}
		if err := tx.Insert("sites_removed", []string{"number", "site", "name", "since", "cleared"}, [][]any{{number, one.ID, one.Name, now.Unix(), 0}}); err != nil {
			return err
		}
		for _, rows := range []string{"sites_site WHERE num", "sites_key WHERE site", "sites_day WHERE site"} {
			if _, err := tx.Exec("DELETE FROM "+rows+" = ?", one.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.poke()
	}
	return err
}

// A Removed is a site that was removed, and when.
type Removed struct {
	Number int64 // of what happened to sites
	Name   string
	Time   int64
}

// RemovedAfter lists at most so many sites that were removed, behind a number.
func (s *Sites) RemovedAfter(ctx context.Context, number int64, most int) (all []Removed, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each("SELECT number, name, since FROM sites_removed WHERE number > ? ORDER BY number LIMIT ?", []any{number, most}, func(scan db.Scan) error {
			var r Removed
			err := scan(&r.Number, &r.Name, &r.Time)
			all = append(all, r)
			return err
		})
	})
	return all, err
}

// Newest is the number of the newest of what happened to sites.
func (s *Sites) Newest(ctx context.Context) (number int64, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT last FROM sites_number WHERE name = 'event'").Scan(&number)
	})
	return number, err
}

// poke has [Sites.Run] clear at once.
func (s *Sites) poke() {
	select {
	case s.poked <- struct{}{}:
	default: // somebody did already
	}
}

// Clear deletes what is left of sites that were removed, in many writes. Whatever breaks off
// in between, the next time goes on: that nothing is left is noted last.
func (s *Sites) Clear(ctx context.Context, now time.Time) error {
	var all []int64
	err := s.DB.Read(ctx, func(tx *db.Tx) error {
		return eachNumber(tx, "SELECT site FROM sites_removed WHERE cleared = 0 ORDER BY number", nil, &all)
	})
	for _, site := range all {
		if err == nil {
			err = s.clear(ctx, now, site)
		}
	}
	return err
}

func (s *Sites) clear(ctx context.Context, now time.Time, site int64) error {
	if err := s.clearHosts(ctx, now, site); err != nil {
		return err
	}
	if err := s.clearStates(ctx, site); err != nil {
		return err
	}
	if err := s.clearAsked(ctx, "site = ?", site); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE sites_removed SET cleared = 1 WHERE site = ?", site)
		return err
	})
}

// clearHosts deletes the hosts of a site. In place of each there is, for who follows, that
// it is gone.
func (s *Sites) clearHosts(ctx context.Context, now time.Time, site int64) error {
	for {
		var hosts []int64
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			if err := eachNumber(tx, "SELECT num FROM sites_host WHERE site = ? ORDER BY num LIMIT ?", []any{site, some}, &hosts); err != nil || len(hosts) == 0 {
				return err
			}
			edited, err := tx.Next("sites_number", "change", int64(len(hosts)))
			if err != nil {
				return err
			}
			gone := make([][]any, len(hosts))
			for i, num := range hosts {
				gone[i] = []any{edited + int64(i), num, site, now.Unix()}
			}
			if err := tx.Insert("sites_gone", []string{"edited", "host", "site", "gone"}, gone); err != nil {
				return err
			}
			return deleteHosts(tx, hosts)
		})
		if err != nil || len(hosts) < some {
			return err
		}
	}
}

func deleteHosts(tx *db.Tx, hosts []int64) error {
	if len(hosts) == 0 {
		return nil
	}
	for _, table := range []string{"sites_seen WHERE host", "sites_host WHERE num"} {
		if _, err := tx.Exec("DELETE FROM "+table+" IN "+db.In(len(hosts)), anys(hosts)...); err != nil {
			return err
		}
	}
	return nil
}

// clearStates deletes the history of hosts of a site that are gone.
func (s *Sites) clearStates(ctx context.Context, site int64) error {
	var hosts []int64
	for last := int64(0); ; last = hosts[len(hosts)-1] {
		err := s.DB.Read(ctx, func(tx *db.Tx) error {
			return eachNumber(tx, "SELECT host FROM sites_gone WHERE site = ? AND host > ? ORDER BY host LIMIT ?", []any{site, last, some}, &hosts)
		})
		if err != nil || len(hosts) == 0 {
			return err
		}
		for rest := hosts; len(rest) > 0; {
			n := 0
			err := s.DB.Write(ctx, func(tx *db.Tx) (err error) {
				n, err = deleteStates(tx, rest, weedAtOnce)
				return err
			})
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
}

// deleteStates deletes at most so many states of hosts, and returns of how many of them
// none is left.
func deleteStates(tx *db.Tx, hosts []int64, most int) (done int, err error) {
	for _, host := range hosts {
		var began []int64
		if err := eachNumber(tx, "SELECT began FROM sites_state WHERE host = ? ORDER BY began LIMIT ?", []any{host, most}, &began); err != nil {
			return 0, err
		}
		if len(began) > 0 {
			if _, err := tx.Exec("DELETE FROM sites_state WHERE host = ? AND began <= ?", host, began[len(began)-1]); err != nil {
				return 0, err
			}
		}
		if most -= len(began); most <= 0 {
			return done, nil
		}
		done++
	}
	return done, nil
}

// goneHosts lists hosts of sites that were removed, as changes.
func goneHosts(tx *db.Tx, edited int64, most int) (all []Host, err error) {
	err = tx.Each("SELECT edited, host, gone FROM sites_gone WHERE edited > ? ORDER BY edited LIMIT ?", []any{edited, most}, func(scan db.Scan) error {
		var h Host
		err := scan(&h.Edited, &h.ID, &h.Gone)
		all = append(all, h)
		return err
	})
	return all, err
}

// rememberGone is for how long it is told who follows that a host is gone.
const rememberGone = 400 * 24 * time.Hour

func (s *Sites) forgetGone(ctx context.Context, now time.Time) error {
	for {
		var all []int64
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			if err := eachNumber(tx, "SELECT edited FROM sites_gone WHERE gone < ? LIMIT ?", []any{now.Add(-rememberGone).Unix(), some}, &all); err != nil || len(all) == 0 {
				return err
			}
			_, err := tx.Exec("DELETE FROM sites_gone WHERE edited IN "+db.In(len(all)), anys(all)...)
			return err
		})
		if err != nil || len(all) < some {
			return err
		}
	}
}

// errRemoved is what a report of a site hears that was removed while it came in: the same
// as of one that never was.
func (t *taking) errRemoved() error {
	t.s.records.drop()
	return t.notOf(t.site.Name)
}

func (t *taking) notOf(name string) error {
	return muster.WithHint(muster.Errorf(muster.Denied, "the report does not prove that it is of site %q", cut(name, 60)),
		"report with a key or certificate of the site, from those who run the collector")
}
