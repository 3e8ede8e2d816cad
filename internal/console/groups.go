package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/internal/steer"
)

// A groupsPage lists what hosts are counted among: groups, units, profiles.
type groupsPage struct {
	Kind  string
	Tabs  []entry
	Rows  []groupRow
	Rest  bool // there may be more
	First string
	Next  string
	CSV   string
	JSON  string
}

// A groupRow is one of them.
type groupRow struct {
	Kind      muster.Kind
	Name      string // of the package
	Title     string // as people write it: a unit with slashes
	Note      string
	Search    string // of its hosts
	Query     string // that finds them; "": people chose them
	Chosen    bool   // people chose them, on the server
	Hosts     int
	Package   *steer.Assigner // nil: it says nothing
	Assigned  []string
	Forbidden string
	Href      string
}

// A groupKind is what hosts may be counted among.
type groupKind struct {
	kind  muster.Kind
	title string
}

var groupKinds = []groupKind{{muster.Group, "Groups"}, {muster.Unit, "Units"}, {muster.Profile, "Profiles"}}

// perGroups is how many a page has: for each, hosts are counted.
const perGroups = 50

func groups(v *visit) (any, error) {
	rows, rest, err := v.groupRows()
	if err != nil {
		return nil, err
	}
	out := &groupsPage{Kind: cmp.Or(v.query("kind"), string(muster.Group)), Rest: rest}
	for _, k := range groupKinds {
		n := 0
		for _, r := range rows {
			if r.Kind == k.kind {
				n++
			}
		}
		out.Tabs = append(out.Tabs, entry{Title: v.t(k.title) + " " + v.words().number(n), Href: v.link("/groups", "kind", string(k.kind)), Here: string(k.kind) == out.Kind})
	}
	out.CSV, out.JSON = v.link("/groups.csv"), v.link("/groups.json")
	for _, r := range rows {
		switch {
		case string(r.Kind) != out.Kind:
		case r.Name <= v.query("after"):
			out.First = v.link("/groups", "kind", out.Kind)
		case len(out.Rows) == perGroups:
			out.Next = v.link("/groups", "kind", out.Kind, "after", out.Rows[perGroups-1].Name)
		default:
			out.Rows = append(out.Rows, r)
		}
	}
	return out, v.countGroups(out.Rows)
}

// groupRows are all groups, units and profiles that the server or the repository knows.
func (v *visit) groupRows() (rows []groupRow, rest bool, err error) {
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, false, err
	}
	known, err := v.api.Groups(v.ctx())
	if err := unlessDenied(err); err != nil {
		return nil, false, err
	}
	binned, all, err := list.Binned(v.ctx(), patience)
	if err != nil {
		return nil, false, err
	}
	for _, g := range known.Groups {
		rows = append(rows, v.groupRow(muster.Group, g.Name))
		row := &rows[len(rows)-1]
		row.Note, row.Query, row.Chosen, row.Hosts = g.Note, g.Query, g.Query == "", g.Count
	}
	for _, a := range slices.Concat(list.Assigners(), binned) {
		if slices.ContainsFunc(groupKinds, func(k groupKind) bool { return k.kind == a.Kind }) {
			rows = v.withPackage(rows, a)
		}
	}
	slices.SortFunc(rows, func(a, b groupRow) int { return strings.Compare(a.Name, b.Name) })
	return rows, !all, nil
}

func (v *visit) groupRow(kind muster.Kind, name string) groupRow {
	r := groupRow{Kind: kind, Name: name, Title: name, Search: "group:" + name, Href: v.link("/groups/" + string(kind) + "/" + name)}
	switch kind {
	case muster.Unit:
		r.Title = strings.ReplaceAll(name, ".", "/")
		r.Search = "unit:" + r.Title
	case muster.Profile:
		r.Search = "directory:" + name
	}
	return r
}

// withPackage adds what a package says to the row of its name, or a row for it.
func (v *visit) withPackage(rows []groupRow, a steer.Assigner) []groupRow {
	i := slices.IndexFunc(rows, func(r groupRow) bool { return r.Kind == a.Kind && r.Name == a.Name })
	if i < 0 {
		i, rows = len(rows), append(rows, v.groupRow(a.Kind, a.Name))
	}
	row := &rows[i]
	row.Package = &a
	if row.Query == "" && !row.Chosen && a.AppliesTo != "" {
		row.Query, row.Search = a.AppliesTo, a.AppliesTo
	}
	for _, d := range a.Depends {
		row.Assigned = append(row.Assigned, d.String())
	}
	var not []string
	for _, r := range a.Conflicts {
		not = append(not, r.String())
	}
	row.Forbidden = strings.Join(not, ", ")
	return rows
}

// countGroups counts the hosts of each, among those that whoever looks may see.
func (v *visit) countGroups(rows []groupRow) error {
	for part := range slices.Chunk(rows, perGroups) {
		if err := v.countPart(part); err != nil {
			return err
		}
	}
	return nil
}

// countPart counts the hosts of a few in one request. A search that the server does not
// understand, though newer agents may, is found by halves: the others are still counted
// with few requests.
func (v *visit) countPart(rows []groupRow) error {
	searches := make([]string, len(rows))
	for i, r := range rows {
		searches[i] = r.Search
	}
	counts, err := v.counts(searches)
	if muster.KindOf(err) == muster.Invalid {
		if half := len(rows) / 2; half > 0 {
			return cmp.Or(v.countPart(rows[:half]), v.countPart(rows[half:]))
		}
		return nil
	}
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Hosts = counts[rows[i].Search]
	}
	return nil
}

// groupsTable is the list as a whole, for other programs.
func groupsTable(v *visit, w http.ResponseWriter) error {
	rows, _, err := v.groupRows()
	if err != nil {
		return err
	}
	if err := v.countGroups(rows); err != nil {
		return err
	}
	t := v.table(w, "groups", "kind", "name", "hosts", "search", "assigns", "forbids", "note")
	for _, r := range rows {
		t.row(string(r.Kind), r.Title, strconv.Itoa(r.Hosts), r.Query, strings.Join(r.Assigned, ", "), r.Forbidden, r.Note)
	}
	return t.end(nil)
}
