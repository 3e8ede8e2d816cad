package advisories

import (
	"strings"
	"testing"

	"muster/api"
	"muster/internal/db/dbtest"
)

// TestIgnoreOneOfTwo: who decided about one vulnerability of an advisory said nothing
// about the other: it stays open, says so, and is counted.
func TestIgnoreOneOfTwo(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	h := w.report("LYON", "a", said{}, "curl 1")
	doc := func(cves string) string {
		return `{"id":"DSA-1","upstream":[` + cves + `],"modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}`
	}
	w.bring("osv", "osv", doc(`"CVE-2026-1","CVE-2026-2"`))
	expect := func(when, note, reason string) {
		t.Helper()
		w.follow()
		out, err := w.HostFindings(t.Context(), nil, h, api.FindingQuery{Ignored: true})
		check(t, err)
		if len(out.Findings) != 1 {
			t.Fatalf("%s: %+v", when, out.Findings)
		}
		f, open := out.Findings[0], reason == ""
		if f.Note != note || open != (f.Ignored == nil) || !open && f.Ignored.Reason != reason {
			t.Errorf("%s: note %q, ignored %+v", when, f.Note, f.Ignored)
		}
		counts, err := w.HostCounts(t.Context(), nil, []int64{h})
		check(t, err)
		if out.Counts != counts[h] || open != (out.Counts.Ignored == 0) {
			t.Errorf("%s: counts %+v, kept %+v", when, out.Counts, counts[h])
		}
	}
	expect("before", "", "")
	for _, cve := range []string{"CVE-2026-1", "CVE-2026-2"} {
		_, err := w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: cve, Reason: strings.ToLower(cve)})
		check(t, err)
		if cve == "CVE-2026-1" {
			expect("one", "ignored but for CVE-2026-2", "")
		}
	}
	expect("both", "", "cve-2026-1")
	w.bring("osv", "osv", doc(`"CVE-2026-1","CVE-2026-2","CVE-2026-3"`))
	expect("a third", "ignored but for CVE-2026-3", "")
	w.bring("osv", "osv", doc(`"CVE-2026-1"`))
	expect("one left", "", "cve-2026-1")
}
