package hosts

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
)

// tells has a machine tell which packages of muster it has: NAME=VERSION, or NAME=VERSION@ROOT.
func (m *machine) tells(w *world, packages ...string) {
	w.t.Helper()
	d := desktop(1, 3)
	d.Muster, d.Audits = nil, nil
	for _, p := range packages {
		p, root, _ := strings.Cut(p, "@")
		name, version, _ := strings.Cut(p, "=")
		d.Muster = append(d.Muster, inventory.Installed{Arch: "all", Kind: "base", Manifest: strings.Repeat("0", 64), Name: name, Root: root, Version: version, Status: "OK"})
	}
	m.put(w, d)
}

// said is a spread as a test reads it: of each package the newest point.
func said(s api.Spread) string {
	var b strings.Builder
	for _, p := range s.Packages {
		newest := api.SpreadPoint{}
		if n := len(p.Hours); n > 0 {
			newest = p.Hours[n-1]
		}
		fmt.Fprintf(&b, "%s %d of %v+%d; ", p.Package, newest.Hosts, newest.Versions, newest.Others)
	}
	return b.String()
}

// TestVersions has servers of one database count versions: of what people chose, what is in
// rollouts, and what many hosts have; once an hour, for two days, and once a day, for a
// year.
func TestVersions(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		rolling := func(c *Config) {
			c.Rolling = func(context.Context) ([]string, func(string) bool, error) {
				return []string{"rolled", "chosen"}, func(name string) bool { return name != "lab" }, nil
			}
		}
		w := newWorld(t, first, rolling)
		other := newWorld(t, second, rolling, func(c *Config) { c.Now = w.time })
		one, two, three := joined(w, 1), joined(w, 2), joined(w, 3)
		one.tells(w, "lab=1", "tool=1.0")
		two.tells(w, "lab=1", "tool=1.0", "tool=1.1@/a", "tool=1.0@/b")
		three.tells(w, "lab=1", "rolled=2", "tool=1.1")
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(w.ChooseSpread(t.Context(), "chosen", true))
		keep := func() {
			t.Helper()
			for _, s := range []*world{other, w} {
				check(s.keepTrend(t.Context()))
			}
		}
		spread := func(q api.SpreadQuery) api.Spread {
			t.Helper()
			out, err := other.Spread(t.Context(), q)
			check(err)
			return out
		}
		keep()
		if got, want := said(spread(api.SpreadQuery{})), "chosen 0 of map[]+0; rolled 1 of map[2:1]+0; tool 3 of map[1.0:2 1.1:2]+0; "; got != want {
			t.Errorf("counted %s, want %s", got, want)
		}
		one.tells(w, "tool=1.1")
		keep() // this hour is counted
		w.pass(time.Hour)
		keep()
		out := spread(api.SpreadQuery{Packages: []string{"tool", "none", "tool"}})
		if got, want := said(out), "tool 3 of map[1.0:1 1.1:3]+0; none 0 of map[]+0; "; got != want || len(out.Packages[0].Hours) != 2 || len(out.Packages[0].Days) != 1 {
			t.Errorf("an hour later %s, want %s; %+v", got, want, out)
		}
		if got := out.Packages[0].Days[0]; fmt.Sprint(got) != fmt.Sprint(out.Packages[0].Hours[1]) {
			t.Errorf("a day is %+v, and not as its last hour", got)
		}
		if out := spread(api.SpreadQuery{Limit: 1}); len(out.Packages) != 1 || out.Packages[0].Package != "chosen" {
			t.Errorf("the first of all: %+v", out)
		}
		w.pass(keepHoursShort - time.Hour)
		keep()
		if p := spread(api.SpreadQuery{Packages: []string{"tool"}}).Packages[0]; len(p.Hours) != 3 || len(p.Days) != 2 {
			t.Errorf("two days later there are %d hours and %d days", len(p.Hours), len(p.Days))
		}
		w.pass(keepDays - 24*time.Hour)
		keep()
		if p := spread(api.SpreadQuery{Packages: []string{"tool"}}).Packages[0]; len(p.Hours) != 1 || len(p.Days) != 2 {
			t.Errorf("a year later there are %d hours and %d days", len(p.Hours), len(p.Days))
		}
		if p := spread(api.SpreadQuery{Packages: []string{"tool"}, From: w.time().Add(-48 * time.Hour).Unix()}).Packages[0]; len(p.Days) != 1 {
			t.Errorf("since two days ago there are %d days", len(p.Days))
		}
	})
}

// TestVersionsBounds counts more versions, and chooses more packages, than are kept.
func TestVersionsBounds(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	var all []string
	for i := range maxVersions + 3 {
		all = append(all, fmt.Sprintf("tool=%02d@/%02d", i, i))
	}
	joined(w, 1).tells(w, all...)
	joined(w, 2).tells(w, "tool=14")
	all = nil
	for i := range maxSpreads + 5 {
		all = append(all, fmt.Sprintf("t%02d=1", i))
	}
	joined(w, 3).tells(w, all...)
	for i := range maxChosen + 1 {
		for range 2 {
			if err := w.ChooseSpread(t.Context(), fmt.Sprintf("c%02d", i), true); (err != nil) != (i == maxChosen) || err != nil && muster.KindOf(err) != muster.Conflict {
				t.Errorf("package %d: %v", i, err)
			}
		}
	}
	for _, err := range []error{w.ChooseSpread(t.Context(), "c00", false), w.ChooseSpread(t.Context(), "c00", false), w.keepTrend(t.Context())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := w.Spread(t.Context(), api.SpreadQuery{})
	if err != nil || len(out.Packages) != maxSpreads || len(out.Chosen) != maxChosen-1 || out.Packages[0].Package != "c01" {
		t.Fatalf("%d packages, chosen %v, %v", len(out.Packages), out.Chosen, err)
	}
	p := out.Packages[maxChosen-1]
	if at := p.Hours[0]; p.Package != "tool" || at.Hosts != 2 || len(at.Versions) != maxVersions || at.Versions["14"] != 2 || at.Others != 3 {
		t.Errorf("%+v", p)
	}
	if _, err := w.Spread(t.Context(), api.SpreadQuery{Packages: make([]string, maxSpreads+1)}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("too many packages are asked for: %v", err)
	}
}
