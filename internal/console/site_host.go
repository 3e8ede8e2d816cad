package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A siteHostPage is all about a host that reports, in tabs.
type siteHostPage struct {
	api.SiteHostDetail
	Badge    badge
	Path, At string // of the page, and the address of its site
	Tabs     []entry
	Tab      string

	Found    foundList
	Packages packageList
	Changes  changeList
}

var siteHostTabs = []struct {
	name, title string
	load        func(*siteHostPage, *visit) error
}{
	{"findings", "Findings", (*siteHostPage).findings},
	{"packages", "Packages", (*siteHostPage).packages},
	{"changes", "What changed", (*siteHostPage).changes},
	{"states", "States", func(*siteHostPage, *visit) error { return nil }},
}

func siteHostShow(v *visit) (any, error) {
	site, host := v.PathValue("site"), v.PathValue("host")
	d, err := v.api.SiteHost(v.ctx(), site, host)
	if err != nil {
		return nil, err
	}
	v.title = api.Legible(d.Name)
	out := &siteHostPage{SiteHostDetail: d, Badge: v.hostState(&d.SiteHost), Path: place("sites", site, "hosts", host), At: v.siteAt(site)}
	chosen := siteHostTabs[0]
	for _, tab := range siteHostTabs {
		if tab.name == v.query("tab") {
			chosen = tab
		}
	}
	out.Tab = chosen.name
	for _, tab := range siteHostTabs {
		out.Tabs = append(out.Tabs, entry{Title: v.t(tab.title), Href: v.link(out.Path, "tab", tab.name), Here: tab.name == chosen.name})
	}
	return out, v.tell(chosen.load(out, v))
}

// A foundList is what is found on a host.
type foundList struct {
	findingFilter
	Rows        []foundRow
	Counts      api.AdvisoryCounts
	Worst       []tallied
	Release     *releaseView // what the host runs
	First, Next string
}

// A foundRow is an advisory in a package of it.
type foundRow struct {
	api.Finding
	Badge  badge
	Href   string
	Score  string
	Having string // of a package: the hosts that have this version of it
	Fast   string // of a package: how fast the fix came
}

// turn fills in a page of the list.
func (l *foundList) turn(v *visit, page api.FindingPage, path string, more ...string) {
	l.Counts = page.Counts
	if page.Release != nil {
		r := v.release(page.Release)
		l.Release = &r
	}
	for _, l2 := range levels[:len(levels)-1] {
		c := page.Counts
		if n := l2.hosts(&api.HostCounts{SeverityCounts: c.SeverityCounts}); n > 0 {
			l.Worst = append(l.Worst, tallied{l2.badge, n, v.link(path, append(more, "severity", l2.Word)...)})
		}
	}
	for _, f := range page.Findings {
		l.Rows = append(l.Rows, foundRow{Finding: f, Badge: severityOf(f.Severity), Score: score(&f.Advisory), Href: v.link(place("advisories", f.Advisory.ID))})
	}
	if l.Cursor != "" {
		l.First = v.findingsAt(path, l.FindingQuery, "", more...)
	}
	if page.Next != "" {
		l.Next = v.findingsAt(path, l.FindingQuery, page.Next, more...)
	}
}

func (p *siteHostPage) findings(v *visit) error {
	q := v.findingQuery()
	p.Found.findingFilter = v.findingFilter(q, p.Path+"/findings")
	page, err := v.api.SiteHostFindings(v.ctx(), p.Site, p.Name, q)
	if err == nil {
		p.Found.turn(v, page, p.Path, "tab", "findings")
	}
	return err
}

func (p *siteHostPage) packages(v *visit) error {
	p.Packages.At, p.Packages.Text = v.query("at"), strings.TrimSpace(v.query("text"))
	at, err := v.moment("at")
	if err != nil {
		return err
	}
	page, err := v.api.SiteHostPackages(v.ctx(), p.Site, p.Name, at)
	if err == nil {
		p.Packages.fill(v, p.Path, page)
	}
	return err
}

func (p *siteHostPage) changes(v *visit) error {
	return p.Changes.compare(v, func(from, to int64) (api.SiteDiff, error) {
		return v.api.SiteHostDiff(v.ctx(), p.Site, p.Name, from, to)
	})
}

// changeSiteHost forgets a host.
func changeSiteHost(v *visit) (string, error) {
	if v.PostForm.Get("do") != "forget" {
		return "", muster.Errorf(muster.Invalid, "it is not said what to do")
	}
	site := v.PathValue("site")
	if err := v.api.ForgetSiteHost(v.ctx(), site, v.PathValue("host")); err != nil {
		return "", err
	}
	v.flash(v.t("Forgotten"))
	return v.siteAt(site), nil
}

func siteHostPackagesTable(v *visit, w http.ResponseWriter) error {
	at, err := v.moment("at")
	if err != nil {
		return err
	}
	page, err := v.api.SiteHostPackages(v.ctx(), v.PathValue("site"), v.PathValue("host"), at)
	if text := strings.TrimSpace(v.query("text")); text != "" {
		page.Packages = slices.DeleteFunc(page.Packages, func(p api.SitePackage) bool { return !contains(p.Name, text) && !contains(p.Source, text) })
	}
	return v.packagesFile(w, "host-packages", page, err)
}

func siteHostFindingsTable(v *visit, w http.ResponseWriter) error {
	site, host := v.PathValue("site"), v.PathValue("host")
	return v.findingsFile(w, "host-findings", func(q api.FindingQuery) (api.FindingPage, error) {
		return v.api.SiteHostFindings(v.ctx(), site, host, q)
	})
}

// findingsFile writes a list of findings as a whole.
func (v *visit) findingsFile(w http.ResponseWriter, name string, ask func(api.FindingQuery) (api.FindingPage, error)) error {
	t := v.table(w, name, "advisory", "severity", "exploited", "package", "version", "architecture", "manager", "source", "system", "fixed", "status", "ignored", "summary", "hosts")
	q := v.findingQuery()
	for q.Cursor, q.Limit = "", perFile; ; {
		page, err := ask(q)
		for _, f := range page.Findings {
			why := ""
			if f.Ignored != nil {
				why = f.Ignored.Reason
			}
			t.row(f.Advisory.ID, f.Severity, strconv.FormatBool(f.Advisory.Exploited), f.Package, f.Version, f.Arch, f.Manager, f.Origin, f.System, f.Fixed, f.Status, why, f.Advisory.Summary, strconv.FormatInt(max(f.Hosts, 1), 10))
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}
