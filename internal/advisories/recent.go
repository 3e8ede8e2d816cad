package advisories

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
)

// Bounds of what is told of one advisory at a site.
const (
	namesTold    = 10
	packagesTold = 10
)

// A recent is what came to a site, while it is put together.
type recent struct {
	api.AdvisoryRecent
	mark mark
	last int64          // host that was counted
	own  map[int64]bool // hosts that were, by what runs on them
}

// place is an advisory at a site.
type place struct {
	site     string
	advisory int64
}

// Recent lists serious advisories that came to sites that somebody may see behind an
// event and are there still, the worst first, with the hosts that have them; and the
// event to go on from. Of many that came together, which are one event, it has each.
func (a *Advisories) Recent(ctx context.Context, see []string, after int64, limit int) (out []api.AdvisoryRecent, last int64, err error) {
	var all []*recent
	c := a.counter()
	found := map[int64][]finding{} // by row
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		if err := tx.QueryRow("SELECT last FROM advisories_number WHERE name = 'event'").Scan(&last); err != nil {
			return err
		}
		if all, err = cameAfter(tx, see, after, last); err != nil {
			return err
		}
		all = all[:min(len(all), limit)]
		if err := a.headed(tx, all); err != nil {
			return err
		}
		if found, err = findingsBy(tx, "advisory", numbersOf(all)); err != nil {
			return err
		}
		if err := c.readAside(tx, wantedOf(all)); err != nil {
			return err
		}
		return c.read(tx, slices.Sorted(maps.Keys(found)))
	})
	if err != nil || len(all) == 0 {
		return nil, last, err
	}
	if err := a.holdersOf(ctx, c, all, found); err != nil {
		return nil, 0, err
	}
	for _, r := range all {
		if r.Hosts > 0 && r.Advisory.ID != "" { // what left meanwhile is no news
			out = append(out, r.AdvisoryRecent)
		}
	}
	return out, last, nil
}

// cameAfter lists what sites were told of by events behind one. An event and that a site
// was told are of one write, and so of one second; an event without an advisory is of
// all that the site was told of then. What the site was told of in the same second before
// that comes again: twice is better than never.
func cameAfter(tx *db.Tx, see []string, after, last int64) (all []*recent, err error) {
	in, args := seeSites("t.site", see)
	args = append([]any{api.AdvisoryNew, after, last}, args...)
	err = tx.Each(`SELECT t.site, t.advisory, MAX(x.mark % 8), MAX(x.mark % 16) FROM advisories_event e
		JOIN advisories_told t ON t.site = e.site AND t.since = e.happened AND (e.advisory = t.advisory OR e.advisory = 0)
		JOIN advisories_site x ON x.site = t.site AND x.advisory = t.advisory
		WHERE e.kind = ? AND e.number > ? AND e.number <= ? AND `+in+" GROUP BY t.site, t.advisory", args, func(scan db.Scan) error {
		r := &recent{}
		var exploited mark
		err := scan(&r.Site, &r.Advisory.Number, &r.mark, &exploited)
		r.mark |= exploited & markExploited
		all = append(all, r)
		return err
	})
	slices.SortFunc(all, func(a, b *recent) int {
		return cmp.Or(cmp.Compare(b.mark.severity(), a.mark.severity()), cmp.Compare(b.mark&markExploited, a.mark&markExploited),
			cmp.Compare(b.Advisory.Number, a.Advisory.Number), cmp.Compare(a.Site, b.Site))
	})
	return all, err
}

// headed says what the advisories are.
func (a *Advisories) headed(tx *db.Tx, all []*recent) error {
	heads, err := a.headsOf(tx, numbersOf(all))
	for _, r := range all {
		if h := heads[r.Advisory.Number]; h != nil {
			r.Advisory = *h
			r.Advisory.Severity, r.Advisory.Exploited = r.mark.severity().String(), h.Exploited || r.mark&markExploited != 0
		}
	}
	return err
}

func wantedOf(all []*recent) map[int64]bool {
	out := map[int64]bool{}
	for _, n := range numbersOf(all) {
		out[n] = true
	}
	return out
}

// numbersOf names each advisory once.
func numbersOf(all []*recent) (nums []int64) {
	for _, r := range all {
		nums = append(nums, r.Advisory.Number)
	}
	slices.Sort(nums)
	return slices.Compact(nums)
}

// holdersOf says of each who has it: less kernels that do not run, and what is ignored.
// All are looked for at once, as that reads what hosts have.
func (a *Advisories) holdersOf(ctx context.Context, c *counter, all []*recent, found map[int64][]finding) error {
	at := map[place]*recent{}
	for _, r := range all {
		at[place{r.Site, r.Advisory.Number}] = r
	}
	err := a.eachAside(ctx, c, nil, wantedOf(all), func(h *sites.Host, o *ownRow, f *finding) {
		if r := at[place{h.Site, f.advisory}]; r != nil {
			r.add(h, &o.counted, f)
			if r.own == nil {
				r.own = map[int64]bool{}
			}
			r.own[h.ID] = true
		}
	})
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, r := range all {
		told[r.Site] = true
	}
	return a.Fleet.Holders(ctx, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(told)), func(h sites.Host, id int64) error {
		row := c.rows[id]
		if row == nil {
			return nil
		}
		for _, f := range found[id] {
			r := at[place{h.Site, f.advisory}]
			if r != nil && c.concerns(&h, row, map[int64]bool{f.advisory: true}) {
				r.add(&h, row, &f)
			}
		}
		return nil
	})
}

// add counts a host. Hosts come one after the other.
func (r *recent) add(h *sites.Host, row *counted, f *finding) {
	if h.ID != r.last && !r.own[h.ID] {
		if r.last = h.ID; len(r.Names) < namesTold {
			r.Names = append(r.Names, h.Name)
		}
		r.Hosts++
	}
	r.Packages = once(r.Packages, row.Package.Name+" "+row.Package.Version)
	if f.fixed != "" {
		r.Fixed = once(r.Fixed, f.fixed)
	}
}

// once adds a text once, as long as there is room.
func once(all []string, text string) []string {
	if len(all) >= packagesTold || slices.Contains(all, text) {
		return all
	}
	return append(all, text)
}
