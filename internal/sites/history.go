package sites

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"muster"
	"muster/internal/db"
	"muster/sitereport"
)

// A State is what a host was and had for some time.
type State struct {
	From, Until int64 // Until 0: it is so now
	Seen        int64 // when it was last reported so
	System      sitereport.System

	set int64
}

const stateColumns = `SELECT x.began, x.until, x.seen, f.id, f.version, o.name, o.arch, o.kernel, x.has
	FROM sites_state x JOIN sites_system o ON o.num = x.os JOIN sites_platform f ON f.num = o.platform WHERE `

func stateFrom(scan db.Scan) (x State, err error) {
	o := &x.System
	err = scan(&x.From, &x.Until, &x.Seen, &o.ID, &o.Version, &o.Name, &o.Arch, &o.Kernel, &x.set)
	return x, err
}

// States lists what a host was and had, the newest first.
func (s *Sites) States(ctx context.Context, host int64) (all []State, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		h, err := hostNumbered(tx, host)
		if err != nil {
			return err
		}
		return tx.Each(stateColumns+"x.host = ? ORDER BY x.began DESC", []any{host}, func(scan db.Scan) error {
			x, err := stateFrom(scan)
			if x.Until == 0 {
				x.Seen = h.Last
			}
			all = append(all, x)
			return err
		})
	})
	return all, err
}

// stateAt reads what a host was at a time; NotFound where it was not known.
func stateAt(tx *db.Tx, host, at int64) (State, error) {
	x, err := stateFrom(tx.QueryRow(stateColumns+"x.host = ? AND x.began <= ? AND (x.until = 0 OR x.until > ?) ORDER BY x.began DESC LIMIT 1", host, at, at).Scan)
	return x, err
}

func timeText(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }

// HostPackages lists what a host has, or, where at is not 0, had at that time; its
// System is that of the time. NotFound where the host was not known then, or was
// forgotten.
func (s *Sites) HostPackages(ctx context.Context, host, at int64) (all []Known, h Host, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all, h, err = s.hostAt(tx, host, at)
		return err
	})
	return all, h, err
}

func (s *Sites) hostAt(tx *db.Tx, host, at int64) ([]Known, Host, error) {
	h, err := hostNumbered(tx, host)
	if err != nil {
		return nil, h, err
	}
	num := h.set
	if at == 0 && h.Gone != 0 {
		return nil, h, muster.Errorf(muster.NotFound, "host %q is forgotten", h.Name)
	}
	if at != 0 {
		x, err := stateAt(tx, host, at)
		if none(err) {
			err = muster.WithHint(muster.Errorf(muster.NotFound, "nothing is known of host %q at %s", h.Name, timeText(at)), "it was first heard of at %s", timeText(h.First))
		}
		if err != nil {
			return nil, h, err
		}
		num, h.System = x.set, x.System
	}
	set, err := s.set(tx, num)
	if err != nil {
		return nil, h, err
	}
	h.Packages = len(set.ids)
	all, err := s.words.rows(tx, set.ids)
	return all, h, err
}

// A Held is a package, and how many hosts have it.
type Held struct {
	Known
	Hosts int
}

// SiteAt lists what the hosts of a site have, or, where at is not 0, had at that time,
// and how many hosts there were. By name, then version as text.
func (s *Sites) SiteAt(ctx context.Context, site string, at int64) (all []Held, hosts int, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, site)
		if err != nil {
			return err
		}
		all, hosts, err = s.siteAt(tx, one.ID, at)
		return err
	})
	return all, hosts, err
}

func (s *Sites) siteAt(tx *db.Tx, site, at int64) ([]Held, int, error) {
	count, hosts, err := s.countAt(tx, site, at)
	if err != nil {
		return nil, 0, err
	}
	all, err := s.held(tx, count, ofCounts(count))
	return all, hosts, err
}

// countAt counts the hosts of a site by what they have or had, and all of them.
func (s *Sites) countAt(tx *db.Tx, site, at int64) (count map[int64]int, hosts int, err error) {
	query, args := "SELECT has, COUNT(*) FROM sites_host WHERE site = ? AND gone = 0 GROUP BY has", []any{site}
	if at != 0 {
		query = `SELECT x.has, COUNT(*) FROM sites_host h JOIN sites_state x ON x.host = h.num
			WHERE h.site = ? AND x.began <= ? AND (x.until = 0 OR x.until > ?) GROUP BY x.has`
		args = append(args, at, at)
	}
	sets := map[int64]int{}
	err = tx.Each(query, args, func(scan db.Scan) error {
		var num int64
		var n int
		err := scan(&num, &n)
		sets[num], hosts = n, hosts+n
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	count, err = s.count(tx, sets)
	return count, hosts, err
}

func ofCounts(count map[int64]int) []int64 { return slices.Sorted(maps.Keys(count)) }

// held tells of packages that are counted, by name, then version as text.
func (s *Sites) held(tx *db.Tx, count map[int64]int, ids []int64) ([]Held, error) {
	rows, err := s.words.rows(tx, ids)
	all := make([]Held, len(rows))
	for i, k := range rows {
		all[i] = Held{k, count[k.ID]}
	}
	slices.SortFunc(all, func(a, b Held) int { return compareKnown(&a.Known, &b.Known) })
	return all, err
}

func compareKnown(a, b *Known) int {
	return cmp.Or(cmp.Compare(a.Package.Name, b.Package.Name), cmp.Compare(a.Package.Version, b.Package.Version), cmp.Compare(a.ID, b.ID))
}

// A Diff is what changed between two times. A package in another version is in both
// lists.
type Diff struct{ Removed, Added []Held }

// HostDiff says what changed on a host from one time to another; to 0 is now. A host
// that was not known had nothing.
func (s *Sites) HostDiff(ctx context.Context, host, from, to int64) (d Diff, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		var sides [2][]Held
		for i, at := range []int64{from, to} {
			all, _, err := s.hostAt(tx, host, at)
			if err != nil && !none(err) {
				return err
			}
			for _, k := range all {
				sides[i] = append(sides[i], Held{k, 1})
			}
		}
		if _, err := hostNumbered(tx, host); err != nil {
			return err
		}
		d = diffHeld(sides[0], sides[1])
		return nil
	})
	return d, err
}

// SiteDiff says what changed at a site from one time to another; to 0 is now. Hosts is
// by how many more or fewer hosts have a package.
func (s *Sites) SiteDiff(ctx context.Context, site string, from, to int64) (d Diff, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, site)
		if err != nil {
			return err
		}
		was, _, err := s.countAt(tx, one.ID, from)
		if err != nil {
			return err
		}
		now, _, err := s.countAt(tx, one.ID, to)
		if err != nil {
			return err
		}
		for id, n := range now { // what is as it was is not looked up
			if was[id] == n {
				delete(was, id)
				delete(now, id)
			}
		}
		before, err := s.held(tx, was, ofCounts(was))
		if err != nil {
			return err
		}
		after, err := s.held(tx, now, ofCounts(now))
		d = diffHeld(before, after)
		return err
	})
	return d, err
}

func diffHeld(was, now []Held) (d Diff) {
	had := map[int64]int{}
	for _, h := range was {
		had[h.ID] = h.Hosts
	}
	for _, h := range now {
		if more := h.Hosts - had[h.ID]; more > 0 {
			d.Added = append(d.Added, Held{h.Known, more})
		}
		had[h.ID] -= h.Hosts
	}
	for _, h := range was {
		if had[h.ID] > 0 {
			d.Removed = append(d.Removed, Held{h.Known, had[h.ID]})
		}
	}
	for _, side := range [][]Held{d.Removed, d.Added} {
		slices.SortFunc(side, func(a, b Held) int { return compareKnown(&a.Known, &b.Known) })
	}
	return d
}
