package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/internal/report"
)

// rowsShown is how many rows of a report a page has; files have all of them.
const rowsShown = 500

// A reportsPage lists the reports, and shows one.
type reportsPage struct {
	Kinds  []reportKind
	Chosen *reportKind
	Wish   report.Wish
	Report *report.Report
	Rows   []reportRow
	Left   int // rows that are not shown
	CSV    string
	JSON   string
}

// A reportKind is a report that there is.
type reportKind struct {
	report.Kind
	Title, What, Href string
	Here              bool
}

// A reportRow is a row, and the host that it is about.
type reportRow struct {
	Href  string
	Cells []string
}

// wish is what the URL asks for.
func (v *visit) wish() report.Wish {
	days, _ := strconv.Atoi(v.query("days")) // what is no number is the default
	return report.Wish{Kind: v.query("kind"), Query: strings.TrimSpace(v.query("q")), Software: strings.TrimSpace(v.query("software")), Days: days, Now: v.Now()}
}

func (v *visit) reportAt(path string) string {
	return v.link(path, "kind", v.query("kind"), "q", v.query("q"), "software", v.query("software"), "days", v.query("days"))
}

func reportShow(v *visit) (any, error) {
	w := v.wish()
	out := &reportsPage{Wish: w, CSV: v.reportAt("/reports.csv"), JSON: v.reportAt("/reports.json")}
	for _, k := range report.Kinds() {
		row := reportKind{k, v.t(k.Title), v.t(k.What), v.link("/reports", "kind", k.Name, "q", w.Query), k.Name == w.Kind}
		out.Kinds = append(out.Kinds, row)
		if row.Here {
			out.Chosen = &row
			v.title = row.Title
		}
	}
	if out.Chosen == nil || out.Chosen.Name == "versions" && w.Software == "" {
		return out, nil
	}
	w.Most = rowsShown
	var err error
	out.Report, err = report.Make(v.ctx(), v.api, w)
	if muster.KindOf(err) == muster.Invalid {
		v.wrong, out.Report = err, nil
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.rows(v)
	return out, nil
}

func (p *reportsPage) rows(v *visit) {
	for i, cells := range p.Report.Rows {
		row := reportRow{Cells: slices.Clone(cells)}
		if i < len(p.Report.Hosts) {
			row.Href = v.link("/hosts/" + p.Report.Hosts[i])
		}
		if p.Report.Kind == "fleet" {
			row.Cells[0] = v.t(cells[0])
		}
		p.Rows = append(p.Rows, row)
	}
	for i, c := range p.Report.Columns {
		p.Report.Columns[i] = v.t(c)
	}
}

// reportFile is a report as a file, whole.
func reportFile(v *visit, w http.ResponseWriter) error {
	r, err := report.Make(v.ctx(), v.api, v.wish())
	if err != nil {
		return err
	}
	name, kind, print := r.Kind+".csv", "text/csv; charset=utf-8", r.CSV
	if strings.HasSuffix(v.URL.Path, ".json") {
		name, kind, print = r.Kind+".json", "application/json", r.JSON
	}
	data, err := print()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	write(w, v.Request, http.StatusOK, data)
	return nil
}

// reportWords are the words of package report that pages translate: they come from
// there, and the test of languages looks for them here.
var reportWords = []string{"State of the fleet", "Patch level", "Versions of a software", "New serious advisories", "by mail alone: what came to sites since the last one", "Failures", "Silent hosts",
	"how many hosts are how", "hosts that lack something, and what", "which versions are on how many hosts", "everything that hosts have, with how many have it",
	"changes that failed", "hosts of which nothing was heard", "what changed on hosts",
	"all", "as they should be", "packages to install", "packages to upgrade", "packages to remove", "errors", "revoked packages", "claimed by two machines",
	"heard of within a day", "silent for a week", "to be started again", "state", "hosts", "share", "host", "system", "problem", "heard of", "address", "joined",
	"software", "version", "architecture", "source", "when", "what", "packages", "error", "of", "section", "before", "after", "status", "Changes", "to install", "to upgrade", "to remove", "wait for approval", "postponed"}
