package advisories

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// recent is what came behind an event, as "site advisory severity hosts (names) fixed".
func (w *world) recent(see []string, after int64) (out []string, last int64) {
	w.t.Helper()
	all, last, err := w.Recent(w.t.Context(), see, after, 1000)
	check(w.t, err)
	out = []string{}
	for _, r := range all {
		out = append(out, fmt.Sprintf("%s %s %s %d (%s) %s", r.Site, r.Advisory.ID, r.Advisory.Severity, r.Hosts, strings.Join(r.Names, " "), strings.Join(r.Fixed, " ")))
	}
	return out, last
}

// What came to sites behind an event is listed with its hosts, also where it is many that
// are one event; what left again is not, and what came before never.
func TestRecent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("LYON", "NIKHEF")
		w.report("LYON", "a", said{}, "libssl3 1 openssl 1", "openssl 1", "curl 1")
		w.report("LYON", "b", said{}, "curl 1")
		w.report("NIKHEF", "c", said{}, "curl 1")
		lines := []string{"openssl CVE-1 bookworm 2 high", "curl CVE-2 bookworm - high", "curl CVE-3 bookworm 2 low"}
		w.bring("debian", "debian", tracker(lines...))
		all, first := w.recent(nil, 0)
		same(t, "all", all, []string{"LYON CVE-2 high 2 (a b) ", "NIKHEF CVE-2 high 1 (c) ", "LYON CVE-1 high 1 (a) 2"})
		part, _ := w.recent([]string{"NIKHEF"}, 0)
		same(t, "of one site", part, []string{"NIKHEF CVE-2 high 1 (c) "})
		none, _ := w.recent([]string{}, 0)
		same(t, "of no site", none, []string{})
		none, last := w.recent(nil, first)
		if same(t, "nothing new", none, []string{}); last != first {
			t.Errorf("%d events, then %d", first, last)
		}

		_, err := w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: "CVE-2", Site: "LYON", Reason: "not reachable"})
		check(t, err)
		w.follow()
		all, _ = w.recent(nil, 0)
		same(t, "ignored since", all, []string{"NIKHEF CVE-2 high 1 (c) ", "LYON CVE-1 high 1 (a) 2"})

		_, first = w.recent(nil, 0)
		for i := range togetherNews + 5 {
			lines = append(lines, fmt.Sprintf("curl CVE-1%02d bookworm 2 high", i))
		}
		w.pass(time.Second)
		w.bring("debian", "debian", tracker(lines...))
		if all, _ = w.recent([]string{"NIKHEF"}, first); len(all) != togetherNews+5 || len(w.news([]string{"NIKHEF"})) != 2 {
			t.Errorf("many at once: %d of %q", len(all), w.news(nil))
		}
		w.report("NIKHEF", "c", said{}, "curl 2")
		w.follow()
		all, _ = w.recent([]string{"NIKHEF"}, first)
		same(t, "mended", all, []string{})
	})
}
