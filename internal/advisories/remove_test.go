package advisories

import (
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestRemoveSource: what a source said goes with it, wherever a server stops on the way;
// what others say stays; sites are not told that anything was repaired.
func TestRemoveSource(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t, dbtest.SQLite(t))
		w.site("LYON")
		h := w.report("LYON", "a", said{}, "curl 1", "bash 1")
		debian := tracker("curl CVE-2026-1 bookworm 2 high")
		w.bring("debian", "debian", debian)
		w.bring("old", "debian", tracker("bash CVE-2026-2 bookworm 2 high", "curl CVE-2026-1 bookworm 3 critical", "linux-doc CVE-2026-3 bookworm 2 low"))
		_, err := w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: "CVE-2026-2", Site: "OTHER", Reason: "r"})
		check(t, err)
		w.follow()
		before := len(w.news(nil))
		left := n
		w.broken = func(bool) error {
			if left--; left == 0 {
				return muster.Errorf(muster.Unavailable, "the process ends")
			}
			return nil
		}
		err = w.RemoveSource(t.Context(), "old")
		w.broken = nil
		done := err == nil
		if !done {
			sources, err := w.ListSources(t.Context())
			check(t, err)
			if len(sources.Sources) == 2 && !sources.Sources[1].Leaving {
				t.Fatalf("after %d writes: %+v", n, sources)
			}
			if len(sources.Sources) == 2 && n%7 == 0 {
				_, err = w.Import(t.Context(), ImportOptions{Source: "old", Form: "debian", Shrink: true}, strings.NewReader("{}"))
				wantKind(t, err, muster.Conflict)
			}
			w.pass(time.Hour)
			w.follow()
		}
		same(t, "findings", w.found(nil, h, api.FindingQuery{}), []string{"CVE-2026-1 curl 2 high"})
		if news := w.news(nil); len(news) != before {
			t.Errorf("after %d writes sites are told: %q", n, news[before:])
		}
		w.sameAs(w.anew([]brought{{"debian", "debian", debian}}), "removed")
		var rows int
		check(t, w.DB.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT COUNT(*) FROM advisories_advisory WHERE source = 2").Scan(&rows)
		}))
		if rows != 0 {
			t.Errorf("%d advisories are left", rows)
		}
		_, err = w.source(t.Context(), "old")
		wantKind(t, err, muster.NotFound)
		wantKind(t, w.RemoveSource(t.Context(), "old"), muster.NotFound)
		if done {
			return
		}
	}
}

func TestRemoveConfigured(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), func(c *Config) { c.Sources = []Source{{Name: "debian", Form: "debian", Path: "/nowhere"}} })
	err := w.RemoveSource(t.Context(), "debian")
	wantKind(t, err, muster.Conflict)
	if !strings.Contains(muster.HintOf(err), "advisories.sources") {
		t.Errorf("%v: %s", err, muster.HintOf(err))
	}
}

// TestIgnoreList: a list counts as a whole or not at all, and may be brought again.
func TestIgnoreList(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	h := w.report("LYON", "a", said{}, "curl 1", "bash 1")
	w.bring("debian", "debian", tracker("curl CVE-2026-1 bookworm 2 high", "bash CVE-2026-2 bookworm 2 high"))
	bring := func(list string, want api.AdvisoryIgnoreImport) {
		t.Helper()
		got, err := w.IgnoreList(t.Context(), "eve", []byte(list))
		check(t, err)
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		w.follow()
	}
	const list = "- id: CVE-2026-1\n  reason: one\n- package: bash\n  site: LYON\n  reason: two\n  until: 2099-01-01\n- id: CVE-2026-9\n  reason: old\n  until: 2020-01-01\n"
	bring(list, api.AdvisoryIgnoreImport{Added: 2, Expired: 1})
	same(t, "ignored", w.found(nil, h, api.FindingQuery{}), []string{})
	bring(list, api.AdvisoryIgnoreImport{Unchanged: 2, Expired: 1})
	bring(strings.Replace(list, "two", "three", 1), api.AdvisoryIgnoreImport{Unchanged: 1, Changed: 1, Expired: 1})
	same(t, "changed", w.found(nil, h, api.FindingQuery{Ignored: true}), []string{"CVE-2026-2 bash 2 high (three)", "CVE-2026-1 curl 2 high (one)"})
	page, err := w.Ignored(t.Context(), nil)
	check(t, err)
	if len(page.Ignored) != 2 || page.Ignored[0].By != "eve" {
		t.Errorf("%+v", page)
	}
	for bad, line := range map[string]string{
		"- id: CVE-2026-3\n  reason: fine\n- id: CVE-2026-4\n  platform: nosuch 1\n  reason: r\n": "line 3",
		"- id: CVE-2026-3\n  reason: fine\n- id: CVE-2026-3\n  reason: again\n":                   "line 3 is about the same as line 1",
		"id,package,reason\nCVE-2026-3,,fine\n,*,everything\n":                                    "line 3",
		"- id: CVE-2026-3\n  reason: fine\n- id: CVE-2026-4\n":                                    "line 3",
		"hello": "line 1",
	} {
		_, err := w.IgnoreList(t.Context(), "eve", []byte(bad))
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if page, err = w.Ignored(t.Context(), nil); err != nil || len(page.Ignored) != 2 {
		t.Errorf("a part of a list counts: %+v %v", page, err)
	}
}
