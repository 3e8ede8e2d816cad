package sites

import (
	"strings"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/search"
)

// TestSiteNames has no two names that a rule would take for each other, and finds a site by
// its exact name alone: who may see it was decided by that.
func TestSiteNames(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for _, name := range []string{"NIKHEF", "A?B", "Universit\u00e9", strings.Repeat("x", MaxName)} {
			w.site(name)
			w.take(w.report(name, "n1", "bash 1"))
		}
		for _, name := range []string{"nikhef", "N\u0130KHEF", "UNIVERSIT\u00c9", "universite\u0301"} {
			wantKind(t, w.PutSite(ctx(t), w.now, Site{Name: name}), muster.Conflict)
		}
		w.site("NI\u212aHEF")      // the sign of Kelvin, which is K
		w.site("Universite\u0301") // the same record
		if all := must(w.Sites.Sites(ctx(t)))(t); len(all) != 4 {
			t.Errorf("there are %d sites", len(all))
		}
		expr, err := search.Parse(`-site:"A?B"`)
		check(t, err)
		others := search.Within(expr)
		for _, name := range []string{"", "nikhef", "A\xffB", "A\x00B", "Universite\u0301", strings.Repeat("x", MaxName+1), "NIKHEF "} {
			if !others.Site(name) {
				t.Errorf("the rule of all sites but one does not mean %q", name)
			}
			_, err := w.Site(ctx(t), name)
			wantKind(t, err, muster.NotFound)
			_, _, err = w.SiteAt(ctx(t), name, 0)
			wantKind(t, err, muster.NotFound)
			_, err = w.SiteDiff(ctx(t), name, 1, 0)
			wantKind(t, err, muster.NotFound)
			_, err = w.Keys(ctx(t), name)
			wantKind(t, err, muster.NotFound)
			_, err = w.HostNamed(ctx(t), name, "n1")
			if err == nil {
				t.Errorf("site %q has a host", name)
			}
		}
	})
}
