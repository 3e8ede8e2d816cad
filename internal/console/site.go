package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster/api"
)

// A sitePage is all about one site, in tabs.
type sitePage struct {
	api.SiteDetail
	Path   string // of the page, escaped
	Counts api.SiteCounts
	Worst  []tallied
	Tabs   []entry
	Tab    string

	Hosts     siteHostList
	Packages  packageList
	Changes   changeList
	Findings  advisoryList
	Plot      *spread // of the tab of findings
	Standings []referenceStanding
	Keys      []siteKeyRow
}

type siteTab struct {
	name, title string
	load        func(*sitePage, *visit) error
	verb        api.Verb
}

var siteTabs = []siteTab{
	{"hosts", "Hosts", (*sitePage).hosts, api.VerbView},
	{"findings", "Findings", (*sitePage).findings, api.VerbView},
	{"packages", "Packages", (*sitePage).packages, api.VerbView},
	{"changes", "What changed", (*sitePage).changes, api.VerbView},
	{"references", "References", (*sitePage).references, api.VerbView},
	{"record", "Record and keys", (*sitePage).record, api.VerbAdminister},
}

func siteShow(v *visit) (any, error) {
	name := v.PathValue("site")
	d, err := v.api.Site(v.ctx(), name)
	if err != nil {
		return nil, err
	}
	v.title = api.Legible(d.Name)
	out := &sitePage{SiteDetail: d, Path: place("sites", name)}
	if err := out.count(v); err != nil {
		return nil, err
	}
	chosen := siteTabs[0]
	asked := v.query("tab")
	if v.Method == http.MethodPost {
		asked = "record"
	}
	for _, tab := range siteTabs {
		if tab.name == asked && v.may(tab.verb) {
			chosen = tab
		}
	}
	out.Tab = chosen.name
	for _, tab := range siteTabs {
		if v.may(tab.verb) {
			out.Tabs = append(out.Tabs, entry{Title: v.t(tab.title), Href: v.link(out.Path, "tab", tab.name), Here: tab.name == chosen.name})
		}
	}
	return out, v.tell(chosen.load(out, v))
}

func (p *sitePage) count(v *visit) error {
	counts, err := v.api.AdvisoryCounts(v.ctx())
	for _, c := range counts.Sites {
		if c.Site == p.Name {
			p.Counts = c
		}
	}
	p.Worst = worst(&p.Counts.Worst, func(severity string) string { return v.link(p.Path, "tab", "findings", "severity", severity) })
	return err
}

// A siteHostList is a page of hosts of a site.
type siteHostList struct {
	Rows        []siteHostRow
	Query       api.SiteHostQuery
	First, Next string
	CSV, JSON   string
}

// A siteHostRow is one of them.
type siteHostRow struct {
	api.SiteHost
	Href  string
	Badge badge
}

// siteHostQuery is what the URL asks for.
func (v *visit) siteHostQuery() api.SiteHostQuery {
	q := api.SiteHostQuery{Text: strings.TrimSpace(v.query("text")), Tag: strings.TrimSpace(v.query("tag")), System: strings.TrimSpace(v.query("system")),
		Gone: v.query("gone") != "", Cursor: v.query("cursor"), Limit: perPage}
	if v.query("silent") != "" {
		q.Silent = v.Now().Unix() - api.SilentAfter
	}
	return q
}

func (v *visit) siteHostsAt(path, cursor string) string {
	return v.link(path, "text", v.query("text"), "tag", v.query("tag"), "system", v.query("system"), "silent", v.query("silent"), "gone", v.query("gone"), "cursor", cursor)
}

// hostState is how a host of a site is to be looked at.
func (v *visit) hostState(h *api.SiteHost) badge {
	switch {
	case h.Gone != 0:
		return badge{"off", "forgotten"}
	case h.Last < v.Now().Unix()-api.SilentAfter:
		return badge{"waits", "silent"}
	}
	return badge{"ok", "reports"}
}

func (p *sitePage) hosts(v *visit) error {
	l := &p.Hosts
	l.Query = v.siteHostQuery()
	page, err := v.api.SiteHosts(v.ctx(), p.Name, l.Query)
	for _, h := range page.Hosts {
		l.Rows = append(l.Rows, siteHostRow{h, v.link(p.Path + place("hosts", h.Name)), v.hostState(&h)})
	}
	if l.Query.Cursor != "" {
		l.First = v.siteHostsAt(p.Path, "")
	}
	if page.Next != "" {
		l.Next = v.siteHostsAt(p.Path, page.Next)
	}
	if v.may(api.VerbReport) {
		l.CSV, l.JSON = v.siteHostsAt(p.Path+"/hosts.csv", ""), v.siteHostsAt(p.Path+"/hosts.json", "")
	}
	return err
}

func (p *sitePage) findings(v *visit) (err error) {
	q := v.findingQuery()
	p.Findings.findingFilter = v.findingFilter(q, p.Path+"/findings")
	page, err := v.api.SiteFindings(v.ctx(), p.Name, q)
	if err != nil {
		return err
	}
	p.Findings.turn(v, page, p.Path, "tab", "findings")
	p.Plot, err = v.standing(p.Name)
	return err
}

// A packageList is packages that a host or a site has, or had at the end of a day.
type packageList struct {
	At, Text  string
	Rows      []api.SitePackage
	Hosts     int
	All, More int // before the page was cut, and what was cut off
	CSV, JSON string
}

func (l *packageList) fill(v *visit, path string, page api.SitePackages) {
	l.Hosts, l.Rows = page.Hosts, page.Packages
	if l.Text != "" {
		l.Rows = slices.DeleteFunc(l.Rows, func(p api.SitePackage) bool { return !contains(p.Name, l.Text) && !contains(p.Source, l.Text) })
	}
	slices.SortFunc(l.Rows, func(a, b api.SitePackage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Hosts, a.Hosts), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Arch, b.Arch))
	})
	l.All = max(page.Total, len(l.Rows))
	l.Rows = l.Rows[:min(len(l.Rows), maxSoftware)]
	l.More = l.All - len(l.Rows)
	if v.may(api.VerbReport) {
		l.CSV, l.JSON = v.link(path+"/packages.csv", "at", l.At, "text", l.Text), v.link(path+"/packages.json", "at", l.At, "text", l.Text)
	}
}

func (p *sitePage) packages(v *visit) error {
	p.Packages.At, p.Packages.Text = v.query("at"), strings.TrimSpace(v.query("text"))
	at, err := v.moment("at")
	if err != nil {
		return err
	}
	page, err := v.api.SitePackages(v.ctx(), p.Name, p.Packages.Text, at, maxSoftware)
	if err == nil {
		p.Packages.fill(v, p.Path, page)
	}
	return err
}

// A changeList is what is different between the ends of two days.
type changeList struct {
	From, To  string
	Rows      []*changedPackage
	All, More int
}

// compare asks for it; without days it is of the last week.
func (l *changeList) compare(v *visit, ask func(from, to int64) (api.SiteDiff, error)) error {
	if l.From, l.To = v.query("from"), v.query("to"); l.From == "" {
		l.From = v.daysBefore(7)
	}
	from, err := day("from", l.From, true)
	if err != nil {
		return err
	}
	to, err := v.moment("to")
	if err != nil {
		return err
	}
	d, err := ask(from, to)
	l.Rows = changed(d)
	slices.SortFunc(l.Rows, (*changedPackage).compare)
	if l.All = len(l.Rows); l.All > maxSoftware {
		l.More, l.Rows = l.All-maxSoftware, l.Rows[:maxSoftware]
	}
	return err
}

func (p *sitePage) changes(v *visit) error {
	return p.Changes.compare(v, func(from, to int64) (api.SiteDiff, error) { return v.api.SiteDiff(v.ctx(), p.Name, from, to) })
}

func siteHostsTable(v *visit, w http.ResponseWriter) error {
	site, q := v.PathValue("site"), v.siteHostQuery()
	t := v.table(w, "site-hosts", "host", "site", "tag", "system", "osname", "architecture", "kernel", "form", "packages", "first", "last", "changed", "gone")
	for q.Cursor, q.Limit = "", 5*perFile; ; {
		page, err := v.api.SiteHosts(v.ctx(), site, q)
		for _, h := range page.Hosts {
			t.row(h.Name, h.Site, h.Tag, h.System, h.OSName, h.Arch, h.Kernel, h.Form, decimal(h.Packages), api.CellTime(h.First), api.CellTime(h.Last), api.CellTime(h.Changed), api.CellTime(h.Gone))
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}

func siteFindingsTable(v *visit, w http.ResponseWriter) error {
	site := v.PathValue("site")
	return v.advisoryFile(w, "site-findings", v.findingQuery(), func(q api.FindingQuery) (api.AdvisoryPage, error) {
		return v.api.SiteFindings(v.ctx(), site, q)
	})
}

func sitePackagesTable(v *visit, w http.ResponseWriter) error {
	at, err := v.moment("at")
	if err != nil {
		return err
	}
	page, err := v.api.SitePackages(v.ctx(), v.PathValue("site"), strings.TrimSpace(v.query("text")), at, 0)
	return v.packagesFile(w, "site-packages", page, err)
}

// packagesFile writes packages that somebody has.
func (v *visit) packagesFile(w http.ResponseWriter, name string, page api.SitePackages, err error) error {
	if err != nil {
		return err
	}
	t := v.table(w, name, "package", "version", "architecture", "manager", "source", "source-version", "origin", "system", "hosts")
	for _, p := range page.Packages {
		t.row(p.Name, p.Version, p.Arch, p.Manager, p.Source, p.SourceVersion, p.Origin, p.System, strconv.Itoa(max(p.Hosts, 1)))
	}
	return t.end(nil)
}
