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

// A referencePage is one list: how hosts stand to it, its text, and what it was.
type referencePage struct {
	api.ReferenceDetail
	Path string
	Tabs []entry
	Tab  string

	// Of the comparison.
	By          string
	Site        *string
	Verdict     string
	Package     string // of which alone the rows count; "": all
	Of          string // and which row of it: see [rowOf]
	Whole       string // the same of all packages
	Verdicts    []badge
	Ways        []entry
	Compared    api.ReferenceComparison
	Share       template.HTML
	Total       []tallied
	Rows        []comparedRow
	First, Next string
	Plot        *spread
	CSV, JSON   string

	Past    bool // the text is that of an older revision
	Changes []revisionRow
}

// A comparedRow is a site, a host or a package, and how it stands to the list.
type comparedRow struct {
	Name, Href, Note string
	Fast             string // of a package: how fast what is wanted came
	Site, At         string // of a host: its site, and the page of that
	Hosts, Fit       int
	Share            template.HTML
	Cells            []tallied
	Have             []string // versions of the package that was asked about
}

// A revisionRow is a change of the list.
type revisionRow struct {
	api.ReferenceRevision
	Href string
}

var referenceTabs = []struct {
	name, title string
	load        func(*referencePage, *visit) error
}{
	{"compare", "Comparison", (*referencePage).compare},
	{"text", "Text", func(*referencePage, *visit) error { return nil }},
	{"revisions", "Revisions", (*referencePage).revisions},
}

func referenceShow(v *visit) (any, error) {
	name := v.PathValue("name")
	revision, err := strconv.ParseInt(cmp.Or(v.query("revision"), "0"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%.20q is no number of a revision", v.query("revision"))
	}
	d, err := v.api.Reference(v.ctx(), name, revision)
	if err != nil {
		return nil, err
	}
	v.title = d.Name
	out := &referencePage{ReferenceDetail: d, Path: place("references", name), Past: revision != 0 && len(d.Revisions) > 0 && revision != d.Revisions[0].Revision}
	asked := v.query("tab")
	if v.Method == http.MethodPost {
		asked = "text"
	}
	chosen := referenceTabs[0]
	for _, tab := range referenceTabs {
		if tab.name == asked {
			chosen = tab
		}
	}
	out.Tab = chosen.name
	for _, tab := range referenceTabs {
		out.Tabs = append(out.Tabs, entry{Title: v.t(tab.title), Href: v.link(out.Path, "tab", tab.name), Here: tab.name == chosen.name})
	}
	return out, v.tell(chosen.load(out, v))
}

// question is what the URL asks of the comparison. Of hosts under agents, whose site has
// no name, it says "agents".
func (v *visit) question() api.ReferenceQuery {
	q := api.ReferenceQuery{By: v.query("by"), Verdict: v.query("verdict"), Cursor: v.query("cursor"), Limit: perPage}
	if !slices.Contains([]string{api.ReferenceByHost, api.ReferenceByPackage}, q.By) {
		q.By = api.ReferenceBySite
	}
	if site := v.query("site"); site != "" {
		q.Site = &site
	} else if v.query("agents") != "" {
		q.Site = new(string)
	}
	if q.Package = strings.TrimSpace(v.query("package")); q.Package != "" {
		if manager, arch, ok := strings.Cut(v.query("of"), "/"); ok {
			q.Manager, q.Arch = &manager, &arch
		}
	}
	return q
}

// rowOf says which row of a package is meant, where a list may have several: by its manager
// and architecture, as in "dpkg/amd64", of which each may be empty. "" is any.
func rowOf(q *api.ReferenceQuery) string {
	if q.Manager == nil || q.Arch == nil {
		return ""
	}
	return *q.Manager + "/" + *q.Arch
}

// comparedAt is the address of a comparison.
func (v *visit) comparedAt(path string, q api.ReferenceQuery, cursor string) string {
	site, agents := "", ""
	if q.Site != nil {
		if site = *q.Site; site == "" {
			agents = "1"
		}
	}
	return v.link(path, "by", q.By, "site", site, "agents", agents, "package", q.Package, "of", rowOf(&q), "verdict", q.Verdict, "cursor", cursor)
}

func (p *referencePage) compare(v *visit) (err error) {
	q := v.question()
	p.By, p.Site, p.Verdict, p.Package, p.Of = q.By, q.Site, q.Verdict, q.Package, rowOf(&q)
	if whole := q; p.Package != "" {
		whole.Package, whole.Manager, whole.Arch = "", nil, nil
		p.Whole = v.comparedAt(p.Path, whole, "")
	}
	for _, d := range verdicts {
		p.Verdicts = append(p.Verdicts, d.badge)
	}
	for _, way := range []struct{ by, title string }{{api.ReferenceBySite, "By site"}, {api.ReferenceByPackage, "By package"}, {api.ReferenceByHost, "By host"}} {
		to := q
		to.By = way.by
		p.Ways = append(p.Ways, entry{Title: v.t(way.title), Href: v.comparedAt(p.Path, to, ""), Here: way.by == q.By})
	}
	if p.Compared, err = v.api.CompareReference(v.ctx(), p.Name, q); err != nil {
		return err
	}
	p.Share = v.fitting(p.Compared.Hosts, p.Compared.Fit)
	p.rows(v, q)
	if q.Cursor != "" {
		p.First = v.comparedAt(p.Path, q, "")
	}
	if p.Compared.Next != "" {
		p.Next = v.comparedAt(p.Path, q, p.Compared.Next)
	}
	if v.may(api.VerbReport) {
		p.CSV, p.JSON = v.comparedAt(p.Path+"/compare.csv", q, ""), v.comparedAt(p.Path+"/compare.json", q, "")
	}
	if q.Package == "" {
		p.Plot, err = v.fitOverTime(p.Name, q.Site)
	}
	return err
}

// rows are those of the comparison. Each number leads to the hosts that it counts.
func (p *referencePage) rows(v *visit, q api.ReferenceQuery) {
	to := func(change func(*api.ReferenceQuery)) func(string) string {
		return func(verdict string) string {
			next := q
			change(&next)
			next.Verdict = verdict
			return v.comparedAt(p.Path, next, "")
		}
	}
	p.Total = cells(&p.Compared.Total, to(func(*api.ReferenceQuery) {}))
	for _, s := range p.Compared.BySite {
		hosts := to(func(q *api.ReferenceQuery) { q.By, q.Site = api.ReferenceByHost, &s.Site })
		row := comparedRow{Name: s.Site, Href: hosts(""), Hosts: s.Hosts, Fit: s.Fit, Share: v.fitting(s.Hosts, s.Fit), Cells: cells(&s.Counts, hosts)}
		if s.Site == "" {
			row.Name = v.t("Hosts under agents")
		}
		p.Rows = append(p.Rows, row)
	}
	for _, k := range p.Compared.ByPackage {
		hosts := to(func(q *api.ReferenceQuery) {
			q.By, q.Package, q.Manager, q.Arch = api.ReferenceByHost, k.Name, &k.Manager, &k.Arch
		})
		row := comparedRow{Name: k.Name, Href: hosts(""), Note: strings.TrimSpace(k.Manager + " " + k.Arch + " " + k.Want), Cells: cells(&k.Counts, hosts)}
		if strings.HasPrefix(k.Want, ">") {
			row.Fast = v.link("/software", "name", k.Name, "tab", "patched", "want", k.Want)
		}
		p.Rows = append(p.Rows, row)
	}
	for _, h := range p.Compared.ByHost {
		path := v.link(p.Path+place("hosts", strconv.FormatInt(h.ID, 10)), "package", q.Package)
		p.Rows = append(p.Rows, comparedRow{Name: h.Name, Href: path, Note: h.Tag, Site: h.Site, At: v.siteAt(h.Site), Have: h.Have, Cells: cells(&h.Counts, func(string) string { return path })})
	}
}

// fitOverTime is how many hosts were as wanted, day by day; nil while there are too few
// days to draw. The server tells days on which something changed, site by site.
func (v *visit) fitOverTime(name string, site *string) (*spread, error) {
	trend, err := v.api.ReferenceTrend(v.ctx(), name, v.Now().Add(-spreadFor).Unix(), 0)
	if err != nil {
		return nil, err
	}
	plot := chart.Plot{Title: v.t("Hosts as wanted"), Stacked: true}
	fit, unfit := []float64{}, []float64{}
	sites := map[string]api.ReferenceDay{}
	slices.SortStableFunc(trend.Days, func(a, b api.ReferenceDay) int { return strings.Compare(a.Day, b.Day) })
	trend.Days = slices.DeleteFunc(trend.Days, func(d api.ReferenceDay) bool { return site != nil && d.Site != *site })
	for i, d := range trend.Days {
		sites[d.Site] = d
		if i+1 < len(trend.Days) && trend.Days[i+1].Day == d.Day {
			continue
		}
		at, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			continue
		}
		yes, all := 0.0, 0.0
		for _, s := range sites {
			yes, all = yes+float64(s.Fit), all+float64(s.Hosts)
		}
		plot.Times, fit, unfit = append(plot.Times, at), append(fit, yes), append(unfit, all-yes)
	}
	if len(plot.Times) < 2 {
		return nil, nil
	}
	plot.Lines = []chart.Series{{Name: v.t("as wanted"), Class: "ok", Values: fit}, {Name: v.t("not as wanted"), Class: "need", Values: unfit}}
	last := len(fit) - 1
	return &spread{times: len(fit), Plot: chart.Lines(plot), Lines: []spreadLine{{Name: v.t("as wanted"), Class: "ok", Hosts: int(fit[last])}, {Name: v.t("not as wanted"), Class: "need", Hosts: int(unfit[last])}}}, nil
}

func (p *referencePage) revisions(v *visit) error {
	for _, r := range p.Revisions {
		p.Changes = append(p.Changes, revisionRow{r, v.link(p.Path, "tab", "text", "revision", strconv.FormatInt(r.Revision, 10))})
	}
	return nil
}

// changeReference saves a text, or takes the list away.
func changeReference(v *visit) (string, error) {
	name, form := v.PathValue("name"), v.PostForm
	if form.Get("do") == "remove" {
		if form.Get("confirm") != name {
			return "", fieldError{"confirm", muster.Errorf(muster.Invalid, "type %s to confirm", name)}
		}
		v.flash(v.t("The list is gone; what it said stays to be read"))
		return v.link("/references"), v.api.RemoveReference(v.ctx(), name)
	}
	return v.putReference(name, form.Get("form"))
}

// putReference saves the text of the form; what is wrong with it stands beside it.
func (v *visit) putReference(name, form string) (string, error) {
	text := strings.ReplaceAll(v.PostForm.Get("text"), "\r\n", "\n")
	in := api.ReferencePut{Form: form, Text: text}
	if form == "csv" { // its rows say nothing of the list: that stays as it is
		d, err := v.api.Reference(v.ctx(), name, 0)
		if err != nil {
			return "", err
		}
		in.Note, in.Tags, in.Systems, in.Sites, in.Until, in.Complete, in.Optional, in.NewestOf = d.Note, d.Tags, d.Systems, d.Sites, d.Until, d.Complete, d.Optional, d.NewestOf
	}
	r, err := v.api.PutReference(v.ctx(), name, in)
	if muster.KindOf(err) == muster.Invalid && muster.FieldOf(err) == "" {
		err = fieldError{"text", err}
	}
	if err != nil {
		return "", err
	}
	v.flash(v.words().count(r.Packages, "%s row is kept; hosts are compared in a few seconds", "%s rows are kept; hosts are compared in a few seconds"))
	return v.link(place("references", name), "tab", "text"), nil
}

// newReference is the form of a list that is not there yet.
func newReference(*visit) (any, error) { return nil, nil }

func addReference(v *visit) (string, error) {
	name := strings.TrimSpace(v.PostForm.Get("name"))
	if name == "" {
		return "", fieldError{"name", muster.Errorf(muster.Invalid, "the list has no name")}
	}
	if _, err := v.api.Reference(v.ctx(), name, 0); err == nil {
		return "", fieldError{"name", muster.Errorf(muster.Conflict, "there is a list %.60q already", name)}
	}
	return v.putReference(name, "")
}

// A referenceHostPage is every row of a list about one host.
type referenceHostPage struct {
	api.ReferenceReport
	Back, Href string // the list, and the host
	At         string
	Rows       []reportedRow
	Filter     string // a verdict
	Package    string // of which alone there are rows; "": of all
	Whole      string // the same of all
	More       int
}

// A reportedRow is one of them.
type reportedRow struct {
	api.ReferenceRow
	Badge badge
}

func referenceHost(v *visit) (any, error) {
	name := v.PathValue("name")
	num, err := strconv.ParseInt(v.PathValue("host"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.NotFound, "there is no such host")
	}
	at, err := v.moment("at")
	if err != nil {
		return nil, err
	}
	r, err := v.api.ReferenceHostReport(v.ctx(), name, num, at)
	if err != nil {
		return nil, err
	}
	v.title = api.Legible(r.Host.Name)
	out := &referenceHostPage{ReferenceReport: r, Back: v.link(place("references", name)), At: v.query("at"), Filter: v.query("verdict"), Package: v.query("package")}
	if out.Package != "" {
		out.Whole = v.link(place("references", name, "hosts", v.PathValue("host")), "at", out.At, "verdict", out.Filter)
	}
	if out.Href = v.siteHostAt(r.Host.Site, r.Host.Name); r.Host.Agent != "" {
		out.Href = v.link(place("hosts", r.Host.Agent))
	}
	for _, row := range r.Rows {
		if (out.Filter == "" || row.Verdict == out.Filter) && (out.Package == "" || row.Name == out.Package) {
			out.Rows = append(out.Rows, reportedRow{row, verdictOf(row.Verdict)})
		}
	}
	slices.SortStableFunc(out.Rows, func(a, b reportedRow) int { return cmp.Compare(misfit(a), misfit(b)) })
	if n := len(out.Rows); n > maxSoftware {
		out.More, out.Rows = n-maxSoftware, out.Rows[:maxSoftware]
	}
	return out, nil
}

// misfit orders rows: what is not as wanted first.
func misfit(r reportedRow) int {
	if r.Fits {
		return 1
	}
	return 0
}

func compareTable(v *visit, w http.ResponseWriter) error {
	name, q := v.PathValue("name"), v.question()
	t := v.table(w, "reference-"+q.By, q.By, "site", "manager", "architecture", "want", "hosts", "fit", "behind", "equal", "ahead", "missing", "unexpected", "unfit", "installed")
	row := func(name, site, manager, arch, want, hosts, fit, have string, c *api.ReferenceCounts) {
		all := []string{name, site, manager, arch, want, hosts, fit}
		for _, n := range []int64{c.Behind, c.Equal, c.Ahead, c.Missing, c.Unexpected, c.Unfit} {
			all = append(all, strconv.FormatInt(n, 10))
		}
		t.row(append(all, have)...)
	}
	for q.Cursor, q.Limit = "", 0; ; {
		c, err := v.api.CompareReference(v.ctx(), name, q)
		for _, s := range c.BySite {
			row(s.Site, s.Site, "", "", "", decimal(s.Hosts), decimal(s.Fit), "", &s.Counts)
		}
		for _, h := range c.ByHost {
			row(h.Name, h.Site, "", "", "", "", "", strings.Join(h.Have, " "), &h.Counts)
		}
		for _, k := range c.ByPackage {
			row(k.Name, "", k.Manager, k.Arch, k.Want, "", "", "", &k.Counts)
		}
		if q.Cursor = c.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}
