package report

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
)

// A fleet answers as a server does, page after page.
type fleet struct{ hosts int }

func (f fleet) Hosts(_ context.Context, q api.HostQuery) (page api.HostPage, err error) {
	from := 0
	fmt.Sscan(q.Cursor, &from) //nolint:errcheck // "" is the first
	for i := from; i < min(f.hosts, from+q.Limit); i++ {
		page.Hosts = append(page.Hosts, api.Host{ID: fmt.Sprint("id", i), Name: fmt.Sprint("=pc", i), Packages: map[muster.Status]int{muster.NeedUpgrade: i}})
	}
	if from+q.Limit < f.hosts {
		page.Next = fmt.Sprint(from + q.Limit)
	}
	if q.Count {
		page.Total = f.hosts
	}
	return page, nil
}

func (f fleet) Counts(_ context.Context, searches []string) (out api.Counts, err error) {
	for range searches {
		out.Hosts = append(out.Hosts, f.hosts)
	}
	return out, nil
}

func (f fleet) Software(context.Context, string, string, int) (api.SoftwarePage, error) {
	return api.SoftwarePage{Software: []api.Software{{Source: "dpkg", Name: "openssl", Version: "3.0.2", Hosts: 7}}}, nil
}

func (f fleet) Events(context.Context, api.EventQuery) (api.EventPage, error) {
	return api.EventPage{Events: []api.Event{{Time: 1_800_000_000, Host: "id1", Result: &api.Result{Kind: "upgrade", Error: "no space",
		Steps: []api.Change{{Name: "b", Error: "x"}, {Name: "a", Error: "x"}, {Name: "c"}}}}, {Time: 1_700_000_000, Host: "id2"}}}, nil
}

func (f fleet) History(context.Context, api.HistoryQuery) (api.HistoryPage, error) {
	return api.HistoryPage{Changes: []api.HistoryChange{{Time: 1_800_000_000, Host: "id1", Name: "pc1", Op: "installed", Software: "age", To: "1.3"}}}, nil
}

func (f fleet) AdvisoryNews(_ context.Context, site string, after int64, _ int) (all []api.AdvisoryRecent, last int64, err error) {
	return []api.AdvisoryRecent{{Advisory: api.Advisory{ID: "CVE-1", Severity: "high", Exploited: true}, Site: site, Hosts: 12, Names: []string{"a", "b"},
		Packages: []string{"curl 1", "curl 2"}, Fixed: []string{"3"}}}, after + 7, nil
}

// What is new says up to what it goes; who does not know what is new makes no such report.
func TestNews(t *testing.T) {
	w := Wish{Kind: "advisories", Site: "LYON", After: 5, Now: now}
	r, err := Make(t.Context(), fleet{}, w)
	if err != nil || r.Last != 12 || strings.Join(r.Rows[0], "|") != "CVE-1|high|yes|LYON|12|a, b and 10 more|curl 1, curl 2|3|" {
		t.Errorf("%v %+v", err, r)
	}
	if _, err := Make(t.Context(), struct{ Source }{fleet{}}, w); muster.KindOf(err) != muster.Invalid {
		t.Errorf("made of nothing: %v", err)
	}
}

var now = time.Unix(1_800_003_600, 0)

// Every kind of report is made, with a cell for each column.
func TestKinds(t *testing.T) {
	for _, k := range ByMail() {
		r, err := Make(t.Context(), fleet{3}, Wish{Kind: k.Name, Software: "openssl", Now: now})
		if err != nil || len(r.Rows) == 0 {
			t.Errorf("%s: %v, %+v", k.Name, err, r)
			continue
		}
		for _, row := range r.Rows {
			if len(row) != len(r.Columns) {
				t.Errorf("%s: %q has not the columns %q", k.Name, row, r.Columns)
			}
		}
		data, err := r.JSON()
		var back Report
		if err != nil || json.Unmarshal(data, &back) != nil || len(back.Rows) != len(r.Rows) {
			t.Errorf("%s: %v %s", k.Name, err, data)
		}
	}
}

// A report is bounded, and says that there is more.
func TestBounds(t *testing.T) {
	for most, more := range map[int]bool{2500: false, 2499: true, 1000: true, 1: true} {
		r, err := Make(t.Context(), fleet{2500}, Wish{Kind: "silent", Most: most, Now: now})
		if err != nil || len(r.Rows) != most || r.More != more || len(r.Hosts) != most {
			t.Errorf("%d: %d rows, more %v, %v", most, len(r.Rows), r.More, err)
		}
	}
}

func TestFailures(t *testing.T) {
	r, err := Make(t.Context(), fleet{}, Wish{Kind: "failures", Days: 1, Now: now})
	if err != nil || len(r.Rows) != 1 || r.Rows[0][3] != "a b" || r.Rows[0][1] != "id1" {
		t.Errorf("%v %+v", err, r)
	}
}

// What hosts are called is no formula.
func TestCSV(t *testing.T) {
	r, err := Make(t.Context(), fleet{1}, Wish{Kind: "silent", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.CSV()
	if err != nil || !strings.HasPrefix(string(data), "host,system,address,heard of,joined\r\n'=pc0,") {
		t.Errorf("%v %q", err, data)
	}
}

func TestRefused(t *testing.T) {
	for _, w := range []Wish{{Kind: "none"}, {Kind: "versions"}, {Kind: "fleet", Site: "LYON"}, {Kind: "silent", Days: -1}, {Kind: "silent", Days: MaxDays + 1}, {Kind: "fleet", Query: strings.Repeat("x", 2000)}} {
		if _, err := Make(t.Context(), fleet{}, w); err == nil {
			t.Errorf("%+v was made", w)
		}
	}
}
