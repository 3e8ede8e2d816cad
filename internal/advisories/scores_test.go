package advisories

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

func scoresText(day string, lines ...string) string {
	return "#model_version:v2025.03.14,score_date:" + day + "T00:00:00Z\ncve,epss,percentile\n" + strings.Join(lines, "\n") + "\n"
}

// TestScores: scores of a source are beside advisories and findings, of all its CVEs the
// highest; lists are filtered and sorted by them; each day's replace those before.
func TestScores(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("LYON")
		h := w.report("LYON", "a", said{}, "curl 1", "bash 1")
		w.bring("debian", "debian", tracker("curl CVE-2026-0001 bookworm 2 low", "bash CVE-2026-0002 bookworm 2 high", "bash CVE-2026-0003 bookworm 2 medium"))
		w.bring("osv", "osv", `{"id":"DSA-1","upstream":["CVE-2026-0001","CVE-2026-0003"],"modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}`)
		lists := func(q api.FindingQuery) string {
			var out []string
			page, err := w.SiteFindings(t.Context(), nil, "", q)
			check(t, err)
			for _, a := range page.Advisories {
				out = append(out, fmt.Sprint(a.ID, " ", a.EPSS))
			}
			found, err := w.HostFindings(t.Context(), nil, h, q)
			check(t, err)
			if len(found.Findings) != len(out) || len(out) > 0 && found.Findings[0].Advisory.EPSS != page.Advisories[0].EPSS {
				t.Errorf("%+v: a host has %+v, where the list is %q", q, found.Findings, out)
			}
			all, err := w.List(t.Context(), nil, q)
			check(t, err)
			if len(all.Advisories) != len(out) {
				t.Errorf("%+v: all are %+v, where the list is %q", q, all.Advisories, out)
			}
			return strings.Join(out, ", ")
		}
		if got := lists(api.FindingQuery{}); got != "CVE-2026-0002 0, CVE-2026-0003 0, CVE-2026-0001 0, DSA-1 0" {
			t.Errorf("before: %s", got)
		}
		out := w.bring("epss", "epss", scoresText("2026-05-28", "CVE-2026-0001,0.5,0.99", "CVE-2026-0003,0.9,0.999", "CVE-2020-0001,0.1,0.1", "what,0,0"))
		if out.Entries != 3 || out.Skipped != 1 {
			t.Errorf("import %+v", out)
		}
		for q, want := range map[api.FindingQuery]string{
			{}:                           "CVE-2026-0002 0, CVE-2026-0003 0.9, CVE-2026-0001 0.5, DSA-1 0.9",
			{EPSS: 0.6}:                  "CVE-2026-0003 0.9, DSA-1 0.9",
			{Sort: "epss"}:               "CVE-2026-0003 0.9, DSA-1 0.9, CVE-2026-0001 0.5, CVE-2026-0002 0",
			{Sort: "epss", EPSS: 0.95}:   "",
			{EPSS: 0.5, Severity: "low"}: "CVE-2026-0003 0.9, CVE-2026-0001 0.5",
		} {
			if got := lists(q); got != want {
				t.Errorf("%+v: %s, want %s", q, got, want)
			}
		}
		show, err := w.Show(t.Context(), nil, "CVE-2026-0001")
		check(t, err)
		if show.EPSS == 0 || show.Percentile == 0 {
			t.Errorf("show %+v", show.Advisory)
		}
		out = w.bring("epss", "epss", scoresText("2026-05-29", "CVE-2026-0001,0.2,0.9", "CVE-2026-0002,0.3,0.9"))
		if got := lists(api.FindingQuery{Sort: "epss"}); got != "CVE-2026-0002 0.3, CVE-2026-0001 0.2, DSA-1 0.2, CVE-2026-0003 0" {
			t.Errorf("the next day: %s", got)
		}
		if out = w.bring("epss", "epss", scoresText("2026-05-29", "CVE-2026-0001,0.2,0.9", "CVE-2026-0002,0.3,0.9")); !out.Unchanged {
			t.Errorf("the same again: %+v", out)
		}
		sources, err := w.ListSources(t.Context())
		check(t, err)
		if s := sources.Sources[1]; s.Name != "epss" || s.Edition != "v2025.03.14; 2026-05-29" || s.Entries != 2 {
			t.Errorf("source %+v", s)
		}
		var parts int
		check(t, d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT COUNT(*) FROM advisories_score").Scan(&parts)
		}))
		if parts != 1 {
			t.Errorf("%d parts", parts)
		}
		_, err = w.Import(t.Context(), ImportOptions{Source: "epss", Form: "epss"}, readerOf(scoresText("2026-05-30")))
		wantKind(t, err, muster.Conflict)
		_, err = w.SiteFindings(t.Context(), nil, "", api.FindingQuery{Sort: "hosts"})
		wantKind(t, err, muster.Invalid)
		check(t, w.RemoveSource(t.Context(), "epss"))
		if got := lists(api.FindingQuery{EPSS: 0.1}); got != "" {
			t.Errorf("removed: %s", got)
		}
	})
}

// TestManyScores has more than one part, and every crash leaves the old or the new.
func TestManyScores(t *testing.T) {
	var lines []string
	for i := range 60_000 {
		lines = append(lines, fmt.Sprintf("CVE-2026-%04d,%.5f,0.5", i, float64(i)/60_000))
	}
	text := scoresText("2026-05-28", lines...)
	w := newWorld(t, dbtest.SQLite(t))
	w.bring("epss", "epss", scoresText("2026-05-27", "CVE-2026-59999,0.1,0.1"))
	writes := 0
	w.broken = func(bool) error {
		if writes--; writes == 0 {
			return muster.Errorf(muster.Unavailable, "the process ends")
		}
		return nil
	}
	for n := 1; ; n++ {
		writes = n
		_, err := w.Import(t.Context(), ImportOptions{Source: "epss", Form: "epss"}, readerOf(text))
		var score float64
		check(t, w.DB.Read(t.Context(), func(tx *db.Tx) error {
			x, err := w.facts(tx)
			if err == nil {
				score, _, _ = x.scores.Of("CVE-2026-59999")
			}
			return err
		}))
		if score != 0.1 && score != 0.99998 {
			t.Fatalf("after %d writes the score is %v", n, score)
		}
		if err == nil {
			if score == 0.1 {
				t.Errorf("it is still the old: %d writes", n)
			}
			return
		}
	}
}

// TestDaysOfScores: of a folder of days the newest counts.
func TestDaysOfScores(t *testing.T) {
	dir := t.TempDir()
	for day, score := range map[string]string{"2026-05-27": "0.1", "2026-05-29": "0.3", "2026-05-28": "0.2"} {
		check(t, os.WriteFile(filepath.Join(dir, "epss_scores-"+day+".csv"), []byte(scoresText(day, "CVE-2026-0001,"+score+",0.5")), 0o600))
	}
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Sources = []Source{{Name: "epss", Form: "epss", Path: dir}} })
	w.look()
	if s := w.sourceOf(); s.Error != "" || s.Edition != "v2025.03.14; 2026-05-29" {
		t.Errorf("%+v", s)
	}
}
