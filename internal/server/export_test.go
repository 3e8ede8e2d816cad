package server

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// Lists come as a whole, as CSV that a spreadsheet takes for no formula, and as a JSON
// document a line, over as many pages as there are.
func TestExports(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t).Secret
	m := w.machine(1)
	must(m.Enrol(t.Context(), api.Enrol{Token: token, Facts: api.Facts{Hostname: "=cmd|' /C calc'!A0", OS: "linux", Arch: "amd64"}}))(t)
	doc := desktop(900)
	m.report(doc)
	doc.Packages["dpkg"] = append(doc.Packages["dpkg"], inventory.Package{Name: "zsh", Version: "5.9, \"new\"", Architecture: "amd64"})
	m.report(doc)
	for list, rows := range map[string]int{"hosts": 1, "software": 901, "history": 1, "events": 1} {
		var out bytes.Buffer
		check(t, p.Export(t.Context(), list, "csv", &out))
		records := must(csv.NewReader(&out).ReadAll())(t)
		if len(records) != rows+1 {
			t.Errorf("%s: %d rows, want %d", list, len(records)-1, rows)
		}
		for _, r := range records {
			if strings.ContainsAny(r[0][:1]+r[1][:1], "=+-@") {
				t.Errorf("%s: a formula: %q", list, r)
			}
		}
		var lines bytes.Buffer
		check(t, p.Export(t.Context(), list, "jsonl", &lines))
		n := 0
		for d := json.NewDecoder(&lines); d.More(); n++ {
			var v map[string]any
			check(t, d.Decode(&v))
		}
		if n != rows {
			t.Errorf("%s: %d lines, want %d", list, n, rows)
		}
	}
	wantKind(t, p.Export(t.Context(), "secrets", "csv", new(bytes.Buffer)), muster.NotFound)
	wantKind(t, p.Export(t.Context(), "hosts", "xlsx", new(bytes.Buffer)), muster.Invalid)
	wantKind(t, p.Export(t.Context(), "hosts", "csv", new(bytes.Buffer), "q", "(("), muster.Invalid)
}

// get asks a path with the session of a person.
func (w *world) get(p *api.PersonClient, path string) (status int, body []byte, err error) {
	r := must(http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil))(w.t)
	r.Header.Set("Authorization", "Bearer "+p.Token)
	resp, err := w.raw().Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// An export that cannot begin says why, with the status of the reason; what a list does
// not take is not passed over.
func TestExportsRefused(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	for path, want := range map[string]int{
		"hosts?q=((": 400, "hosts?columns=nosuch": 400, "software?q=((": 400, "history?host=nosuch": 404, "history?from=x": 400,
		"events?host=nosuch": 404, "events?since=-1": 400, "events?since=x": 400, "hosts?nosuch=1": 400, "events?q=name:x": 400, "hosts?from=7": 400,
		"software?host=x": 400, "nosuch?q=x": 404, "events?from=7&to=99&failed=1": 200, "hosts": 200,
	} {
		status, body, err := w.get(p, "/api/v1/export/"+path)
		if status != want || err != nil || want != 200 && !bytes.Contains(body, []byte(`"message"`)) {
			t.Errorf("%s: %d %.100q %v, want %d", path, status, body, err, want)
		}
	}
	_, body, _ := w.get(p, "/api/v1/export/hosts")
	if !bytes.HasSuffix(body, []byte("\r\n")) {
		t.Errorf("lines end otherwise than in RFC 4180: %q", body)
	}
}

// Events are exported as far as is asked for.
func TestExportOfEvents(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	hosts := w.joined(p, 2)
	rows := func(pairs ...string) int {
		var out bytes.Buffer
		check(t, p.Export(t.Context(), "events", "jsonl", &out, pairs...))
		return bytes.Count(out.Bytes(), []byte("\n"))
	}
	all := must(p.Events(t.Context(), api.EventQuery{}))(t).Events
	now := all[0].Time
	for _, c := range []struct {
		pairs []string
		want  int
	}{
		{nil, len(all)}, {[]string{"to", strconv.FormatInt(now-1000, 10)}, 0}, {[]string{"from", strconv.FormatInt(now+1000, 10)}, 0},
		{[]string{"host", must(p.Host(t.Context(), hosts[0].ID))(t).Name}, len(all) / 2}, {[]string{"failed", "1"}, 0},
	} {
		if n := rows(c.pairs...); n != c.want {
			t.Errorf("%q: %d rows, want %d", c.pairs, n, c.want)
		}
	}
}

// Who takes an export slowly takes nobody else's place: not that of people who look at
// something, and not more than one of those for exports.
func TestExportsApart(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	people, exports := w.limits["people"], w.limits["export"]
	var leave []func()
	for range cap(exports.slots) {
		leave = append(leave, must(exports.place(t.Context(), netip.Prefix{}))(t))
	}
	if len(people.slots) != 0 {
		t.Error("exports take the places of people")
	}
	must(p.Hosts(t.Context(), api.HostQuery{}))(t)
	for _, f := range leave {
		f()
	}
	self := must(p.Self(t.Context()))(t)
	one := must(w.marks.enter(mark{"export", self.Name}))(t)
	status, _, err := w.get(p, "/api/v1/export/hosts")
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable || err != nil {
		t.Errorf("a second export at once: %d %v", status, err)
	}
	one()
	if status, _, err := w.get(p, "/api/v1/export/hosts"); status != 200 || err != nil {
		t.Errorf("the next: %d %v", status, err)
	}
}

// An export of the audit log that breaks off does not look whole.
func TestAuditExportBreaksOff(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	for range 12 {
		var all []*api.AuditEntry
		for range 100 {
			all = append(all, &api.AuditEntry{What: "request", Outcome: api.AuditDone, Content: strings.Repeat("x", 100)})
		}
		must(w.ledger.Append(t.Context(), all...))(t)
	}
	if status, _, err := w.get(p, api.RouteAuditExport); status != 200 || err != nil {
		t.Fatalf("whole: %d %v", status, err)
	}
	check(t, w.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE audit_hash SET hash = ? WHERE number > 2300 AND number < 2350", []byte{1})
		return err
	}))
	if status, body, err := w.get(p, api.RouteAuditExport); err == nil && status == 200 {
		t.Errorf("a log that could not be read looks whole: %d bytes", len(body))
	}
}

func TestSafeCell(t *testing.T) {
	for in, want := range map[string]string{"": "", "pc-1": "pc-1", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "\n=1": "'\n=1", "＝1": "'＝1", "＠x": "'＠x", "é": "é"} {
		if got := api.SafeCell(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
