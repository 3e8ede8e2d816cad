package server

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"muster"
	"muster/api"
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
