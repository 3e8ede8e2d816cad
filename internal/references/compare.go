package references

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/sites"
	"muster/reference"
	"muster/sitereport"
)

// A Sight is what somebody may see. Its zero value is all.
type Sight struct {
	Site  func(name string) bool // hosts of a site; nil: of every one
	Agent func(id string) bool   // a host under an agent; nil: every one
}

func (s *Sight) sees(site, agent string) bool {
	if agent != "" {
		return s.Agent == nil || s.Agent(agent)
	}
	return s.Site == nil || s.Site(site)
}

// A Question asks how hosts stand to a list.
type Question struct {
	By      string // api.ReferenceByHost, ...BySite, ...ByPackage
	Site    *string
	Verdict string  // only what has it: hosts, sites, packages; "unfit" is what is not as wanted; "" all
	Package string  // only the rows of this name, as the list has it, or of this unexpected package; "" all
	Manager *string // only those of them that say this of their manager; nil: whatever they say
	Arch    *string
	After   string // the Next of the page before
	Limit   int    // 0: 500
	Sight   Sight
}

func (q *Question) limit() int {
	if q.Limit <= 0 || q.Limit > 10_000 {
		return 500
	}
	return q.Limit
}

// Compare tells how hosts stand to a list.
func (r *References) Compare(ctx context.Context, name string, q Question) (out api.ReferenceComparison, err error) {
	only, err := column(q.Verdict)
	if err != nil {
		return out, muster.WithField(err, "verdict")
	}
	if err := r.catchUp(ctx); err != nil {
		return out, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	v := r.views[name]
	if v == nil {
		return out, None(name)
	}
	c := &comparison{v: v, f: &r.fleet, q: &q, only: only, out: &out, rows: v.choose(&r.fleet, &q)}
	out = api.ReferenceComparison{Reference: name, Revision: v.revision, By: q.By}
	c.pick()
	switch q.By {
	case api.ReferenceByHost:
		return out, c.byHost()
	case api.ReferenceBySite:
		return out, c.bySite()
	case api.ReferenceByPackage:
		return out, c.byPackage()
	}
	return out, muster.Errorf(muster.Invalid, "a comparison is by host, site or package, not by %.20q", q.By)
}

// column is the place of a verdict in tallies; -1: all.
func column(verdict string) (int, error) {
	switch verdict {
	case "":
		return -1, nil
	case "unfit":
		return unfit, nil
	}
	v, err := reference.ParseVerdict(verdict)
	return int(v), err
}

// A comparison is one on its way to an answer. The caller has the lock.
type comparison struct {
	v       *view
	f       *fleet
	q       *Question
	only    int
	rows    *chosen // nil: all
	members []*member
	out     *api.ReferenceComparison
}

// tally counts the rows of a host.
func (c *comparison) tally(m *member) *tally {
	if c.rows != nil {
		return &c.rows.of(m.state).tally
	}
	return &c.v.outcomes[m.state.number].tally
}

// pick finds the hosts, and counts their rows.
func (c *comparison) pick() {
	var total wide
	for _, m := range c.f.hosts {
		if c.q.Site != nil && m.site != *c.q.Site || !c.q.Sight.sees(m.site, m.agent) || !c.v.covers(m) {
			continue
		}
		t := c.tally(m)
		total.add(t, 1)
		if t[unfit] == 0 {
			c.out.Fit++
		}
		c.members = append(c.members, m)
	}
	c.out.Hosts, c.out.Total = len(c.members), total.counts()
}

// A wide tally is one of many hosts.
type wide [7]int64

func (w *wide) add(t *tally, times int64) {
	for i, n := range t {
		w[i] += int64(n) * times
	}
}

func (w *wide) counts() api.ReferenceCounts {
	return api.ReferenceCounts{Behind: w[reference.Behind], Equal: w[reference.Equal], Ahead: w[reference.Ahead], Missing: w[reference.Missing],
		Unexpected: w[reference.Unexpected], Expired: w[reference.Expired], Unfit: w[unfit]}
}

// byHost lists hosts by their numbers.
func (c *comparison) byHost() error {
	after, err := number(c.q.After)
	if err != nil {
		return err
	}
	slices.SortFunc(c.members, func(a, b *member) int { return cmp.Compare(a.id, b.id) })
	for _, m := range c.members {
		t := c.tally(m)
		if m.id <= after || c.only >= 0 && t[c.only] == 0 || c.rows != nil && *t == (tally{}) {
			continue
		}
		if len(c.out.ByHost) == c.q.limit() {
			c.out.Next = strconv.FormatInt(c.out.ByHost[len(c.out.ByHost)-1].ID, 10)
			return nil
		}
		h := m.about(t)
		if c.rows != nil {
			h.Have = c.rows.versions(m.state)
		}
		c.out.ByHost = append(c.out.ByHost, h)
	}
	return nil
}

func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, muster.WithField(muster.Errorf(muster.Invalid, "%.40q is no place in a list", s), "cursor")
	}
	return n, nil
}

func (m *member) about(t *tally) api.ReferenceHost {
	var w wide
	w.add(t, 1)
	return api.ReferenceHost{ID: m.id, Name: m.name, Site: m.site, Agent: m.agent, Tag: m.tag, Counts: w.counts()}
}

// bySite lists sites by name.
func (c *comparison) bySite() error {
	found := map[string]*api.ReferenceSite{}
	counts := map[string]*wide{}
	for _, m := range c.members {
		s := found[m.site]
		if s == nil {
			s = &api.ReferenceSite{Site: m.site}
			found[m.site], counts[m.site] = s, &wide{}
		}
		t := c.tally(m)
		counts[m.site].add(t, 1)
		if s.Hosts++; t[unfit] == 0 {
			s.Fit++
		}
	}
	for name, s := range found {
		if s.Counts = counts[name].counts(); c.only < 0 || counts[name][c.only] > 0 {
			c.out.BySite = append(c.out.BySite, *s)
		}
	}
	slices.SortFunc(c.out.BySite, func(a, b api.ReferenceSite) int { return cmp.Compare(a.Site, b.Site) })
	if c.q.After != "" {
		name, ok := strings.CutPrefix(c.q.After, "=") // for that of hosts under agents is empty
		if !ok {
			return muster.WithField(muster.Errorf(muster.Invalid, "%.40q is no place in a list", c.q.After), "cursor")
		}
		c.out.BySite = slices.DeleteFunc(c.out.BySite, func(s api.ReferenceSite) bool { return s.Site <= name })
	}
	if limit := c.q.limit(); len(c.out.BySite) > limit {
		c.out.BySite = c.out.BySite[:limit]
		c.out.Next = "=" + c.out.BySite[limit-1].Site
	}
	return nil
}

// byPackage lists rows of the list in their order, and unexpected packages behind them:
// how many hosts stand to each how.
func (c *comparison) byPackage() error {
	after, err := number(c.q.After)
	if err != nil {
		return err
	}
	rows := c.v.tallies(c.f, c.members)
	for i := int(after); i < len(rows); i++ {
		t := &rows[i]
		if *t == (tally{}) || c.only >= 0 && t[c.only] == 0 || c.rows != nil && !c.rows.has(i) {
			continue
		}
		if len(c.out.ByPackage) == c.q.limit() {
			c.out.Next = strconv.Itoa(i)
			return nil
		}
		c.out.ByPackage = append(c.out.ByPackage, c.aboutRow(i, t))
	}
	return nil
}

func (c *comparison) aboutRow(i int, t *tally) api.ReferencePackage {
	var w wide
	w.add(t, 1)
	out := c.v.name(c.f, i)
	out.Counts = w.counts()
	return out
}

// name is which packages a row speaks of: one of the list, or behind those a package that
// is unexpected.
func (v *view) name(f *fleet, i int) api.ReferencePackage {
	if wanted := v.matcher.List().Wanted; i < len(wanted) {
		return api.ReferencePackage{Name: wanted[i].Name, Manager: wanted[i].Manager, Arch: wanted[i].Arch, Want: wanted[i].Want.String()}
	}
	g := &v.unlisted[i-len(v.absent)]
	return api.ReferencePackage{Name: g.name, Manager: g.manager, Arch: g.arch}
}

// mayAsk is an error where there is no such host, or none that whoever asks may see: the
// same one, whatever became of the host. Errors about what it has name it.
func (r *References) mayAsk(ctx context.Context, host int64, sight Sight) error {
	h, err := r.Source.Host(ctx, host)
	if muster.KindOf(err) == muster.NotFound || err == nil && !sight.sees(h.Site, h.Agent) {
		return muster.Errorf(muster.NotFound, "there is no host %d", host)
	}
	return err
}

// Host tells how one host stands to a list, or, where at is not 0, stood at that time to
// what the list then said.
func (r *References) Host(ctx context.Context, name string, host, at int64, sight Sight) (out api.ReferenceReport, err error) {
	if at == 0 {
		if err := r.catchUp(ctx); err != nil {
			return out, err
		}
	}
	matcher, revision, err := r.matcherAt(ctx, name, at)
	if err != nil {
		return out, err
	}
	if err := r.mayAsk(ctx, host, sight); err != nil {
		return out, err
	}
	all, h, err := r.Source.HostPackages(ctx, host, at)
	if err != nil {
		return out, err
	}
	about := &reference.Host{Site: h.Site, Tag: h.Tag, System: h.System, Platform: r.fleet.platform(&h.System)}
	out = api.ReferenceReport{Reference: name, Revision: revision, Time: at, Covered: matcher.List().For.Covers(about)}
	out.Host = api.ReferenceHost{ID: h.ID, Name: h.Name, Site: h.Site, Agent: h.Agent, Tag: h.Tag}
	if !out.Covered {
		return out, nil
	}
	var t tally
	for _, row := range matcher.Compare(about, pointers(all)) {
		t.add(markOf(&row), 1)
		out.Rows = append(out.Rows, tell(&row))
	}
	var w wide
	w.add(&t, 1)
	out.Host.Counts = w.counts()
	return out, nil
}

// Model is a list, as text, of what a host has, for others to be like it: exactly, or
// with at least its versions. It is put by who wants that, under a name of its own.
func (r *References) Model(ctx context.Context, host int64, exact bool, sight Sight) (string, error) {
	if err := r.mayAsk(ctx, host, sight); err != nil {
		return "", err
	}
	all, h, err := r.Source.HostPackages(ctx, host, 0)
	if err != nil {
		return "", err
	}
	report := &sitereport.Report{System: h.System, Packages: make([]sitereport.Package, len(all))}
	for i := range all {
		report.Packages[i] = all[i].Package
	}
	l, err := reference.FromReport(report, &reference.Host{System: h.System, Platform: r.fleet.platform(&h.System)}, exact)
	if err != nil {
		return "", err
	}
	l.Note = "as host " + h.Name
	return string(l.Print()), nil
}

func pointers(all []sites.Known) []*sitereport.Package {
	out := make([]*sitereport.Package, len(all))
	for i := range all {
		out[i] = &all[i].Package
	}
	return out
}

func tell(r *reference.Row) api.ReferenceRow {
	return api.ReferenceRow{Name: r.Name, Manager: r.Manager, Arch: r.Arch, Have: r.Have, Counts: r.Counts, Want: r.Want, Verdict: r.Verdict.String(),
		Fits: r.Fits, Doubt: r.Doubt, Until: r.Until, Note: r.Note}
}
