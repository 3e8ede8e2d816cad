package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A findingFilter is a form that says which findings are meant.
type findingFilter struct {
	api.FindingQuery
	Levels []string // the least severity, of which one is chosen
	CSV    string
	JSON   string
}

// findingQuery is what the URL asks for.
func (v *visit) findingQuery() api.FindingQuery {
	return api.FindingQuery{Severity: v.query("severity"), Exploited: v.query("exploited") != "", Fixable: v.query("fixable") != "", Ignored: v.query("ignored") != "",
		Text: strings.TrimSpace(v.query("text")), Sort: v.query("sort"), Cursor: v.query("cursor"), Limit: perPage}
}

// findingsAt is the address of a list of findings.
func (v *visit) findingsAt(path string, q api.FindingQuery, cursor string, more ...string) string {
	yes := map[bool]string{true: "1"}
	return v.link(path, append(more, "severity", q.Severity, "exploited", yes[q.Exploited], "fixable", yes[q.Fixable], "ignored", yes[q.Ignored], "text", q.Text, "sort", q.Sort, "cursor", cursor)...)
}

func (v *visit) findingFilter(q api.FindingQuery, files string, more ...string) findingFilter {
	out := findingFilter{FindingQuery: q}
	for _, l := range levels[:4] {
		out.Levels = append(out.Levels, l.Word)
	}
	if v.may(api.VerbReport) {
		out.CSV, out.JSON = v.findingsAt(files+".csv", q, "", more...), v.findingsAt(files+".json", q, "", more...)
	}
	return out
}

// An advisoryList is advisories with how many hosts have each.
type advisoryList struct {
	findingFilter
	Rows        []advisoryRow
	First, Next string
}

// An advisoryRow is one of them.
type advisoryRow struct {
	api.Advisory
	Badge badge
	Href  string
	On    int64 // hosts
	Known bool  // how many they are
	Score string
}

func (v *visit) advisoryRow(a api.Advisory) advisoryRow {
	row := advisoryRow{Advisory: a, Badge: severityOf(a.Severity), Href: v.link(place("advisories", a.ID)), Known: a.Hosts != nil, Score: score(&a)}
	if row.Known {
		row.On = *a.Hosts
	}
	return row
}

// turn fills in a page of a list.
func (l *advisoryList) turn(v *visit, page api.AdvisoryPage, path string, more ...string) {
	for _, a := range page.Advisories {
		l.Rows = append(l.Rows, v.advisoryRow(a))
	}
	if l.Cursor != "" {
		l.First = v.findingsAt(path, l.FindingQuery, "", more...)
	}
	if page.Next != "" {
		l.Next = v.findingsAt(path, l.FindingQuery, page.Next, more...)
	}
}

// An advisoriesPage lists what is published about packages of hosts.
type advisoriesPage struct {
	Tabs   []entry
	List   advisoryList
	All    bool // also those that concern no host
	Counts api.SiteCounts
	Worst  []tallied
	Plot   *spread
}

func (v *visit) advisoryTabs(here string) (all []entry) {
	for _, tab := range []struct{ path, title string }{{"/advisories", "Advisories"}, {"/advisories/support", "Support"}, {"/advisories/ignored", "Ignored"}, {"/advisories/sources", "Sources"}} {
		all = append(all, entry{Title: v.t(tab.title), Href: v.link(tab.path), Here: tab.path == here})
	}
	return all
}

func advisoryListPage(v *visit) (any, error) {
	q, all := v.findingQuery(), v.query("all")
	out := &advisoriesPage{Tabs: v.advisoryTabs("/advisories"), All: all != "", List: advisoryList{findingFilter: v.findingFilter(q, "/advisories", "all", all)}}
	page, err := v.api.Advisories(v.ctx(), api.AdvisoryQuery{FindingQuery: q, All: out.All})
	if err != nil {
		return out, v.tell(err)
	}
	out.List.turn(v, page, "/advisories", "all", all)
	counts, err := v.api.AdvisoryCounts(v.ctx())
	if err != nil {
		return nil, err
	}
	out.Counts = counts.All
	out.Worst = worst(&counts.All.Worst, func(s string) string { return v.link("/advisories", "severity", s) })
	out.Plot, err = v.standing("")
	return out, err
}

func advisoriesTable(v *visit, w http.ResponseWriter) error {
	q := api.AdvisoryQuery{FindingQuery: v.findingQuery(), All: v.query("all") != ""}
	return v.advisoryFile(w, "advisories", q.FindingQuery, func(next api.FindingQuery) (api.AdvisoryPage, error) {
		q.FindingQuery = next
		return v.api.Advisories(v.ctx(), q)
	})
}

// perFile is how many rows of a file are asked for at a time.
const perFile = 1000

// advisoryFile writes a list of advisories as a whole.
func (v *visit) advisoryFile(w http.ResponseWriter, name string, q api.FindingQuery, ask func(api.FindingQuery) (api.AdvisoryPage, error)) error {
	t := v.table(w, name, "advisory", "source", "severity", "exploited", "hosts", "aliases", "published", "modified", "summary")
	for q.Cursor, q.Limit = "", perFile; ; {
		page, err := ask(q)
		for _, a := range page.Advisories {
			hosts := ""
			if a.Hosts != nil {
				hosts = strconv.FormatInt(*a.Hosts, 10)
			}
			t.row(a.ID, a.Source, a.Severity, strconv.FormatBool(a.Exploited), hosts, strings.Join(a.Aliases, " "), api.CellTime(a.Published), api.CellTime(a.Modified), a.Summary)
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}

// An ignoredPage lists what is left out of what counts.
type ignoredPage struct {
	Tabs []entry
	Rows []ignoredRow
}

// An ignoredRow is one line of it.
type ignoredRow struct {
	api.AdvisoryIgnore
	Badge badge
	Href  string
}

func ignoredList(v *visit) (any, error) {
	page, err := v.api.IgnoredAdvisories(v.ctx())
	out := &ignoredPage{Tabs: v.advisoryTabs("/advisories/ignored")}
	for _, i := range page.Ignored {
		row := ignoredRow{AdvisoryIgnore: i, Badge: badge{"waits", "ignored"}}
		if i.Over {
			row.Badge = badge{"off", "expired"}
		}
		if i.Advisory != "" {
			row.Href = v.link(place("advisories", i.Advisory))
		}
		out.Rows = append(out.Rows, row)
	}
	return out, err
}

// changeIgnored has something count again, or no more.
func changeIgnored(v *visit) (string, error) {
	if v.PostForm.Get("do") == "end" {
		if err := v.api.UnignoreAdvisory(v.ctx(), v.PostForm.Get("number")); err != nil {
			return "", err
		}
		v.flash(v.t("It counts again"))
		return v.link("/advisories/ignored"), nil
	}
	return v.link("/advisories/ignored"), v.ignore(v.PostForm.Get("advisory"))
}

// ignore leaves out what the form says.
func (v *visit) ignore(advisory string) error {
	field := func(name string) string { return strings.TrimSpace(v.PostForm.Get(name)) }
	in := api.AdvisoryIgnore{Advisory: strings.TrimSpace(advisory), Package: field("package"), Platform: field("platform"), Site: field("site"), Reason: field("reason")}
	var err error
	if in.Expires, err = day("until", field("until"), true); err != nil {
		return err
	}
	if _, err = v.api.IgnoreAdvisory(v.ctx(), in); err == nil {
		v.flash(v.t("It does not count any more; lists follow in a few seconds"))
	}
	return err
}

// A sourcesPage says where advisories come from.
type sourcesPage struct {
	Tabs     []entry
	Rows     []sourceRow
	Unmapped []api.UnmappedSystem
}

// A sourceRow is one of the sources.
type sourceRow struct {
	api.AdvisorySource
	Badge badge
}

func sourceList(v *visit) (any, error) {
	page, err := v.api.AdvisorySources(v.ctx())
	out := &sourcesPage{Tabs: v.advisoryTabs("/advisories/sources"), Unmapped: page.Unmapped}
	for _, s := range page.Sources {
		row := sourceRow{s, badge{"ok", "up to date"}}
		switch {
		case s.Leaving:
			row.Badge = badge{"off", "being removed"}
		case s.Failing != 0:
			row.Badge = badge{"error", "failing"}
		case s.Succeeded == 0:
			row.Badge = badge{"waits", "not read yet"}
		case s.Matching:
			row.Badge = badge{"running", "being matched"}
		}
		out.Rows = append(out.Rows, row)
	}
	slices.SortStableFunc(out.Rows, func(a, b sourceRow) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// changeSources has a source forgotten, with all that it said.
func changeSources(v *visit) (string, error) {
	name := v.PostForm.Get("name")
	if v.PostForm.Get("do") != "remove" {
		return "", muster.Errorf(muster.Invalid, "it is not said what to do")
	}
	if v.PostForm.Get("confirm") != name {
		return "", fieldError{"confirm", muster.Errorf(muster.Invalid, "type %s to confirm", name)}
	}
	if err := v.api.RemoveAdvisorySource(v.ctx(), name); err != nil {
		return "", err
	}
	v.flash(v.t("The source is gone, with all that it said"))
	return v.link("/advisories/sources"), nil
}
