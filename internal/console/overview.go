package console

import (
	"fmt"
	"html/template"
	"time"

	"muster"
	"muster/api"
	"muster/internal/console/chart"
)

// An overview is the first page: what needs somebody now, how the fleet stands, and
// what is under way.
type overviewPage struct {
	Needs    []need
	Numbers  []figure
	Contact  template.HTML
	Rollouts []rolloutRow
	Actions  []api.Action
	Failures []api.Event
	Versions []spread
	Serious  *serious

	counts map[string]int // hosts by search
}

// A need is something that waits for a person.
type need struct {
	Class string // of a badge
	Text  string
	Hint  string
	Href  string
}

// A figure is a number of hosts, with how it came to be.
type figure struct {
	Title, Value, Note string
	Class              string
	Href               string
	Chart              template.HTML
}

func overview(v *visit) (any, error) {
	counts, err := v.counts(overviewSearches())
	if err != nil {
		return nil, err
	}
	out := &overviewPage{counts: counts}
	for _, part := range []func(*visit) error{out.numbers, out.failures, out.hostNeeds, out.otherNeeds, out.contact, out.underWay, out.versions, out.serious} {
		if err := part(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// many counts the hosts of a search, among those that whoever looks may see.
func (v *visit) many(search string) (int, error) {
	page, err := v.api.Hosts(v.ctx(), api.HostQuery{Query: search, Limit: 1, Count: true})
	return page.Total, err
}

// counts is many of several searches.
func (v *visit) counts(searches []string) (map[string]int, error) {
	all, err := v.api.Counts(v.ctx(), searches)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for i, s := range searches {
		out[s] = all.Hosts[i]
	}
	return out, nil
}

// overviewSearches are all that the page counts.
func overviewSearches() []string {
	all := []string{"", newcomers, "status:ok", api.ToChange}
	for _, n := range hostNeeds {
		all = append(all, n.search)
	}
	for _, c := range contacts {
		all = append(all, c.search)
	}
	return all
}

// newcomers came within a week.
const newcomers = "enrolled<7d"

// searchFor is the page of the hosts of a search.
func (v *visit) searchFor(q string) string { return v.link("/hosts", "q", q) }

// numbers are the four that one looks at first, with what they were.
func (o *overviewPage) numbers(v *visit) error {
	trend, err := v.trend()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		title, class, search string
		was                  func(api.TrendPoint) int
	}{
		{v.t("Hosts"), "c1", "", func(p api.TrendPoint) int { return p.Hosts }},
		{v.t("As they should be"), "ok", "status:ok", func(p api.TrendPoint) int { return p.Status[muster.OK] }},
		{v.t("Packages to change"), "need", api.ToChange, func(p api.TrendPoint) int { return p.Change }},
		{v.t("Errors"), "error", "status:error", func(p api.TrendPoint) int { return p.Errors }},
	} {
		n, all := o.counts[f.search], o.counts[""]
		fig := figure{Title: f.title, Value: v.words().number(n), Note: v.t("%s of all", percent(n, all)), Class: f.class, Href: v.searchFor(f.search)}
		if f.search == "" {
			fig.Note = v.words().count(o.counts[newcomers], "%s came within a week", "%s came within a week")
		}
		switch {
		case len(trend) > 1:
			fig.Chart = chart.Spark(f.title, line(trend, f.was, n)...)
		case f.search != "":
			fig.Chart = chart.Share(f.title, float64(all), chart.Part{Name: f.title, Value: float64(n), Class: f.class})
		}
		o.Numbers = append(o.Numbers, fig)
	}
	return nil
}

// line is what something was, and is now.
func line(trend []api.TrendPoint, was func(api.TrendPoint) int, now int) (all []float64) {
	for _, p := range trend {
		all = append(all, float64(was(p)))
	}
	return append(all, float64(now))
}

// trendFor is how far back the numbers show what they were.
const trendFor = 28 * 24 * time.Hour

// trend is how many hosts there were, by day, or by hour while the days are few; nothing
// for who may view some hosts, of whom nobody kept count.
func (v *visit) trend() ([]api.TrendPoint, error) {
	if !v.mayAll(api.VerbView) {
		return nil, nil
	}
	t, err := v.api.HostTrend(v.ctx(), v.Now().Add(-trendFor).Unix())
	if len(t.Days) < 3 {
		return t.Hours, err
	}
	return t.Days, err
}

func percent(n, all int) string {
	if all == 0 {
		return "0 %"
	}
	p := 100 * float64(n) / float64(all)
	if n < all && p > 99.9 {
		p = 99.9 // not all of them
	}
	return fmt.Sprintf("%.3g %%", p)
}

// failures are the last changes that failed.
func (o *overviewPage) failures(v *visit) error {
	page, err := v.api.Events(v.ctx(), api.EventQuery{Failed: true, Limit: 6})
	o.Failures = page.Events
	return err
}

// hostNeeds are searches for hosts that wait for somebody.
var hostNeeds = []struct{ class, search, one, many, hint string }{
	{"error", "state:cloned", "%s host is claimed by two machines", "%s hosts are claimed by two machines", "one of them is a copy"},
	{"error", "status:revoked", "%s host has a revoked package", "%s hosts have a revoked package", "it was revoked since it was installed"},
	{"error", "status:error", "%s host has an error", "%s hosts have an error", "the last change of a package failed"},
	{"waits", "state:pending", "%s host waits for approval", "%s hosts wait for approval", "they are let in by a person"},
	{"warning", "seen>7d state:accepted", "%s host is silent for a week", "%s hosts are silent for a week", "switched off, lost, or cut off"},
	{"warning", "free<1G", "%s host has less than 1 GB free", "%s hosts have less than 1 GB free", "upgrades will fail there"},
	{"waits", "has:reboot", "%s host waits to be started again", "%s hosts wait to be started again", "to finish what was installed"},
}

func (o *overviewPage) hostNeeds(v *visit) error {
	for _, n := range hostNeeds {
		if count := o.counts[n.search]; count > 0 {
			o.Needs = append(o.Needs, need{n.class, v.words().count(count, n.one, n.many), v.t(n.hint), v.searchFor(n.search)})
		}
	}
	return nil
}

// otherNeeds are of the repository: without a head that hosts believe nothing changes.
func (o *overviewPage) otherNeeds(v *visit) error {
	r, err := v.api.Repository(v.ctx())
	if err != nil {
		return unlessDenied(err)
	}
	now := v.Now()
	switch {
	case r.ID == "":
		o.Needs = append(o.Needs, need{"waits", v.t("There is no repository yet"), "muster repo init " + v.outside(), ""})
	case r.Expires > 0 && seconds(r.Expires).Before(now):
		o.Needs = append(o.Needs, need{"error", v.t("The head of the repository has expired"), v.t("hosts change nothing any more"), ""})
	case r.Expires > 0 && seconds(r.Expires).Before(now.Add(72*time.Hour)):
		o.Needs = append(o.Needs, need{"warning", v.t("The head of the repository expires %s", v.words().ago(seconds(r.Expires), now)), v.t("hosts change nothing then"), ""})
	}
	return nil
}

// unlessDenied passes over what somebody may not see: the page goes on without it.
func unlessDenied(err error) error {
	if k := muster.KindOf(err); k == muster.Denied || k == muster.NotFound {
		return nil
	}
	return err
}

// contacts are searches by when hosts were last heard of. All but the last one hold what
// those before them hold.
var contacts = []struct{ name, class, search string }{
	{"within 3 hours", "ok", "seen<3h"},
	{"within a day", "c1", "seen<1d"},
	{"within a week", "waits", "seen<7d"},
	{"longer ago", "off", "seen>7d"},
}

func (o *overviewPage) contact(v *visit) error {
	parts, before := []chart.Part{}, 0
	for i, c := range contacts {
		n := o.counts[c.search]
		if i < len(contacts)-1 {
			n, before = max(n-before, 0), n
		}
		parts = append(parts, chart.Part{Name: v.t(c.name), Value: float64(n), Class: c.class, Href: v.searchFor(c.search), Text: v.words().number(n)})
	}
	o.Contact = chart.Bars(v.t("Last heard of"), parts...)
	return nil
}

// A rolloutRow is a rollout with how far it is.
type rolloutRow struct {
	api.Rollout
	Badge badge
	Total api.RolloutCounts // of all rings
	Share template.HTML
	Done  string
}

// underWay are rollouts and actions that are not over.
func (o *overviewPage) underWay(v *visit) error {
	rollouts, err := v.api.Rollouts(v.ctx())
	if err := unlessDenied(err); err != nil {
		return err
	}
	for _, r := range rollouts.Rollouts {
		if r.Gone || r.State == "completed" || r.State == "aborted" {
			continue
		}
		o.Rollouts = append(o.Rollouts, v.rolloutRow(r))
		if r.State == "halted" {
			o.Needs = append([]need{{"error", v.t("The rollout of %s %s is halted", r.Package, r.Of), r.Why, v.link("/rollouts/" + r.ID)}}, o.Needs...)
		}
	}
	for _, state := range []api.ActionState{api.ActionHeld, api.ActionOpen} {
		page, err := v.api.Actions(v.ctx(), api.ActionQuery{State: state, Limit: 8})
		if err := unlessDenied(err); err != nil {
			return err
		}
		o.Actions = append(o.Actions, page.Actions...)
		if n := len(page.Actions); n > 0 && state == api.ActionHeld {
			o.Needs = append(o.Needs, need{"waits", v.words().count(n, "%s action waits for another signature", "%s actions wait for another signature"), v.t("hosts are not given it before"), v.link("/actions", "state", "held")})
		}
	}
	return nil
}

var rolloutBadges = map[string]badge{
	"running": {"running", "running"}, "paused": {"waits", "paused"}, "halted": {"error", "halted"},
	"aborted": {"off", "aborted"}, "completed": {"ok", "completed"},
}

func (v *visit) rolloutRow(r api.Rollout) rolloutRow {
	n := r.Total()
	return rolloutRow{Rollout: r, Badge: rolloutBadges[r.State], Total: n, Share: v.share(v.t("Hosts that have it"), n),
		Done: v.t("%s of %s", v.words().number(n.Done), v.words().number(n.Hosts))}
}

// share shows how many of the hosts have the version, and how many failed.
func (v *visit) share(title string, n api.RolloutCounts) template.HTML {
	return chart.Share(title, float64(n.Hosts), chart.Part{Name: v.t("done"), Value: float64(n.Done), Class: "ok"},
		chart.Part{Name: v.t("failed"), Value: float64(n.Failed), Class: "error"})
}
