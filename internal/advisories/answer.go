package advisories

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
	"muster/sitereport"
)

// Answers are of sites that the asker may see; nil are all. "" is the site of hosts under
// agents.

// limitOf is how many are on a page.
func limitOf(n int) int {
	if n <= 0 {
		return 100
	}
	return min(n, 1000)
}

// placeOf reads a cursor: how many were on the pages before.
func placeOf(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(cursor)
	if err != nil || n < 0 {
		return 0, muster.WithField(muster.Errorf(muster.Invalid, "%.30q is no cursor", cursor), "cursor")
	}
	return n, nil
}

// sortEPSS is the order by which the most likely to be exploited come first.
const sortEPSS = "epss"

// A sieve is a FindingQuery that was read.
type sieve struct {
	api.FindingQuery
	least advisory.Severity
	text  string
	from  int
}

func newSieve(q api.FindingQuery) (s sieve, err error) {
	s.FindingQuery, s.text = q, strings.ToLower(q.Text)
	if s.least, err = advisory.ParseSeverity(q.Severity); err != nil {
		return s, muster.WithField(err, "severity")
	}
	if s.from, err = placeOf(q.Cursor); err != nil {
		return s, err
	}
	return s, s.checkScore()
}

func (s *sieve) checkScore() error {
	switch {
	case !(s.EPSS >= 0 && s.EPSS <= 1): // what is no number, too
		return muster.Errorf(muster.Invalid, "%v is no score of 0 to 1", s.EPSS)
	case s.Sort != "" && s.Sort != sortEPSS:
		return muster.Errorf(muster.Invalid, "advisories have no order %.20q, only epss", s.Sort)
	}
	return nil
}

func (s *sieve) lets(f *api.Finding, severity advisory.Severity) bool {
	if severity < s.least || f.Advisory.EPSS < s.EPSS || s.Exploited && !f.Advisory.Exploited || s.Fixable && f.Fixed == "" || f.Ignored != nil && !s.Ignored {
		return false
	}
	if s.text == "" {
		return true
	}
	for _, t := range append([]string{f.Advisory.ID, f.Package, f.Origin}, f.Advisory.Aliases...) {
		if strings.Contains(strings.ToLower(t), s.text) {
			return true
		}
	}
	return false
}

// page cuts a page out of a list.
func page[T any](all []T, from, limit int) (part []T, next string) {
	if from >= len(all) {
		return []T{}, ""
	}
	end := min(from+limit, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[from:end], next
}

// errHidden is what those hear who may not see a host, and those who ask for none.
func errHidden(host int64) error {
	return muster.Errorf(muster.NotFound, "there is no host %d", host)
}

// HostFindings are those of a host: less kernels that do not run. What is ignored is
// marked, or left out as the query says.
func (a *Advisories) HostFindings(ctx context.Context, see []string, host int64, q api.FindingQuery) (out api.FindingPage, err error) {
	s, err := newSieve(q)
	if err != nil {
		return out, err
	}
	ids, h, err := a.Fleet.HostRows(ctx, host)
	if err == nil && !seen(see, h.Site) {
		err = errHidden(host)
	}
	if err != nil {
		return out, err
	}
	c, m := a.counter(), machineOf(&h)
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		t, err := c.tally(tx, h.Site, m, ids)
		if err != nil {
			return err
		}
		out.Counts = t.counts
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		r := x.release(t.release, a.Now().Unix())
		out.Release = &r
		all, err := a.list(tx, c, h.Site, &m, ids, &s)
		out.Findings, out.Next = page(all, s.from, limitOf(q.Limit))
		return err
	})
	return out, err
}

// list makes findings of rows. Without a machine all kernels count.
func (a *Advisories) list(tx *db.Tx, c *counter, site string, m *machine, ids []int64, s *sieve) ([]api.Finding, error) {
	if err := c.read(tx, ids); err != nil {
		return nil, err
	}
	found, err := findingsOf(tx, ids)
	if err != nil {
		return nil, err
	}
	var w whole
	if m != nil {
		if w, err = c.whole(tx, *m, ids); err != nil {
			return nil, err
		}
	}
	heads, err := a.headsOf(tx, advisoriesOf(found, w.own))
	if err != nil {
		return nil, err
	}
	var out []api.Finding
	var severities []advisory.Severity
	put := func(r *knownRow, all []finding, note string) {
		for _, f := range all {
			one := r.finding(&f, heads[f.advisory])
			why, partly := c.ignored.why(site, r, f.advisory)
			if one.Note = advisory.Notes(note, partly); why != nil {
				one.Ignored = &why.AdvisoryIgnore
			}
			if s.lets(&one, f.severity) {
				out, severities = append(out, one), append(severities, f.severity)
			}
		}
	}
	for _, o := range w.own {
		put(o.knownRow, o.all, o.note)
	}
	for _, id := range ids {
		if r := c.rows[id]; r != nil && !(m != nil && r.kernel && w.Idle(r.Package)) {
			put(r.knownRow, found[id], "")
		}
	}
	return s.sorted(out, severities), nil
}

// advisoriesOf are the numbers of all that is found.
func advisoriesOf(found map[int64][]finding, own []*ownRow) (nums []int64) {
	put := func(all []finding) {
		for _, f := range all {
			nums = append(nums, f.advisory)
		}
	}
	for _, all := range found {
		put(all)
	}
	for _, o := range own {
		put(o.all)
	}
	return nums
}

// finding is what people read.
func (r *knownRow) finding(f *finding, head *api.Advisory) api.Finding {
	if head == nil {
		head = &api.Advisory{Number: f.advisory}
	}
	out := api.Finding{Advisory: *head, Package: r.Package.Name, Version: r.Package.Version, Arch: r.Package.Arch, Manager: r.Package.Manager,
		System: systemName(r.System), Fixed: f.fixed, Status: f.status, Severity: f.severity.String()}
	out.Advisory.Exploited = out.Advisory.Exploited || f.exploited
	if r.Package.Source != r.Package.Name {
		out.Origin = r.Package.Source
	}
	return out
}

func systemName(s sitereport.System) string {
	if s.ID == "" {
		return s.Name
	}
	return strings.TrimSpace(s.ID + " " + s.Version)
}

// sorted brings findings into the order that is asked for.
func (s *sieve) sorted(all []api.Finding, severities []advisory.Severity) []api.Finding {
	all = worstFirst(all, severities)
	if s.Sort == sortEPSS {
		slices.SortStableFunc(all, func(a, b api.Finding) int { return cmp.Compare(b.Advisory.EPSS, a.Advisory.EPSS) })
	}
	return all
}

// worstFirst sorts findings: the worst first, then exploited ones, then by advisory,
// the newest first, and package.
func worstFirst(all []api.Finding, severities []advisory.Severity) []api.Finding {
	places := make([]int, len(all))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int {
		a, b := &all[i], &all[j]
		return cmp.Or(cmp.Compare(severities[j], severities[i]), cmp.Compare(truth(b.Advisory.Exploited), truth(a.Advisory.Exploited)),
			cmp.Compare(b.Advisory.ID, a.Advisory.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version))
	})
	out := make([]api.Finding, len(all))
	for to, from := range places {
		out[to] = all[from]
	}
	return out
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// HostCounts counts what hosts have, by their numbers. Those that nobody may see, or
// that are not counted yet, are left out.
func (a *Advisories) HostCounts(ctx context.Context, see []string, hosts []int64) (out map[int64]api.AdvisoryCounts, err error) {
	in, args := seeSites("g.site", see)
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = map[int64]api.AdvisoryCounts{}
		for part := range slices.Chunk(hosts, someIDs) {
			err := tx.Each("SELECT h.host, g.counts FROM advisories_host h JOIN advisories_group g ON g.num = h.grp WHERE h.host IN "+db.In(len(part))+" AND "+in, slices.Concat(anys(part), args), func(scan db.Scan) error {
				var host int64
				var body []byte
				if err := scan(&host, &body); err != nil {
					return err
				}
				c, err := readCounts(body)
				out[host] = c
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
