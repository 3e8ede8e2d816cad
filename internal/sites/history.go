package sites

import (
	"cmp"
	"context"
	"slices"

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
	if none(err) {
		err = muster.Errorf(muster.NotFound, "host %d was not known then", host)
	}
	return x, err
}

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
	query, args := "SELECT has, COUNT(*) FROM sites_host WHERE site = ? AND gone = 0 GROUP BY has", []any{site}
	if at != 0 {
		query = `SELECT x.has, COUNT(*) FROM sites_host h JOIN sites_state x ON x.host = h.num
			WHERE h.site = ? AND x.began <= ? AND (x.until = 0 OR x.until > ?) GROUP BY x.has`
		args = append(args, at, at)
	}
	sets, hosts := map[int64]int{}, 0
	err := tx.Each(query, args, func(scan db.Scan) error {
		var num int64
		var n int
		err := scan(&num, &n)
		sets[num], hosts = n, hosts+n
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	count := map[int64]int{}
	for num, n := range sets {
		set, err := s.set(tx, num)
		if err != nil {
			return nil, 0, err
		}
		for _, id := range set.ids {
			count[id] += n
		}
	}
	ids := make([]int64, 0, len(count))
	for id := range count {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rows, err := s.words.rows(tx, ids)
	all := make([]Held, len(rows))
	for i, k := range rows {
		all[i] = Held{k, count[k.ID]}
	}
	slices.SortFunc(all, func(a, b Held) int { return compareKnown(&a.Known, &b.Known) })
	return all, hosts, err
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
		was, _, err := s.siteAt(tx, one.ID, from)
		if err != nil {
			return err
		}
		now, _, err := s.siteAt(tx, one.ID, to)
		d = diffHeld(was, now)
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

// An Interval is a time for which a host had a package.
type Interval struct {
	Host        int64
	Known       Known
	From, Until int64 // Until 0: it has it
	Seen        int64 // when it was last reported to have it; 0: see [Host.Last]
}

// Versions calls f with every time for which a host had a package of this name, or of
// a source of this name, of those that reach into the time from one moment to another;
// to 0 is now. They come host by host, each in its order. f runs while the database is
// read.
func (s *Sites) Versions(ctx context.Context, name string, from, to int64, f func(Interval) error) error {
	return s.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := knownNamed(tx, []string{name})
		if err != nil || len(all) == 0 {
			return err
		}
		return s.intervals(tx, all, from, to, f)
	})
}

func (s *Sites) intervals(tx *db.Tx, all []Known, from, to int64, f func(Interval) error) error {
	byID := map[int64]*Known{}
	var ids []int64
	for i := range all {
		byID[all[i].ID], ids = &all[i], append(ids, all[i].ID)
	}
	reach, args := "(until = 0 OR until > ?)", []any{from}
	if to != 0 {
		reach, args = reach+" AND began <= ?", append(args, to)
	}
	var sets []int64
	if err := eachNumber(tx, "SELECT DISTINCT has FROM sites_state WHERE "+reach, args, &sets); err != nil {
		return err
	}
	found, err := s.hunt(tx, ids).in(sets)
	if err != nil || len(found) == 0 {
		return err
	}
	w := walk{f: f, byID: byID, open: map[int64]*Interval{}}
	err = tx.Each("SELECT host, began, until, seen, has FROM sites_state WHERE "+reach+" ORDER BY host, began", args, func(scan db.Scan) error {
		var host, has int64
		var x State
		if err := scan(&host, &x.From, &x.Until, &x.Seen, &has); err != nil {
			return err
		}
		return w.step(host, &x, found[has])
	})
	if err != nil {
		return err
	}
	return w.flush(func(*Interval) bool { return true })
}

// A walk goes through the states of hosts and joins those that follow each other and
// have the same package.
type walk struct {
	f    func(Interval) error
	byID map[int64]*Known
	host int64
	open map[int64]*Interval
}

func (w *walk) step(host int64, x *State, ids []int64) error {
	over := func(i *Interval) bool {
		return host != w.host || i.Until != x.From || !slices.Contains(ids, i.Known.ID)
	}
	if err := w.flush(over); err != nil {
		return err
	}
	w.host = host
	for _, id := range ids {
		i := w.open[id]
		if i == nil {
			i = &Interval{Host: host, Known: *w.byID[id], From: x.From}
			w.open[id] = i
		}
		i.Until, i.Seen = x.Until, x.Seen
	}
	return nil
}

// flush gives away those that are over, in their order.
func (w *walk) flush(over func(*Interval) bool) error {
	var all []*Interval
	for id, i := range w.open {
		if over(i) {
			all = append(all, i)
			delete(w.open, id)
		}
	}
	slices.SortFunc(all, func(a, b *Interval) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Known.ID, b.Known.ID))
	})
	for _, i := range all {
		if err := w.f(*i); err != nil {
			return err
		}
	}
	return nil
}

// A Sighting is when a version of a package was there, on any host.
type Sighting struct {
	Known    Known
	Appeared int64 // first, in Unix seconds
	Vanished int64 // when the last host had it no more; 0: some have it
	Hosts    int   // that have or had it
	Now      int   // that have it
}

// Sightings says of every version of the packages of a name, or of a source of that
// name, when it appeared and vanished, the oldest first. Where version is not "", of that
// alone. Of sites only their hosts count; nil is every host.
func (s *Sites) Sightings(ctx context.Context, sites []string, name, version string) (out []Sighting, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		out = nil
		all, err := knownNamed(tx, []string{name})
		if version != "" {
			all = slices.DeleteFunc(all, func(k Known) bool { return k.Package.Version != version })
		}
		if err != nil || len(all) == 0 {
			return err
		}
		counts, err := atSites(tx, sites)
		if err != nil {
			return err
		}
		out, err = s.sightings(tx, all, counts)
		return err
	})
	return out, err
}

// atSites returns whether a host is of one of the sites; nil are all.
func atSites(tx *db.Tx, sites []string) (is func(host int64) bool, err error) {
	if sites == nil {
		return func(int64) bool { return true }, nil
	}
	names, hosts := make([]any, len(sites)), map[int64]bool{}
	for i, name := range sites {
		names[i] = name
	}
	err = tx.Each("SELECT h.num FROM sites_host h JOIN sites_site s ON s.num = h.site WHERE s.name IN "+db.In(len(names)), names, func(scan db.Scan) error {
		var num int64
		err := scan(&num)
		hosts[num] = true
		return err
	})
	return func(host int64) bool { return hosts[host] }, err
}

func (s *Sites) sightings(tx *db.Tx, all []Known, counts func(host int64) bool) (out []Sighting, err error) {
	at := map[int64]*Sighting{}
	last := map[int64]int64{} // host that was counted last
	err = s.intervals(tx, all, 0, 0, func(i Interval) error {
		if !counts(i.Host) {
			return nil
		}
		x := at[i.Known.ID]
		if x == nil {
			x = &Sighting{Known: i.Known, Appeared: i.From}
			at[i.Known.ID] = x
		}
		x.Appeared, x.Vanished = min(x.Appeared, i.From), max(x.Vanished, i.Until)
		if last[i.Known.ID] != i.Host {
			last[i.Known.ID] = i.Host
			x.Hosts++
		}
		if i.Until == 0 {
			x.Now++
		}
		return nil
	})
	for _, x := range at {
		if x.Now > 0 {
			x.Vanished = 0
		}
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Sighting) int {
		return cmp.Or(cmp.Compare(a.Appeared, b.Appeared), compareKnown(&a.Known, &b.Known))
	})
	return out, err
}
