// Package report makes the reports on a fleet that people print, keep and get by mail:
// tables of what the server tells the person whose report it is.
//
// Start with [Kinds], which lists them, and [Make]. [ByMail] has also those of news,
// which are made for somebody who was told something before. What is asked for is a [Wish]; who
// answers is a [Source], the client of that person, so that nobody's report has what
// they may not see.
//
// # Promise
//
// A report has at most [Wish.Most] rows, and says where there were more. Of the same
// answers it is the same, but for its time.
package report

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"muster"
	"muster/api"
)

// A Source answers in the name of a person.
type Source interface {
	Hosts(ctx context.Context, q api.HostQuery) (api.HostPage, error)
	Counts(ctx context.Context, searches []string) (api.Counts, error)
	Software(ctx context.Context, q, cursor string, limit int) (api.SoftwarePage, error)
	Events(ctx context.Context, q api.EventQuery) (api.EventPage, error)
	History(ctx context.Context, q api.HistoryQuery) (api.HistoryPage, error)
}

// A Newsman is a [Source] that knows what is new.
type Newsman interface {
	// AdvisoryNews lists serious advisories that came to sites behind an event, and says
	// up to which event that is.
	AdvisoryNews(ctx context.Context, site string, after int64, limit int) (all []api.AdvisoryRecent, last int64, err error)
}

// A Wish is a report that somebody wants.
type Wish struct {
	Kind     string
	Query    string // hosts, in the language of package search; "" is all
	Software string // of versions and software: a name, as in "openssl" and "lib*"
	Site     string // of advisories; "" is every one
	After    int64  // of news: the event that was told before
	Days     int    // of silent, failures and changes; 0 is 7
	Most     int    // rows; 0 is MaxRows
	Now      time.Time
}

// Bounds of a wish.
const (
	MaxRows = 10_000
	MaxDays = 3660
)

// A Kind is a report that there is.
type Kind struct {
	Name, Title, What string
	Hosts             bool // takes Query
	Software          bool // takes Software
	Days              bool // takes Days
	News              bool // has what is new, and takes Site; where nothing is, it is not sent
	make              func(*maker) error
}

// Kinds lists the reports.
func Kinds() []Kind {
	return []Kind{
		{Name: "fleet", Title: "State of the fleet", What: "how many hosts are how", Hosts: true, make: (*maker).fleet},
		{Name: "patches", Title: "Patch level", What: "hosts that lack something, and what", Hosts: true, make: (*maker).patches},
		{Name: "versions", Title: "Versions of a software", What: "which versions are on how many hosts", Software: true, make: (*maker).software},
		{Name: "software", Title: "Software", What: "everything that hosts have, with how many have it", Software: true, make: (*maker).software},
		{Name: "failures", Title: "Failures", What: "changes that failed", Days: true, make: (*maker).failures},
		{Name: "silent", Title: "Silent hosts", What: "hosts of which nothing was heard", Hosts: true, Days: true, make: (*maker).silent},
		{Name: "changes", Title: "Changes", What: "what changed on hosts", Days: true, make: (*maker).changes},
	}
}

// ByMail lists what can be sent: [Kinds], and news.
func ByMail() []Kind {
	return append(Kinds(), Kind{Name: "advisories", Title: "New serious advisories", What: "by mail alone: what came to sites since the last one", News: true, make: (*maker).advisories})
}

// Find is the kind of a name.
func Find(name string) (Kind, error) {
	all := ByMail()
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, muster.WithHint(muster.Errorf(muster.NotFound, "there is no report %.50q", name), "muster reports list")
	}
	return all[i], nil
}

// A Report is a table.
type Report struct {
	Kind    string     `json:"report"`
	Title   string     `json:"title"`
	Made    int64      `json:"made"`
	Query   string     `json:"query,omitempty"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// More: there are rows that the report has no room for.
	More bool `json:"more,omitempty"`
	// Hosts are the ids of the rows' hosts, where a row is one of a host.
	Hosts []string `json:"-"`
	// Last is the event up to which a report of news goes.
	Last int64 `json:"-"`
}

// Check refuses a wish that no report fulfils.
func (w *Wish) Check() error {
	k, err := Find(w.Kind)
	if err != nil {
		return muster.WithField(err, "/report")
	}
	if w.Days < 0 || w.Days > MaxDays {
		return muster.WithField(muster.Errorf(muster.Invalid, "%d days are none, or too many", w.Days), "/days")
	}
	if k.Name == "versions" && w.Software == "" {
		return muster.WithField(muster.Errorf(muster.Invalid, "it is not said of which software"), "/software")
	}
	if w.Site != "" && !k.News {
		return muster.WithField(muster.Errorf(muster.Invalid, "report %q is not of one site", k.Name), "/site")
	}
	if len(w.Query) > 1000 || len(w.Software) > 200 || len(w.Site) > 200 {
		return muster.Errorf(muster.Invalid, "a search of a report is too long")
	}
	return nil
}

// A maker is a report in the making.
type maker struct {
	Wish
	ctx    context.Context
	source Source
	out    *Report
}

// Make makes a report.
func Make(ctx context.Context, from Source, w Wish) (*Report, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	k, err := Find(w.Kind)
	if err != nil {
		return nil, err
	}
	if w.Days == 0 {
		w.Days = 7
	}
	if w.Most <= 0 || w.Most > MaxRows {
		w.Most = MaxRows
	}
	out := &Report{Kind: k.Name, Title: k.Title, Made: w.Now.Unix()}
	if k.Hosts {
		out.Query = w.Query
	}
	return out, k.make(&maker{w, ctx, from, out})
}

// row adds a row, and reports whether there is room for more.
func (m *maker) row(cells ...string) bool {
	if len(m.out.Rows) >= m.Most {
		m.out.More = true
		return false
	}
	m.out.Rows = append(m.out.Rows, cells)
	return true
}

// CSV writes the report as RFC 4180. Cells that a spreadsheet would take for formulas
// begin with an apostrophe: hosts choose what they are called.
func (r *Report) CSV() ([]byte, error) {
	var out bytes.Buffer
	w := api.NewCSV(&out)
	for _, row := range append([][]string{r.Columns}, r.Rows...) {
		if err := w.Row(row...); err != nil {
			return nil, err
		}
	}
	err := w.End()
	return out.Bytes(), err
}

// JSON writes the report as one document.
func (r *Report) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}
