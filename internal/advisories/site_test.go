package advisories

import (
	"fmt"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
)

// kept counts the rows of the dictionary of which tables keep something.
func (w *world) kept() (all []int) {
	w.t.Helper()
	check(w.t, w.DB.Read(w.t.Context(), func(tx *db.Tx) error {
		all = nil
		for _, table := range keptOf {
			var n int
			if err := tx.QueryRow("SELECT COUNT(DISTINCT known) FROM " + table).Scan(&n); err != nil {
				return err
			}
			all = append(all, n)
		}
		return nil
	}))
	return all
}

// TestForgetRows has packages go from the dictionary: what was found in them goes too, also
// where a server ends in between, and nothing else does.
func TestForgetRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		check(t, w.sites.PutSite(t.Context(), w.now, sites.Site{Name: "LYON"})) // history ends at once
		w.bring("debian", "debian", tracker("openssl CVE-1 bookworm 9 high", "curl CVE-2 bookworm - high"))
		host := w.report("LYON", "a", said{}, "libssl3 1 openssl 1", "openssl 1", "curl 1")
		w.follow()
		before := w.kept()
		w.report("LYON", "a", said{}, "libssl3 2 openssl 2", "curl 1")
		w.follow()
		w.pass(3 * time.Hour)
		check(t, w.sites.Prune(t.Context(), w.now))
		check(t, w.sites.Weed(t.Context(), w.now))
		want := w.found(nil, host, api.FindingQuery{})
		w.broken = func(after bool) error { return fmt.Errorf("broken: %v", after) }
		if w.ForgetRows(t.Context(), w.sites.Absent) == nil {
			t.Error("nothing was written")
		}
		w.broken = nil
		for range 2 {
			check(t, w.ForgetRows(t.Context(), w.sites.Absent))
		}
		if got := w.kept(); before[0] != 3 || got[0] != 2 || got[1] != 2 {
			t.Errorf("kept were %v, and are %v", before, got)
		}
		same(t, "found", w.found(nil, host, api.FindingQuery{}), want)
		w.report("LYON", "a", said{}, "openssl 1", "curl 1")
		w.follow()
		same(t, "when it comes back", w.found(nil, host, api.FindingQuery{}), []string{"CVE-2 curl  high", "CVE-1 openssl 9 high"})
	})
}

// TestForgetSite has a site go: what was counted, and what was ignored there.
func TestForgetSite(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON", "BERN")
	w.bring("debian", "debian", tracker("curl CVE-2 bookworm - high"))
	w.report("LYON", "a", said{}, "curl 1")
	w.report("BERN", "a", said{}, "curl 1")
	for _, site := range []string{"LYON", "BERN"} {
		_, err := w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: "CVE-2", Site: site, Reason: "x"})
		check(t, err)
	}
	w.follow()
	check(t, w.sites.RemoveSite(t.Context(), w.now, "LYON"))
	check(t, w.sites.Clear(t.Context(), w.now))
	check(t, w.ForgetSite(t.Context(), "LYON"))
	w.follow()
	out, err := w.Ignored(t.Context(), nil)
	check(t, err)
	if len(out.Ignored) != 1 || out.Ignored[0].Site != "BERN" {
		t.Errorf("ignored are %+v", out.Ignored)
	}
	standing, err := w.Standing(t.Context(), nil)
	check(t, err)
	if len(standing.Sites) != 1 || standing.Sites[0].Site != "BERN" {
		t.Errorf("sites stand %+v", standing.Sites)
	}
	trend, err := w.Trend(t.Context(), nil, "LYON", 0)
	check(t, err)
	if len(trend.Points) != 0 {
		t.Errorf("LYON stood %+v", trend.Points)
	}
	w.site("LYON")
	w.report("LYON", "a", said{}, "curl 1")
	w.follow()
	standing, err = w.Standing(t.Context(), []string{"LYON"})
	if check(t, err); len(standing.Sites) != 1 || standing.Sites[0].Worst.High != 1 {
		t.Errorf("LYON anew stands %+v", standing.Sites)
	}
}
