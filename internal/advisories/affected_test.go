package advisories

import (
	"testing"

	"muster/api"
	"muster/internal/db/dbtest"
)

// TestFixElsewhere: a release that has no fix shows none, and who has the version of a
// newer release has the fix; of what is kept as of what was imported.
func TestFixElsewhere(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	w.bring("debian", "debian", `{"curl":{"CVE-2026-1":{"description":"x","scope":"local","releases":{
		"bookworm":{"status":"open","repositories":{"bookworm":"1"},"urgency":"medium"},
		"sid":{"status":"resolved","fixed_version":"3","repositories":{"sid":"3"},"urgency":"medium"}}}}}`)
	old := w.report("LYON", "old", said{}, "curl 1")
	newer := w.report("LYON", "newer", said{}, "curl 3")
	w.follow()
	same(t, "without the fix", w.found(nil, old, api.FindingQuery{}), []string{"CVE-2026-1 curl  medium"})
	same(t, "with it", w.found(nil, newer, api.FindingQuery{}), []string{})
	out, err := w.Show(t.Context(), nil, "CVE-2026-1")
	check(t, err)
	for _, f := range out.Affected {
		if f.FixElsewhere != (f.Release == "12") {
			t.Errorf("%+v", f)
		}
	}
}
