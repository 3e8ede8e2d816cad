package advisories

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
)

func readCounts(body []byte) (c api.AdvisoryCounts, err error) {
	if err := json.Unmarshal(body, &c); err != nil {
		return c, muster.Errorf(muster.Internal, "the database holds a count that is damaged: %w", err)
	}
	return c, nil
}

// SiteFindings lists the advisories that a site has, or with "" all that somebody may
// see, with how many hosts have them: the worst first, then the most hosts.
func (a *Advisories) SiteFindings(ctx context.Context, see []string, site string, q api.FindingQuery) (out api.AdvisoryPage, err error) {
	s, err := newSieve(q)
	if err != nil {
		return out, err
	}
	from, args := hostsIn(see)
	if site != "" {
		in, only := seeSites("site", see)
		from, args = "advisories_site WHERE site = ? AND "+in, append([]any{site}, only...)
	}
	having := "MAX(mark % 8) >= ?"
	args = append(args, int(s.least))
	if q.Exploited {
		having += " AND MAX(mark % 16) >= 8"
	}
	if q.Fixable {
		having += " AND MAX(mark) >= 16"
	}
	var all []concerned
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		err := tx.Each("SELECT advisory, SUM(hosts), MAX(mark % 8), MAX(mark % 16) FROM "+from+" GROUP BY advisory HAVING "+having, args, func(scan db.Scan) error {
			var c concerned
			var sevExploited mark
			err := scan(&c.num, &c.hosts, &c.mark, &sevExploited)
			c.mark |= sevExploited & markExploited
			all = append(all, c)
			return err
		})
		if err != nil {
			return err
		}
		if out, err = a.concernedPage(tx, all, &s); err != nil {
			return err
		}
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		return eachRelease(tx, see, site, func(_ string, r release, hosts int64) {
			if !x.covers(r.platform) {
				out.Uncovered += hosts
			}
		})
	})
	return out, err
}

// A concerned advisory is one with how many hosts have it, and how bad it is there.
type concerned struct {
	num, hosts int64
	mark       mark
	score      float64
}

func (a *Advisories) concernedPage(tx *db.Tx, all []concerned, s *sieve) (out api.AdvisoryPage, err error) {
	if all, err = a.scored(tx, all, s); err != nil {
		return out, err
	}
	slices.SortFunc(all, func(a, b concerned) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.mark.severity(), a.mark.severity()), cmp.Compare(b.mark&markExploited, a.mark&markExploited),
			cmp.Compare(b.hosts, a.hosts), cmp.Compare(b.num, a.num))
	})
	if s.text != "" {
		if all, err = a.textOnly(tx, all, s); err != nil {
			return out, err
		}
	}
	part, next := page(all, s.from, limitOf(s.Limit))
	nums := make([]int64, len(part))
	for i, c := range part {
		nums[i] = c.num
	}
	heads, err := a.headsOf(tx, nums)
	out = api.AdvisoryPage{Advisories: []api.Advisory{}, Next: next}
	for _, c := range part {
		if h := heads[c.num]; h != nil {
			one := *h
			one.Severity, one.Exploited, one.Hosts = c.mark.severity().String(), one.Exploited || c.mark&markExploited != 0, &c.hosts
			out.Advisories = append(out.Advisories, one)
		}
	}
	return out, err
}

// scored leaves out advisories with a lower score than is asked for, and has others
// sorted by it where that is asked for.
func (a *Advisories) scored(tx *db.Tx, all []concerned, s *sieve) ([]concerned, error) {
	if s.EPSS == 0 && s.Sort == "" {
		return all, nil
	}
	x, err := a.facts(tx)
	if err != nil {
		return nil, err
	}
	nums := make([]int64, len(all))
	for i, c := range all {
		nums[i] = c.num
	}
	scores, err := x.scoresOf(tx, nums)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(c concerned) bool { return scores[c.num] < s.EPSS })
	for i := range all {
		if s.Sort == sortEPSS {
			all[i].score = scores[all[i].num]
		}
	}
	return all, nil
}

// textOnly keeps advisories whose names have a text.
func (a *Advisories) textOnly(tx *db.Tx, all []concerned, s *sieve) ([]concerned, error) {
	nums, err := textNumbers(tx, s.text)
	has := map[int64]bool{}
	for _, n := range nums {
		has[n] = true
	}
	return slices.DeleteFunc(all, func(c concerned) bool { return !has[c.num] }), err
}

// textNumbers lists advisories of which a name has a text, in any case.
func textNumbers(tx *db.Tx, text string) ([]int64, error) {
	return numbers(tx, "SELECT DISTINCT n.advisory FROM advisories_name n JOIN advisories_version v ON v.advisory = n.advisory AND v.born = n.born JOIN advisories_source s ON s.num = v.source WHERE LOWER(n.name) LIKE ? ESCAPE '!' AND "+current, like(text))
}

// List lists all advisories that sources have, the newest first, with how many hosts
// have them.
func (a *Advisories) List(ctx context.Context, see []string, q api.FindingQuery) (out api.AdvisoryPage, err error) {
	s, err := newSieve(q)
	if err != nil {
		return out, err
	}
	limit := limitOf(q.Limit)
	where, args := "v.severity >= ? AND s.form <> ?", []any{int(s.least), formReleases}
	if q.Exploited {
		where += " AND v.exploited = 1"
	}
	if s.text != "" {
		where += " AND v.advisory IN (SELECT advisory FROM advisories_name WHERE LOWER(name) LIKE ? ESCAPE '!')"
		args = append(args, like(s.text))
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.AdvisoryPage{Advisories: []api.Advisory{}}
		query := "SELECT v.advisory FROM advisories_version v JOIN advisories_source s ON s.num = v.source WHERE " + where + " AND " + current + " ORDER BY v.published DESC, v.advisory DESC"
		var nums []int64
		if s.EPSS > 0 || s.Sort == sortEPSS {
			if nums, err = a.likely(tx, &s, query, args...); err != nil {
				return err
			}
			nums, out.Next = page(nums, s.from, limit)
		} else {
			if nums, err = numbers(tx, query+" LIMIT ? OFFSET ?", append(args, limit+1, s.from)...); err != nil {
				return err
			}
			nums, out.Next = page(nums, 0, limit)
			if out.Next != "" {
				_, out.Next = page(make([]struct{}, s.from+limit+1), s.from, limit)
			}
		}
		heads, err := a.headsOf(tx, nums)
		if err != nil {
			return err
		}
		hosts, err := hostsOf(tx, see, nums)
		for _, n := range nums {
			if h := heads[n]; h != nil {
				one, c := *h, hosts[n]
				one.Hosts, one.Exploited = &c.hosts, one.Exploited || c.mark&markExploited != 0
				out.Advisories = append(out.Advisories, one)
			}
		}
		return err
	})
	return out, err
}

// likely leaves out of advisories those with a lower score than is asked for, and sorts
// them by it where that is asked for.
func (a *Advisories) likely(tx *db.Tx, s *sieve, query string, args ...any) ([]int64, error) {
	nums, err := numbers(tx, query, args...)
	if err != nil {
		return nil, err
	}
	x, err := a.facts(tx)
	if err != nil {
		return nil, err
	}
	scores, err := x.scoresOf(tx, nil)
	if err != nil {
		return nil, err
	}
	nums = slices.DeleteFunc(nums, func(n int64) bool { return scores[n] < s.EPSS })
	if s.Sort == sortEPSS {
		slices.SortStableFunc(nums, func(a, b int64) int { return cmp.Compare(scores[b], scores[a]) })
	}
	return nums, nil
}

// hostsIn is the table, and a condition, of how many hosts that somebody may see have what.
func hostsIn(see []string) (string, []any) {
	if see == nil {
		return "advisories_all WHERE 1 = 1", nil
	}
	in, args := seeSites("site", see)
	return "advisories_site WHERE " + in, args
}

// hostsOf counts the hosts that advisories concern.
func hostsOf(tx *db.Tx, see []string, nums []int64) (map[int64]concerned, error) {
	out := map[int64]concerned{}
	from, args := hostsIn(see)
	for part := range slices.Chunk(nums, someIDs) {
		err := tx.Each("SELECT advisory, SUM(hosts), MAX(mark % 16) FROM "+from+" AND advisory IN "+db.In(len(part))+" GROUP BY advisory", slices.Concat(args, anys(part)), func(scan db.Scan) error {
			var c concerned
			err := scan(&c.num, &c.hosts, &c.mark)
			out[c.num] = c
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Show is all about an advisory, by its ID or any of its aliases. Where several sources
// have it, the one counts that concerns more hosts, then the one imported first.
func (a *Advisories) Show(ctx context.Context, see []string, id string) (out api.AdvisoryDetail, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		nums, err := numbered(tx, id)
		if err != nil {
			return err
		}
		if len(nums) == 0 {
			return noAdvisory(id)
		}
		hosts, err := hostsOf(tx, see, nums)
		if err != nil {
			return err
		}
		num := slices.MaxFunc(nums, func(x, y int64) int {
			return cmp.Or(cmp.Compare(hosts[x].hosts, hosts[y].hosts), cmp.Compare(y, x))
		})
		out, err = a.detail(tx, see, num)
		return err
	})
	return out, err
}

func noAdvisory(id string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "no source has an advisory %.100q", id), "run 'muster advisories sources' to see what is imported")
}

func (a *Advisories) detail(tx *db.Tx, see []string, num int64) (out api.AdvisoryDetail, err error) {
	var source string
	var body []byte
	err = tx.QueryRow("SELECT s.name, v.body FROM advisories_version v JOIN advisories_source s ON s.num = v.source WHERE v.advisory = ? AND "+current, num).Scan(&source, &body)
	if err != nil {
		return out, err
	}
	d, err := a.read(body)
	if err != nil {
		return out, err
	}
	x, err := a.facts(tx)
	if err != nil {
		return out, err
	}
	out.Advisory, out.Affected, out.Sites = x.headOf(num, source, d), []api.AdvisoryAffected{}, []api.AdvisorySite{}
	exploited, err := exploitedOf(tx, []int64{num})
	if err != nil {
		return out, err
	}
	out.Exploited = out.Exploited || exploited[num]
	for i := range d.Affected {
		if !d.Affected[i].ForBackports() {
			out.Affected = append(out.Affected, affectedOf(&d.Affected[i]))
		}
	}
	total := int64(0)
	in, args := seeSites("x.site", see)
	err = tx.Each("SELECT x.site, SUM(x.hosts), MIN(t.since) FROM advisories_site x LEFT JOIN advisories_told t ON t.site = x.site AND t.advisory = x.advisory WHERE x.advisory = ? AND "+in+" GROUP BY x.site ORDER BY x.site", append([]any{num}, args...), func(scan db.Scan) error {
		var s api.AdvisorySite
		var since *int64
		err := scan(&s.Site, &s.Hosts, &since)
		if since != nil {
			s.Since = *since
		}
		total += s.Hosts
		out.Sites = append(out.Sites, s)
		return err
	})
	out.Hosts = &total
	return out, err
}

func affectedOf(f *advisory.Affected) api.AdvisoryAffected {
	out := api.AdvisoryAffected{Ecosystem: f.Ecosystem, Release: f.Release, Name: f.Name, Binary: f.Binary, Arch: f.Arch, Module: f.Module, Versions: f.Versions, Status: f.Status, FixElsewhere: f.FixElsewhere}
	if f.Severity != advisory.Unknown {
		out.Severity = f.Severity.String()
	}
	for _, r := range f.Ranges {
		if r.Backports() {
			continue // what is said of others is clearer without
		}
		out.Ranges = append(out.Ranges, api.AdvisoryRange{Introduced: r.Introduced, Fixed: r.Fixed, Last: r.Last})
	}
	return out
}

// Holders is a page of [Advisories.AllHolders].
func (a *Advisories) Holders(ctx context.Context, see []string, id, cursor string, limit int) (out api.AdvisoryHostPage, err error) {
	from, err := placeOf(cursor)
	if err != nil {
		return out, err
	}
	limit = limitOf(limit)
	all, err := a.holders(ctx, see, id, from+limit+1)
	out.Hosts, out.Next = page(all, from, limit)
	return out, err
}

// AllHolders lists the hosts that an advisory concerns, by any of its names, one line for
// each, by site and name: less kernels that do not run, and what is ignored.
func (a *Advisories) AllHolders(ctx context.Context, see []string, id string) ([]api.AdvisoryHost, error) {
	return a.holders(ctx, see, id, 0)
}

// A holding is an advisory, and what it concerns. Its counter knows of rows what is found
// of this advisory alone: the row of a kernel has thousands of others.
type holding struct {
	*counter
	nums  map[int64]bool // those of its names
	sites []string       // that have it and may be seen, sorted
	found map[int64]finding
	byRow map[int64]map[int64]bool // which of nums
}

// holding reads what is found of an advisory.
func (a *Advisories) holding(tx *db.Tx, see []string, id string) (*holding, error) {
	h := &holding{counter: a.counter(), nums: map[int64]bool{}, found: map[int64]finding{}, byRow: map[int64]map[int64]bool{}}
	nums, err := numbered(tx, id)
	if err != nil {
		return nil, err
	}
	if len(nums) == 0 {
		return nil, noAdvisory(id)
	}
	for _, n := range nums {
		h.nums[n] = true
	}
	if err := h.readAside(tx, h.nums); err != nil {
		return nil, err
	}
	err = tx.Each("SELECT known, advisory, fixed, status, severity, exploited FROM advisories_finding WHERE advisory IN "+db.In(len(nums)), anys(nums), func(scan db.Scan) error {
		var known int64
		var f finding
		err := scan(&known, &f.advisory, &f.fixed, &f.status, &f.severity, &f.exploited)
		if had, there := h.found[known]; !there || f.compare(had) < 0 { // of several with this name the worst
			h.found[known] = f
		}
		if h.byRow[known] == nil {
			h.byRow[known] = map[int64]bool{}
		}
		h.byRow[known][f.advisory] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	in, args := seeSites("site", see)
	err = tx.Each("SELECT DISTINCT site FROM advisories_site WHERE advisory IN "+db.In(len(nums))+" AND "+in+" ORDER BY site", append(anys(nums), args...), func(scan db.Scan) error {
		var site string
		err := scan(&site)
		h.sites = append(h.sites, site)
		return err
	})
	if err != nil {
		return nil, err
	}
	of := map[int64][]finding{}
	for id, f := range h.found {
		of[id] = []finding{f}
	}
	if err := h.begin(tx); err != nil {
		return nil, err
	}
	return h, h.keep(tx, nil, of)
}

// holders goes from site to site until it has enough, of which there is none where that
// is 0: hosts of a site are found by reading what all of its hosts have.
func (a *Advisories) holders(ctx context.Context, see []string, id string, enough int) (all []api.AdvisoryHost, err error) {
	var h *holding
	err = a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		h, err = a.holding(tx, see, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	told, aside := map[int64]bool{}, map[string][]api.AdvisoryHost{}
	err = a.eachAside(ctx, h.counter, see, h.nums, func(host *sites.Host, o *ownRow, f *finding) {
		if !told[host.ID] {
			told[host.ID] = true
			aside[host.Site] = append(aside[host.Site], holder(host, o.knownRow, f))
		}
	})
	if err != nil {
		return nil, err
	}
	for _, site := range h.sites {
		some := aside[site]
		err := a.Fleet.Holders(ctx, slices.Sorted(maps.Keys(h.found)), []string{site}, func(host sites.Host, id int64) error {
			if r := h.rows[id]; r != nil && !told[host.ID] && h.concerns(&host, r, h.byRow[id]) {
				told[host.ID] = true
				f := h.found[id]
				some = append(some, holder(&host, r.knownRow, &f))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(some, func(a, b api.AdvisoryHost) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
		if all = append(all, some...); enough > 0 && len(all) >= enough {
			break
		}
	}
	return all, nil
}

func holder(h *sites.Host, r *knownRow, f *finding) api.AdvisoryHost {
	return api.AdvisoryHost{ID: h.ID, Name: h.Name, Site: h.Site, Tag: h.Tag, System: cmp.Or(h.System.Name, systemName(h.System)), Seen: h.Last,
		Package: r.Package.Name, Version: r.Package.Version, Fixed: f.fixed, Status: f.status}
}

// concerns reports whether one of some advisories in a row counts for a host.
func (c *counter) concerns(h *sites.Host, r *counted, nums map[int64]bool) bool {
	if c.idle(h, r) {
		return false
	}
	for n := range nums {
		if why, _ := c.ignored.why(h.Site, r.knownRow, n); why == nil {
			return true
		}
	}
	return false
}

// PackageFindings are those of a package by its name, or of all packages of a source
// package, as far as hosts that somebody may see have them.
func (a *Advisories) PackageFindings(ctx context.Context, see []string, name string, q api.FindingQuery) (out api.FindingPage, err error) {
	s, err := newSieve(q)
	if err != nil {
		return out, err
	}
	var rows []sites.Known
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		rows, err = knownRows(tx, "SELECT body FROM advisories_row WHERE name = ? OR origin = ?", cut(name, maxText), cut(name, maxText))
		return err
	})
	if err != nil || len(rows) == 0 {
		out.Findings = []api.Finding{}
		return out, err
	}
	var ids []int64
	for _, k := range rows {
		ids = append(ids, k.ID)
	}
	hosts := map[int64]int64{}
	err = a.Fleet.Holders(ctx, ids, see, func(_ sites.Host, id int64) error {
		hosts[id]++
		return nil
	})
	if err != nil {
		return out, err
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool { return hosts[id] == 0 })
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out, err = a.packagePage(tx, ids, hosts, &s)
		return err
	})
	return out, err
}

// packagePage marks what is ignored at every site.
func (a *Advisories) packagePage(tx *db.Tx, ids []int64, hosts map[int64]int64, s *sieve) (out api.FindingPage, err error) {
	c := a.counter()
	t, err := c.tally(tx, "", noMachine, ids)
	if err != nil {
		return out, err
	}
	out.Counts = t.counts
	var all []api.Finding
	var severities []advisory.Severity
	for _, id := range ids { // one after the other: each has hosts of its own
		found, err := a.list(tx, c, "", nil, []int64{id}, s)
		if err != nil {
			return out, err
		}
		for _, f := range found {
			f.Hosts = hosts[id]
			severity, err := advisory.ParseSeverity(f.Severity)
			if err != nil {
				return out, err
			}
			all, severities = append(all, f), append(severities, severity)
		}
	}
	out.Findings, out.Next = page(s.sorted(all, severities), s.from, limitOf(s.Limit))
	return out, nil
}

// like is a pattern of SQL for text that stands anywhere, with "!" to escape.
func like(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}
