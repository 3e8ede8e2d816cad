package console

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/console/chart"
)

// A softwarePage is all about a package by its name, as hosts of sites and under agents
// have it, in tabs. Without a name it asks for one.
type softwarePage struct {
	Name, Version string
	Tabs          []entry
	Tab           string
	CSV, JSON     string
	First, Next   string

	Seen    []sightingRow
	Hosts   []sightedRow
	Found   foundList
	Patched patchedView
}

// A sightingRow is a version, and when it was there.
type sightingRow struct {
	api.Sighting
	Href  string // the hosts that have it
	Share template.HTML
}

// A sightedRow is a host that has a version.
type sightedRow struct {
	api.SightedHost
	Href, At string // its page, and that of its site
}

var softwareTabs = []struct {
	name, title string
	load        func(*softwarePage, *visit) error
}{
	{"versions", "Versions", (*softwarePage).versions},
	{"hosts", "Hosts that have it", (*softwarePage).hosts},
	{"findings", "Findings", (*softwarePage).findings},
	{"patched", "How fast it came", (*softwarePage).patched},
}

func softwareShow(v *visit) (any, error) {
	out := &softwarePage{Name: strings.TrimSpace(v.query("name")), Version: strings.TrimSpace(v.query("version"))}
	if out.Name == "" {
		return out, nil
	}
	v.title = api.Legible(out.Name)
	chosen := softwareTabs[0]
	for _, tab := range softwareTabs {
		if tab.name == v.query("tab") {
			chosen = tab
		}
	}
	if out.Tab = chosen.name; out.Tab != "patched" { // which asks about a source as a whole, too
		out.Name = strings.TrimPrefix(out.Name, "source:")
	}
	for _, tab := range softwareTabs {
		out.Tabs = append(out.Tabs, entry{Title: v.t(tab.title), Href: v.softwareAt(out.Name, tab.name), Here: tab.name == chosen.name})
	}
	return out, v.tell(chosen.load(out, v))
}

// softwareAt is a tab of the page of a package.
func (v *visit) softwareAt(name, tab string, more ...string) string {
	return v.link("/software", append([]string{"name", strings.TrimPrefix(name, "source:"), "tab", tab}, more...)...)
}

// files are the tab as a whole; more are names and values of the query.
func (p *softwarePage) files(v *visit, what string, more ...string) {
	if v.may(api.VerbReport) {
		more = append([]string{"name", p.Name}, more...)
		p.CSV, p.JSON = v.link("/software/"+what+".csv", more...), v.link("/software/"+what+".json", more...)
	}
}

// versions are those that were ever seen: what came last first.
func (p *softwarePage) versions(v *visit) error {
	page, err := v.api.Sightings(v.ctx(), p.Name, "")
	now := 0
	for _, s := range page.Sightings {
		now += s.Now
	}
	for _, s := range page.Sightings {
		p.Seen = append(p.Seen, sightingRow{s, v.softwareAt(p.Name, "hosts", "version", s.Version), chart.Share(s.Version, float64(now), chart.Part{Name: s.Version, Value: float64(s.Now)})})
	}
	slices.Reverse(p.Seen)
	p.files(v, "versions")
	return err
}

func (p *softwarePage) hosts(v *visit) error {
	page, err := v.api.Sighted(v.ctx(), api.SightedQuery{Name: p.Name, Version: p.Version, Cursor: v.query("cursor"), Limit: perPage})
	for _, h := range page.Hosts {
		row := sightedRow{h, v.siteHostAt(h.Site, h.Name), v.siteAt(h.Site)}
		if h.Agent != "" {
			row.Href = v.link(place("hosts", h.Agent))
		}
		p.Hosts = append(p.Hosts, row)
	}
	if v.query("cursor") != "" {
		p.First = v.softwareAt(p.Name, "hosts", "version", p.Version)
	}
	if page.Next != "" {
		p.Next = v.softwareAt(p.Name, "hosts", "version", p.Version, "cursor", page.Next)
	}
	p.files(v, "hosts", "version", p.Version)
	return err
}

// findings are what is published about any version that a host has.
func (p *softwarePage) findings(v *visit) error {
	q := v.findingQuery()
	p.Found.findingFilter = v.findingFilter(q, "/software/findings", "name", p.Name)
	page, err := v.api.PackageFindings(v.ctx(), p.Name, q)
	if err != nil {
		return err
	}
	p.Found.turn(v, page, "/software", "name", p.Name, "tab", "findings")
	for i := range p.Found.Rows {
		f := &p.Found.Rows[i]
		f.Having = v.softwareAt(p.Name, "hosts", "version", f.Version)
		if f.Fixed != "" {
			f.Fast = v.softwareAt(f.Package, "patched", "want", ">= "+f.Fixed, "from", dayOf(f.Advisory.Published))
		}
	}
	return nil
}

// dayOf is a day as a form has it; 0 is none.
func dayOf(t int64) string {
	if t == 0 {
		return ""
	}
	return seconds(t).UTC().Format(time.DateOnly)
}

// A patchedView is how fast a version came to the hosts that have the package.
type patchedView struct {
	Want, From, Days, System, Site string
	Asked                          bool
	api.ReferencePatching
	Rows  []patchedRow
	Plot  *spread
	Share template.HTML
	Last  patchedRow
	Marks []patchedMark
}

// A patchedRow is the end of a day.
type patchedRow struct {
	api.ReferencePatchingDay
	Date, Percent string
}

// A patchedMark is when a share of the hosts had it.
type patchedMark struct{ Percent, Days int }

var errDays = muster.Errorf(muster.Invalid, "a number of days from 1 to 366 is meant")

// patchedQuery is what the URL asks for; asked is false where it names no version yet.
func (v *visit) patchedQuery() (q api.PatchedQuery, asked bool, err error) {
	q = api.PatchedQuery{Name: strings.TrimSpace(v.query("name")), Want: strings.TrimSpace(v.query("want")), Days: 30}
	if text := v.query("days"); text != "" {
		if q.Days, err = strconv.Atoi(text); err != nil || q.Days < 1 || q.Days > 366 {
			return q, false, fieldError{"days", errDays}
		}
	}
	for name, to := range map[string]*[]string{"system": &q.Systems, "site": &q.Sites} {
		if text := strings.TrimSpace(v.query(name)); text != "" {
			*to = []string{text}
		}
	}
	q.From, err = day("from", cmp.Or(v.query("from"), v.daysBefore(30)), false)
	return q, q.Want != "", err
}

func (p *softwarePage) patched(v *visit) error {
	view := &p.Patched
	view.Want, view.From, view.Days, view.System, view.Site = v.query("want"), cmp.Or(v.query("from"), v.daysBefore(30)), cmp.Or(v.query("days"), "30"), v.query("system"), v.query("site")
	q, asked, err := v.patchedQuery()
	if err != nil || !asked {
		return err
	}
	if view.ReferencePatching, err = v.api.Patched(v.ctx(), q); err != nil {
		return err
	}
	view.Asked = true
	view.fill(v)
	p.files(v, "patched", "want", view.Want, "from", view.From, "days", view.Days, "system", view.System, "site", view.Site)
	return nil
}

func (p *patchedView) fill(v *visit) {
	days := p.ReferencePatching.Days
	if len(days) == 0 || days[0].Hosts == 0 {
		return
	}
	parts := []struct {
		name, class string
		of          func(*api.ReferencePatchingDay) int
	}{
		{v.t("have it"), "ok", func(d *api.ReferencePatchingDay) int { return d.Done }},
		{v.t("have the package no more"), "off", func(d *api.ReferencePatchingDay) int { return d.Gone }},
		{v.t("fell silent"), "medium", func(d *api.ReferencePatchingDay) int { return d.Silent }},
		{v.t("are left"), "need", func(d *api.ReferencePatchingDay) int { return d.Left }},
	}
	last := days[len(days)-1]
	plot := chart.Plot{Title: v.t("Hosts that had the package"), Stacked: true}
	for i := range days {
		plot.Times = append(plot.Times, seconds(days[i].Time).UTC())
		p.Rows = append(p.Rows, patchedRow{days[i], dayOf(days[i].Time), percent(days[i].Done, days[i].Hosts)})
	}
	p.Plot = &spread{times: len(days)}
	for _, part := range parts {
		values := make([]float64, len(days))
		for i := range days {
			values[i] = float64(part.of(&days[i]))
		}
		plot.Lines = append(plot.Lines, chart.Series{Name: part.name, Class: part.class, Values: values})
		p.Plot.Lines = append(p.Plot.Lines, spreadLine{Name: part.name, Class: part.class, Hosts: part.of(&last)})
	}
	p.Plot.Plot = chart.Lines(plot)
	p.Last = p.Rows[len(p.Rows)-1]
	p.Share = chart.Share(v.t("have it"), float64(last.Hosts), chart.Part{Name: v.t("have it"), Value: float64(last.Done), Class: "ok"})
	for _, mark := range []int{50, 90, 100} {
		if i := slices.IndexFunc(days, func(d api.ReferencePatchingDay) bool { return 100*d.Done >= mark*d.Hosts }); i >= 0 {
			p.Marks = append(p.Marks, patchedMark{mark, days[i].Day})
		}
	}
}

func sightingsTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Sightings(v.ctx(), strings.TrimSpace(v.query("name")), strings.TrimSpace(v.query("version")))
	if err != nil {
		return err
	}
	t := v.table(w, "versions", "package", "version", "architecture", "manager", "source", "system", "appeared", "vanished", "now", "ever")
	for _, s := range page.Sightings {
		t.row(s.Name, s.Version, s.Arch, s.Manager, s.Source, s.System, api.CellTime(s.Appeared), api.CellTime(s.Vanished), decimal(s.Now), decimal(s.Hosts))
	}
	return t.end(nil)
}

func sightedTable(v *visit, w http.ResponseWriter) error {
	t := v.table(w, "package-hosts", "host", "site", "tag", "system", "package", "version", "architecture", "manager", "seen")
	for q := (api.SightedQuery{Name: strings.TrimSpace(v.query("name")), Version: strings.TrimSpace(v.query("version")), Limit: 5 * perFile}); ; {
		page, err := v.api.Sighted(v.ctx(), q)
		for _, h := range page.Hosts {
			t.row(h.Name, h.Site, h.Tag, h.System, h.Package, h.Version, h.Arch, h.Manager, api.CellTime(h.Last))
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}

func softwareFindingsTable(v *visit, w http.ResponseWriter) error {
	name := strings.TrimSpace(v.query("name"))
	return v.findingsFile(w, "package-findings", func(q api.FindingQuery) (api.FindingPage, error) {
		return v.api.PackageFindings(v.ctx(), name, q)
	})
}

func patchedTable(v *visit, w http.ResponseWriter) error {
	q, _, err := v.patchedQuery()
	if err != nil {
		return err
	}
	p, err := v.api.Patched(v.ctx(), q)
	if err != nil {
		return err
	}
	t := v.table(w, "patched", "day", "date", "hosts", "done", "gone", "silent", "left")
	for _, d := range p.Days {
		t.row(decimal(d.Day), dayOf(d.Time), decimal(d.Hosts), decimal(d.Done), decimal(d.Gone), decimal(d.Silent), decimal(d.Left))
	}
	return t.end(nil)
}
