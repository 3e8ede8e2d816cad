package console

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A sitesPage lists the sites that whoever looks may see.
type sitesPage struct {
	Rows      []siteRow
	Heads     []head
	Total     int
	Filter    string
	Sort      string
	Plot      *spread
	CSV, JSON string
}

// A siteRow is a site, and how its hosts stand.
type siteRow struct {
	api.Site
	Href, Quiet string // its page, and that of its silent hosts
	Counts      api.SiteCounts
	Worst       []tallied
	Share       template.HTML
}

func sitesShow(v *visit) (any, error) {
	out := &sitesPage{Filter: strings.TrimSpace(v.query("q")), Sort: v.query("sort")}
	all, err := v.siteRows()
	if err != nil {
		return nil, err
	}
	for _, row := range all {
		if contains(row.Name, out.Filter) || contains(row.Note, out.Filter) {
			out.Rows = append(out.Rows, row)
		}
	}
	out.Total = len(out.Rows)
	out.order(v)
	if v.may(api.VerbReport) {
		out.CSV, out.JSON = v.link("/sites.csv"), v.link("/sites.json")
	}
	out.Plot, err = v.standing("")
	return out, err
}

// siteRows are all sites, by name.
func (v *visit) siteRows() (all []siteRow, err error) {
	page, err := v.api.Sites(v.ctx())
	if err != nil {
		return nil, err
	}
	counts, err := v.api.AdvisoryCounts(v.ctx())
	by := map[string]api.SiteCounts{}
	for _, c := range counts.Sites {
		by[c.Site] = c
	}
	for _, s := range page.Sites {
		path, c := place("sites", s.Name), by[s.Name]
		row := siteRow{Site: s, Href: v.link(path), Quiet: v.link(path, "silent", "1"), Counts: c, Share: v.shareOf(&c.Worst, c.Hosts)}
		row.Worst = worst(&c.Worst, func(severity string) string { return v.link(path, "tab", "findings", "severity", severity) })
		all = append(all, row)
	}
	return all, err
}

// siteOrders are how sites may be sorted: what needs somebody first.
var siteOrders = map[string]func(a, b siteRow) int{
	"name":   func(a, b siteRow) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) },
	"hosts":  func(a, b siteRow) int { return cmp.Compare(b.Hosts, a.Hosts) },
	"silent": func(a, b siteRow) int { return cmp.Compare(b.Silent, a.Silent) },
	"last":   func(a, b siteRow) int { return cmp.Compare(a.Last, b.Last) },
	"worst": func(a, b siteRow) int {
		x, y := &a.Counts.Worst, &b.Counts.Worst
		return cmp.Or(cmp.Compare(y.Critical, x.Critical), cmp.Compare(y.High, x.High), cmp.Compare(y.Medium, x.Medium))
	},
	"exploited": func(a, b siteRow) int { return cmp.Compare(b.Counts.Worst.Exploited, a.Counts.Worst.Exploited) },
}

func (p *sitesPage) order(v *visit) {
	if siteOrders[p.Sort] == nil {
		p.Sort = "name"
	}
	slices.SortStableFunc(p.Rows, siteOrders[p.Sort])
	for _, c := range []struct{ title, sort, class string }{{v.t("Site"), "name", "name"}, {v.t("Hosts"), "hosts", ""}, {v.t("Silent"), "silent", ""},
		{v.t("Hosts by their worst advisory"), "worst", ""}, {v.t("Exploited"), "exploited", ""}, {v.t("Last report"), "last", ""}} {
		h := head{Title: c.title, Class: c.class, Href: v.link("/sites", "q", p.Filter, "sort", c.sort), Sort: "none"}
		if c.sort == p.Sort {
			h.Sort = map[bool]string{true: "ascending", false: "descending"}[c.sort == "name" || c.sort == "last"]
		}
		p.Heads = append(p.Heads, h)
	}
}

// addSite makes a site; its record is changed on its own page.
func addSite(v *visit) (string, error) {
	name := strings.TrimSpace(v.PostForm.Get("name"))
	page, err := v.api.Sites(v.ctx())
	if err != nil {
		return "", err
	}
	if name == "" || slices.ContainsFunc(page.Sites, func(s api.Site) bool { return s.Name == name }) {
		return "", fieldError{"name", muster.Errorf(muster.Conflict, "there is a site %.60q already, or it has no name", name)}
	}
	if _, err := v.api.PutSite(v.ctx(), name, api.SitePut{Note: strings.TrimSpace(v.PostForm.Get("note"))}); err != nil {
		return "", err
	}
	v.flash(v.t("The site is there. Make a key, which its hosts report with"))
	return v.link(place("sites", name), "tab", "record"), nil
}

func sitesTable(v *visit, w http.ResponseWriter) error {
	all, err := v.siteRows()
	if err != nil {
		return err
	}
	t := v.table(w, "sites", "site", "hosts", "silent", "critical", "high", "medium", "low", "exploited", "last", "note")
	n := func(n int64) string { return strconv.FormatInt(n, 10) }
	for _, r := range all {
		c := &r.Counts.Worst
		t.row(r.Name, n(r.Hosts), n(r.Silent), n(c.Critical), n(c.High), n(c.Medium), n(c.Low), n(c.Exploited), api.CellTime(r.Last), r.Note)
	}
	return t.end(nil)
}
