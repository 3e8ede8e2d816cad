package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/search"
)

// perPage is how many hosts a page has, unless its address says.
const perPage = 100

// A hostsPage is the table of hosts.
type hostsPage struct {
	Query   string
	Wrong   *problem // with the query
	Rows    []hostRow
	Total   int
	First   string // the first page, where this is none
	Next    string // the next page
	Heads   []head
	Columns []string
	Choices []choice
	Saved   []api.Group
	CSV     string
	Sort    string
}

// A head is that of a column.
type head struct {
	Title, Href, Sort string // Sort is that of aria-sort
	Class             string
}

// A choice is a column that may be shown.
type choice struct {
	Name, What string
	Chosen     bool
}

// A hostRow is a row of the table.
type hostRow struct {
	api.Host
	Badge badge
	Note  string
	Cells []string
}

func hosts(v *visit) (any, error) {
	q := v.hostQuery()
	out := &hostsPage{Query: q.Query, Sort: q.Sort, Columns: q.Columns, CSV: v.hostsAt("/hosts.csv", q, "")}
	groups, err := v.api.Groups(v.ctx())
	if err := unlessDenied(err); err != nil {
		return nil, err
	}
	for _, g := range groups.Groups {
		if g.Query != "" {
			out.Saved = append(out.Saved, g)
		}
	}
	out.heads(v, q)
	page, err := v.api.Hosts(v.ctx(), q)
	if muster.KindOf(err) == muster.Invalid {
		out.Wrong = problemOf(err)
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, h := range page.Hosts {
		out.Rows = append(out.Rows, v.hostRow(h, q.Columns))
	}
	out.Total = page.Total
	if q.Cursor != "" {
		out.First = v.hostsAt("/hosts", q, "")
	}
	if page.Next != "" {
		out.Next = v.hostsAt("/hosts", q, page.Next)
	}
	return out, nil
}

// hostQuery is what the URL asks for: q, sort, cursor, limit, and c for each column.
func (v *visit) hostQuery() api.HostQuery {
	values := v.URL.Query()
	q := api.HostQuery{Query: strings.TrimSpace(values.Get("q")), Sort: values.Get("sort"), Cursor: values.Get("cursor"), Limit: perPage, Count: true}
	if n, err := strconv.Atoi(values.Get("limit")); err == nil && n > 0 {
		q.Limit = min(n, 500)
	}
	for _, c := range columns() {
		if slices.Contains(values["c"], c.Name) {
			q.Columns = append(q.Columns, c.Name)
		}
	}
	return q
}

// hostsAt is the address of a list of hosts.
func (v *visit) hostsAt(path string, q api.HostQuery, cursor string) string {
	pairs := []string{"q", q.Query, "sort", q.Sort, "cursor", cursor}
	if q.Limit != perPage {
		pairs = append(pairs, "limit", strconv.Itoa(q.Limit))
	}
	for _, c := range q.Columns {
		pairs = append(pairs, "c", c)
	}
	return v.link(path, pairs...)
}

// heads are the columns by which the list is sorted, and those that were chosen.
func (out *hostsPage) heads(v *visit, q api.HostQuery) {
	for _, c := range []struct{ title, sort, class string }{
		{v.t("Host"), "name", "name"}, {v.t("Status"), "status", ""}, {v.t("Note"), "", "note"}, {v.t("System"), "", "system"}, {v.t("Heard of"), "seen", ""},
	} {
		h := head{Title: c.title, Class: c.class}
		if c.sort != "" {
			to := q
			to.Sort, h.Sort = c.sort, "none"
			switch q.Sort {
			case c.sort:
				to.Sort, h.Sort = "-"+c.sort, "ascending"
			case "-" + c.sort:
				h.Sort = "descending"
			case "":
				if c.sort == "name" {
					to.Sort, h.Sort = "-name", "ascending"
				}
			}
			h.Href = v.hostsAt("/hosts", to, "")
		}
		out.Heads = append(out.Heads, h)
	}
	for _, c := range columns() {
		c.Chosen = slices.Contains(q.Columns, c.Name)
		out.Choices = append(out.Choices, c)
	}
}

// columns are the fields of search that a list may show beside its own.
func columns() (all []choice) {
	shown := []string{"name", "status", "problem", "osname", "seen", "state", "package", "muster", "audit", "has", "reboot"}
	for _, f := range search.Fields() {
		if !slices.Contains(shown, f.Name) {
			all = append(all, choice{Name: f.Name, What: strings.ReplaceAll(f.Doc, "`", "")})
		}
	}
	return all
}

func (v *visit) hostRow(h api.Host, columns []string) hostRow {
	row := hostRow{Host: h, Badge: badgeOf(h.Status, h.State), Note: h.Problem}
	if row.Note == "" {
		row.Note = v.packageNote(h.Packages)
	}
	for _, c := range columns {
		row.Cells = append(row.Cells, h.Columns[c])
	}
	return row
}

// packageNote says how many packages are in which status, those that are as they
// should be left out.
func (v *visit) packageNote(packages map[muster.Status]int) string {
	var parts []string
	for _, s := range []muster.Status{muster.Error, muster.Revoked, muster.NeedInstall, muster.NeedUpgrade, muster.NeedDowngrade, muster.NeedRemove, muster.Warning, muster.Postponed, muster.Running} {
		if n := packages[s]; n > 0 {
			parts = append(parts, v.words().number(n)+" "+v.t(badges[string(s)].Word))
		}
	}
	return strings.Join(parts, ", ")
}

// hostsCSV is the list as a whole, for spreadsheets.
func hostsCSV(v *visit, w http.ResponseWriter) error {
	q := v.hostQuery()
	pr := &begun{w: w, name: "hosts.csv", kind: "text/csv; charset=utf-8"}
	err := v.api.Export(v.ctx(), "hosts", "csv", pr, "q", q.Query, "sort", q.Sort, "columns", strings.Join(q.Columns, ","))
	if err != nil && pr.yes {
		panic(http.ErrAbortHandler) // what breaks off must not look whole
	}
	return err
}

// begun is an export: until its first byte an error can be told.
type begun struct {
	w          http.ResponseWriter
	name, kind string // of the file
	coding     string // "gzip", or ""
	yes        bool
}

func (b *begun) Write(p []byte) (int, error) {
	if !b.yes {
		b.yes = true
		b.w.Header().Set("Content-Type", b.kind)
		if b.coding != "" {
			b.w.Header().Set("Content-Encoding", b.coding)
		}
		b.w.Header().Set("Content-Disposition", `attachment; filename="`+b.name+`"`)
	}
	return b.w.Write(p)
}
