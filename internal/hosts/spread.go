package hosts

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// Bounds of what is kept of versions: some 200 bytes a package and day.
const (
	maxSpreads     = 32 // packages that are counted at one time
	maxChosen      = 24 // of them by people
	maxVersions    = 12 // of one package that have a number of their own
	keepHoursShort = 2 * 24 * time.Hour
)

// A rolling says which packages are counted besides those that people chose.
type rolling struct {
	names []string               // that are in rollouts
	may   func(name string) bool // be counted because many hosts have them
}

func (h *Hosts) rolling(ctx context.Context) (r rolling, err error) {
	r.may = func(string) bool { return true }
	if h.Rolling != nil {
		r.names, r.may, err = h.Rolling(ctx)
	}
	return r, err
}

// A spread counts the hosts of one package.
type spread struct {
	name     string
	hosts    int
	versions map[string]int
}

// spreads counts the versions of all packages of muster.
func (q *inquiry) spreads() map[string]*spread {
	all := map[string]*spread{}
	for place, list := range q.muster.of {
		if !q.here.has(uint32(place)) {
			continue
		}
		for i, n := range list {
			s := q.muster.word[n]
			if s.Version == "" {
				continue // it is missing there
			}
			of := all[s.Name]
			if of == nil {
				of = &spread{name: s.Name, versions: map[string]int{}}
				all[s.Name] = of
			}
			other, same := q.before(list[:i], s.Name, s.Version)
			if !other {
				of.hosts++
			}
			if !same {
				of.versions[s.Version]++
			}
		}
	}
	return all
}

// before reports whether a host has the package in another place too, and in the same
// version there.
func (q *inquiry) before(list []uint32, name, version string) (other, same bool) {
	for _, n := range list {
		if s := q.muster.word[n]; s.Name == name && s.Version != "" {
			other, same = true, same || s.Version == version
		}
	}
	return other, same
}

// counted puts the packages to count into their order, and leaves out what is too many.
func counted(all map[string]*spread, chosen []string, r rolling) (out []*spread) {
	known := map[string]bool{}
	add := func(s *spread) {
		if s != nil && !known[s.name] && len(out) < maxSpreads {
			known[s.name], out = true, append(out, s)
		}
	}
	for _, name := range slices.Concat(chosen, r.names) {
		add(cmp.Or(all[name], &spread{name: name})) // none has it: that is a number too
	}
	for _, s := range slices.SortedFunc(maps.Values(all), func(a, b *spread) int { return cmp.Or(b.hosts-a.hosts, cmp.Compare(a.name, b.name)) }) {
		if r.may(s.name) {
			add(s)
		}
	}
	return out
}

// point is what is kept: the versions that most hosts have, and the others together.
func (s *spread) point(now time.Time) api.SpreadPoint {
	p := api.SpreadPoint{Time: now.Unix(), Hosts: s.hosts, Versions: map[string]int{}}
	for i, v := range slices.SortedFunc(maps.Keys(s.versions), func(a, b string) int { return cmp.Or(s.versions[b]-s.versions[a], cmp.Compare(a, b)) }) {
		if i < maxVersions {
			p.Versions[v] = s.versions[v]
		} else {
			p.Others += s.versions[v]
		}
	}
	return p
}

// putSpreads keeps what was counted, and ends what is old.
func putSpreads(tx *db.Tx, hour time.Time, all []*spread, now time.Time) error {
	var rows [][]any
	for place, s := range all {
		body, err := json.Marshal(s.point(now))
		if err != nil {
			return err
		}
		rows = append(rows, []any{s.name, "hour", hour.Unix(), place, body}, []any{s.name, "day", hour.Truncate(24 * time.Hour).Unix(), place, body})
	}
	if err := tx.Upsert("hosts_spread", []string{"package", "span", "began"}, []string{"package", "span", "began", "place", "body"}, rows); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM hosts_spread WHERE span = 'hour' AND began < ? OR span = 'day' AND began < ?",
		hour.Add(-keepHoursShort).Unix(), hour.Add(-keepDays).Unix())
	return err
}

// chosenSpreads are the packages that people chose.
func chosenSpreads(tx *db.Tx) (names []string, err error) {
	names = []string{}
	err = tx.Each("SELECT package FROM hosts_spread_chosen ORDER BY package", nil, func(scan db.Scan) error {
		names = append(names, "")
		return scan(&names[len(names)-1])
	})
	return names, err
}

// ChooseSpread has the versions of a package be counted, or no more because somebody
// chose it.
func (h *Hosts) ChooseSpread(ctx context.Context, name string, count bool) error {
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		if !count {
			_, err := tx.Exec("DELETE FROM hosts_spread_chosen WHERE package = ?", name)
			return err
		}
		names, err := chosenSpreads(tx)
		if err != nil || slices.Contains(names, name) {
			return err
		}
		if len(names) >= maxChosen {
			return muster.WithHint(muster.Errorf(muster.Conflict, "the versions of %d packages are counted, and of no more", len(names)), "leave one of them out before: 'muster versions' lists them")
		}
		return tx.Insert("hosts_spread_chosen", []string{"package"}, [][]any{{name}})
	})
}

// Spread is on how many hosts the versions of packages were.
func (h *Hosts) Spread(ctx context.Context, q api.SpreadQuery) (out api.Spread, err error) {
	if len(q.Packages) > maxSpreads {
		return out, muster.Errorf(muster.Invalid, "%d packages are more than %d", len(q.Packages), maxSpreads)
	}
	err = h.DB.Read(ctx, func(tx *db.Tx) (err error) {
		out = api.Spread{Packages: []api.PackageSpread{}}
		if out.Chosen, err = chosenSpreads(tx); err != nil {
			return err
		}
		names := q.Packages
		if len(names) == 0 {
			if names, err = newestSpreads(tx, q.Limit); err != nil {
				return err
			}
		}
		return readSpreads(tx, names, q.From, &out)
	})
	return out, err
}

// newestSpreads are the packages that were counted last, in their order.
func newestSpreads(tx *db.Tx, limit int) (names []string, err error) {
	err = tx.Each("SELECT package FROM hosts_spread WHERE span = 'hour' AND began = (SELECT MAX(began) FROM hosts_spread WHERE span = 'hour') ORDER BY place", nil, func(scan db.Scan) error {
		names = append(names, "")
		return scan(&names[len(names)-1])
	})
	if limit > 0 && len(names) > limit {
		names = names[:limit]
	}
	return names, err
}

// readSpreads reads what is kept of packages.
func readSpreads(tx *db.Tx, names []string, from int64, out *api.Spread) error {
	at, args := map[string]int{}, []any{from}
	for _, name := range names {
		if _, twice := at[name]; twice {
			continue
		}
		at[name] = len(out.Packages)
		out.Packages = append(out.Packages, api.PackageSpread{Package: name, Hours: []api.SpreadPoint{}, Days: []api.SpreadPoint{}})
		args = append(args, name)
	}
	if len(at) == 0 {
		return nil
	}
	return tx.Each("SELECT package, span, body FROM hosts_spread WHERE began >= ? AND package IN "+db.In(len(at))+" ORDER BY package, span, began", args, func(scan db.Scan) error {
		var name, span string
		var body []byte
		if err := scan(&name, &span, &body); err != nil {
			return err
		}
		of := &out.Packages[at[name]]
		list := &of.Hours
		if span == "day" {
			list = &of.Days
		}
		*list = append(*list, api.SpreadPoint{})
		return readJSON("a count of versions", body, &(*list)[len(*list)-1])
	})
}
