package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
)

// counted writes what the server would have counted of age in five days: 1.3 took the
// place of 1.2, with a version of long ago.
func (w *world) counted() {
	w.t.Helper()
	day := time.Now().UTC().Truncate(24 * time.Hour)
	var rows [][]any
	for i := range 5 {
		at := day.Add(time.Duration(i-4) * 24 * time.Hour)
		body := must(json.Marshal(api.SpreadPoint{Time: at.Unix(), Hosts: 41, Versions: map[string]int{"1.2": 40 - 10*i, "1.3": 10 * i}, Others: 1}))(w.t)
		rows = append(rows, []any{"age", "day", at.Unix(), 0, body})
	}
	check(w.t, w.db.Write(w.t.Context(), func(tx *db.Tx) error {
		return tx.Upsert("hosts_spread", []string{"package", "span", "began"}, []string{"package", "span", "began", "place", "body"}, rows)
	}))
}

// How hosts went from version to version is drawn, and told in numbers; who may administer
// chooses of which packages, and who may see some hosts is told nothing.
func TestConsoleVersions(t *testing.T) {
	w, _ := newSite(t)
	w.counted()
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	_, page := b.get("/packages/age")
	b.want(page, `<svg class="chart lines"`, `aria-label="Versions of age; other versions: 1 → 1; 1.2: 40 → 0; 1.3: 0 → 40"`, `<li class="c1"><a href="/hosts?q=muster%3Aage%3D1.3">1.3</a>`, "Count its versions every day")
	_, page = b.get("/versions.csv?package=age")
	if lines := strings.Split(strings.TrimSpace(page), "\n"); len(lines) != 1+5*3 || !strings.Contains(lines[2], ",1.3,0") || !strings.Contains(lines[13], ",1.2,0") {
		t.Errorf("in numbers:\n%s", page)
	}
	_, page = b.get("/versions.json?package=age&package=none")
	b.want(page, `"version":"1.3"`)
	at, page := b.post("/packages/age", "do", "count")
	if chosen := must(w.person().Versions(t.Context(), api.SpreadQuery{}))(t).Chosen; at != "/packages/age" || strings.Join(chosen, " ") != "age" {
		t.Errorf("at %q %v are chosen", at, chosen)
	}
	b.want(page, "Count its versions no more")
	_, page = b.post("/packages/age", "do", "leave")
	b.want(page, "Count its versions every day")
	if _, page = b.post("/packages/age", "do", "nothing"); !strings.Contains(page, `role="alert"`) {
		t.Errorf("nothing is done without a word:\n%s", page)
	}

	some := w.browser("some", "name:pc-*", api.VerbView, api.VerbReport)
	some.logIn("some")
	if _, page = some.get("/packages/age"); strings.Contains(page, "Versions over time") || strings.Contains(page, "Count its versions") {
		t.Errorf("who sees some hosts is told of all:\n%s", page)
	}
	if status, _ := some.get("/versions.csv"); status != http.StatusForbidden {
		t.Errorf("and has it in numbers: %d", status)
	}
	if _, page = some.post("/packages/age", "do", "count"); !strings.Contains(page, "administer") {
		t.Errorf("and chooses:\n%s", page)
	}
}
