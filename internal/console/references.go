package console

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"muster/api"
	"muster/internal/console/chart"
)

// A referencesPage lists the lists of wanted versions.
type referencesPage struct {
	Rows      []referenceRow
	CSV, JSON string
}

// A referenceRow is a list, and how many hosts are as it wants.
type referenceRow struct {
	api.Reference
	Href       string
	Hosts, Fit int
	Share      template.HTML
	Expired    bool
}

// maxStandings bounds the lists of which a page says how hosts stand to them.
const maxStandings = 50

func referenceList(v *visit) (any, error) {
	page, err := v.api.References(v.ctx())
	out := &referencesPage{}
	for i, r := range page.References {
		row := referenceRow{Reference: r, Href: v.link(place("references", r.Name)), Expired: r.Until > 0 && r.Until <= v.Now().Unix()}
		if i < maxStandings {
			c, err := v.api.CompareReference(v.ctx(), r.Name, api.ReferenceQuery{By: api.ReferenceBySite, Limit: 1})
			if err := unlessDenied(err); err != nil {
				return nil, err
			}
			row.Hosts, row.Fit, row.Share = c.Hosts, c.Fit, v.fitting(c.Hosts, c.Fit)
		}
		out.Rows = append(out.Rows, row)
	}
	if v.may(api.VerbReport) {
		out.CSV, out.JSON = v.link("/references.csv"), v.link("/references.json")
	}
	return out, err
}

// fitting shows how many hosts are as a list wants.
func (v *visit) fitting(hosts, fit int) template.HTML {
	return chart.Share(v.t("Hosts as wanted"), float64(hosts), chart.Part{Name: v.t("as wanted"), Value: float64(fit), Class: "ok"})
}

func referencesTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.References(v.ctx())
	if err != nil {
		return err
	}
	t := v.table(w, "references", "reference", "packages", "tags", "systems", "sites", "until", "complete", "optional", "newest-of", "revision", "changed", "by", "note")
	for _, r := range page.References {
		t.row(r.Name, decimal(r.Packages), strings.Join(r.Tags, " "), strings.Join(r.Systems, " "), strings.Join(r.Sites, " "), api.CellTime(r.Until), strconv.FormatBool(r.Complete),
			strconv.FormatBool(r.Optional), r.NewestOf, strconv.FormatInt(r.Revision, 10), api.CellTime(r.Changed), r.By, r.Note)
	}
	return t.end(nil)
}

// verdicts are what a row of a comparison may say, and how many do.
var verdicts = []struct {
	badge
	of func(*api.ReferenceCounts) int64
}{
	{badge{"need", "behind"}, func(c *api.ReferenceCounts) int64 { return c.Behind }},
	{badge{"error", "missing"}, func(c *api.ReferenceCounts) int64 { return c.Missing }},
	{badge{"warning", "unexpected"}, func(c *api.ReferenceCounts) int64 { return c.Unexpected }},
	{badge{"ahead", "ahead"}, func(c *api.ReferenceCounts) int64 { return c.Ahead }},
	{badge{"ok", "equal"}, func(c *api.ReferenceCounts) int64 { return c.Equal }},
}

// verdictOf is the badge of a verdict.
func verdictOf(word string) badge {
	for _, d := range verdicts {
		if d.Word == word {
			return d.badge
		}
	}
	return badge{"off", word}
}

// cells are the numbers of a row by verdict; to leads to what has one.
func cells(c *api.ReferenceCounts, to func(verdict string) string) (all []tallied) {
	for _, d := range verdicts {
		all = append(all, tallied{d.badge, d.of(c), to(d.Word)})
	}
	return all
}

// A referenceStanding is how a site stands to a list.
type referenceStanding struct {
	Name, Href string
	Hosts, Fit int
	Share      template.HTML
	Cells      []tallied
}

// references are those that speak of hosts of a site.
func (p *sitePage) references(v *visit) error {
	page, err := v.api.References(v.ctx())
	if err != nil {
		return err
	}
	for _, r := range page.References[:min(len(page.References), maxStandings)] {
		c, err := v.api.CompareReference(v.ctx(), r.Name, api.ReferenceQuery{By: api.ReferenceBySite, Site: &p.Name, Limit: 1})
		if err := unlessDenied(err); err != nil {
			return err
		}
		if c.Hosts == 0 {
			continue
		}
		path := place("references", r.Name)
		p.Standings = append(p.Standings, referenceStanding{Name: r.Name, Href: v.link(path, "by", "host", "site", p.Name), Hosts: c.Hosts, Fit: c.Fit, Share: v.fitting(c.Hosts, c.Fit),
			Cells: cells(&c.Total, func(verdict string) string {
				return v.link(path, "by", "host", "site", p.Name, "verdict", verdict)
			})})
	}
	return nil
}
