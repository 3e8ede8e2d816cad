package sites

import (
	"cmp"
	"context"
	"slices"

	"muster/internal/db"
)

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
