package advisories

import (
	"maps"
	"slices"

	"muster"
	"muster/advisory"
	"muster/internal/db"
)

// What people look at most often, how many advisories there are of each kind at a site and
// in all, and how many hosts each concerns, is kept as sums that grow with each change: a
// hundred sites with ten thousand open advisories each are a million rows, which take
// seconds to go through.

// deltas are by how many hosts advisories of sites grow.
type deltas map[string]map[marked]int64

func (d deltas) add(site string, list []marked, n int64) {
	of := d[site]
	if of == nil {
		of = map[marked]int64{}
		d[site] = of
	}
	for _, m := range list {
		if of[m] += n; of[m] == 0 {
			delete(of, m)
		}
	}
}

// write adds them to what sites have, to what all sites have, and notes of what sites may
// have to be told.
func (d deltas) write(tx *db.Tx, serious advisory.Severity) error {
	everywhere := map[marked]int64{}
	for _, site := range slices.Sorted(maps.Keys(d)) {
		for m, n := range d[site] {
			if everywhere[m] += n; everywhere[m] == 0 {
				delete(everywhere, m)
			}
		}
		turned, err := oneSite(site).grow(tx, d[site])
		if err != nil {
			return err
		}
		if err := noteNews(tx, site, turned, serious); err != nil {
			return err
		}
	}
	_, err := allSites.grow(tx, everywhere)
	return err
}

// A scope is where hosts are counted: one site, or all of them.
type scope struct {
	table string
	whole bool
	site  string
}

var allSites = scope{table: "advisories_all", whole: true}

func oneSite(name string) scope { return scope{table: "advisories_site", site: name} }

// columns names those of a row of the scope's table before others, and what is in them.
func (s scope) columns(others ...string) []string {
	if s.whole {
		return others
	}
	return append([]string{"site"}, others...)
}

func (s scope) values(others ...any) []any {
	if s.whole {
		return others
	}
	return append([]any{s.site}, others...)
}

// noMark is that of an advisory that no host has.
const noMark mark = -1

// A turn is what the mark of an advisory was in a scope, of all hosts together, and is.
type turn struct{ was, is mark }

// grow adds to how many hosts have what, and returns the advisories of which the mark of
// all hosts together changed.
func (s scope) grow(tx *db.Tx, of map[marked]int64) (map[int64]turn, error) {
	if len(of) == 0 {
		return nil, nil
	}
	before, err := s.read(tx, of)
	if err != nil {
		return nil, err
	}
	after := maps.Clone(before)
	var put [][]any
	for m, n := range of {
		switch n += before[m]; {
		case n > 0:
			after[m] = n
			put = append(put, s.values(m.num, int64(m.mark), n))
			continue
		case n < 0:
			return nil, muster.Errorf(muster.Internal, "fewer than no hosts of site %q have advisory %d", s.site, m.num)
		}
		delete(after, m)
		where := "DELETE FROM " + s.table + " WHERE advisory = ? AND mark = ?"
		args := []any{m.num, int64(m.mark)}
		if !s.whole {
			where, args = where+" AND site = ?", append(args, s.site)
		}
		if _, err := tx.Exec(where, args...); err != nil {
			return nil, err
		}
	}
	if err := tx.Upsert(s.table, s.columns("advisory", "mark"), s.columns("advisory", "mark", "hosts"), put); err != nil {
		return nil, err
	}
	turned := turns(before, after)
	return turned, s.total(tx, turned)
}

// read is how many hosts of the scope have some advisories, by every mark.
func (s scope) read(tx *db.Tx, of map[marked]int64) (map[marked]int64, error) {
	nums := map[int64]bool{}
	for m := range of {
		nums[m.num] = true
	}
	out := map[marked]int64{}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(nums)), someIDs) {
		query, args := "SELECT advisory, mark, hosts FROM "+s.table+" WHERE advisory IN "+db.In(len(part)), anys(part)
		if !s.whole {
			query, args = query+" AND site = ?", append(args, s.site)
		}
		err := tx.Each(query, args, func(scan db.Scan) error {
			var m marked
			var n int64
			err := scan(&m.num, &m.mark, &n)
			out[m] = n
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// turns are the advisories whose mark is another.
func turns(before, after map[marked]int64) map[int64]turn {
	was, is := together(before), together(after)
	out := map[int64]turn{}
	for num, m := range was {
		now, there := is[num]
		if !there {
			now = noMark
		}
		if now != m {
			out[num] = turn{m, now}
		}
	}
	for num, m := range is {
		if _, there := was[num]; !there {
			out[num] = turn{noMark, m}
		}
	}
	return out
}

// together is the mark of each advisory on all hosts.
func together(hosts map[marked]int64) map[int64]mark {
	out := map[int64]mark{}
	for m := range hosts {
		if had, there := out[m.num]; there {
			m.mark = m.mark.with(had)
		}
		out[m.num] = m.mark
	}
	return out
}

// total counts advisories of the scope by their marks.
func (s scope) total(tx *db.Tx, turned map[int64]turn) error {
	by := map[mark]int64{}
	for _, t := range turned {
		by[t.was]--
		by[t.is]++
	}
	delete(by, noMark)
	err := tx.Each("SELECT mark, advisories FROM advisories_total WHERE whole = ? AND site = ?", []any{s.whole, s.site}, func(scan db.Scan) error {
		var m mark
		var n int64
		err := scan(&m, &n)
		if _, changes := by[m]; changes {
			by[m] += n
		}
		return err
	})
	if err != nil {
		return err
	}
	var put [][]any
	for _, m := range slices.Sorted(maps.Keys(by)) {
		if by[m] > 0 {
			put = append(put, []any{s.whole, s.site, int64(m), by[m]})
			continue
		}
		if _, err := tx.Exec("DELETE FROM advisories_total WHERE whole = ? AND site = ? AND mark = ?", s.whole, s.site, int64(m)); err != nil {
			return err
		}
	}
	return tx.Upsert("advisories_total", []string{"whole", "site", "mark"}, []string{"whole", "site", "mark", "advisories"}, put)
}

// grave reports whether a site is told of an advisory with this mark.
func (m mark) grave(serious advisory.Severity) bool {
	return m != noMark && (m.severity() >= serious || m&markExploited != 0)
}

// noteNews notes the advisories of a site that became serious, or are so no more.
func noteNews(tx *db.Tx, site string, turned map[int64]turn, serious advisory.Severity) error {
	var rows [][]any
	for _, num := range slices.Sorted(maps.Keys(turned)) {
		if t := turned[num]; t.was.grave(serious) != t.is.grave(serious) {
			rows = append(rows, []any{site, num})
		}
	}
	return tx.Upsert("advisories_untold", []string{"site", "advisory"}, []string{"site", "advisory"}, rows)
}
