package references

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
)

// tight holds memory to the packages that hosts have: those and no others.
func tight(t *testing.T, r *References) {
	t.Helper()
	want := map[int64]int{}
	for _, st := range r.fleet.states {
		st.has.each(func(first, n int64) {
			for id := first; id < first+n; id++ {
				want[id]++
			}
		})
	}
	got := map[int64]int{}
	r.fleet.words.each(func(id int64, w **word) { got[id] = (*w).states })
	if !maps.Equal(got, want) {
		t.Errorf("packages by how many states have them: %v, not %v", got, want)
	}
	for name, v := range r.views {
		unlisted := make([]int, len(v.unlisted))
		n := 0
		v.places.each(func(id int64, p *place) {
			if n++; want[id] == 0 {
				t.Errorf("list %s judges package %d, which nobody has", name, id)
			}
			if int(p.own) >= len(v.absent) {
				unlisted[int(p.own)-len(v.absent)]++
			}
		})
		empty := len(slices.DeleteFunc(slices.Clone(unlisted), func(n int) bool { return n > 0 }))
		if n != len(want) || !slices.Equal(unlisted, v.members) || empty != v.empty {
			t.Errorf("list %s: %d packages of %d, unexpected %v, not %v, %d of none, not %d", name, n, len(want), v.members, unlisted, v.empty, empty)
		}
	}
}

// TestWordsGo has hosts change, be forgotten and come back, in states of their own and in
// those of others, while the dictionary is weeded: memory has what they have.
func TestWordsGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, "A", "B")
		check(t, w.sites.PutSite(t.Context(), w.time, sites.Site{Name: "A"})) // history ends at once
		w.put("open", "packages: [{name: lib0, want: '>= 2'}, {name: lib1, want: '>= 1'}]")
		w.put("complete", "complete: true\npackages: [{name: lib0, want: '>= 2'}]")
		random := rand.New(rand.NewPCG(3, 4))
		var ids []int64
		for step := range 60 {
			w.later(2 * time.Hour)
			var has []string
			for lib := range 8 {
				if v := random.IntN(4); v > 0 {
					has = append(has, fmt.Sprintf("lib%d %d.%d amd64", lib, v, step/20))
				}
			}
			for range 1 + random.IntN(3) { // several are alike
				w.later(time.Second)
				ids = append(ids, w.report([]string{"A", "B"}[random.IntN(2)], fmt.Sprint("h", random.IntN(8)), has...))
			}
			if step%7 == 6 {
				check(t, w.sites.Forget(t.Context(), w.time, ids[random.IntN(len(ids))]))
			}
			if step%5 == 4 {
				check(t, w.sites.Prune(t.Context(), w.time))
				check(t, w.sites.Weed(t.Context(), w.time.Add(2*time.Hour)))
			}
			if step%3 == 2 {
				check(t, w.Follow(t.Context()))
				tight(t, w.References)
			}
		}
		other := w.open(d)
		check(t, other.Follow(t.Context()))
		tight(t, other)
		for _, list := range []string{"open", "complete"} {
			mine := w.compare(list, Question{By: "package"})
			theirs, err := other.Compare(t.Context(), list, Question{By: "package"})
			check(t, err)
			got, want := byPackage(mine), byPackage(theirs)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("list %s after all changes: %q, and read anew: %q", list, got, want)
			}
		}
	})
}

// TestWorn has strangers bring names of packages that are never there again: what is
// judged by a list does not grow with them.
func TestWorn(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A")
	w.put("l", "complete: true\npackages: [{name: base, want: '>= 1'}]")
	for turn := range 6 {
		has := []string{"base 1 amd64"}
		for i := range 700 {
			has = append(has, fmt.Sprintf("x%d-%d 1 amd64", turn, i))
		}
		w.report("A", "n", has...)
		w.later(time.Minute)
		check(t, w.Follow(t.Context()))
	}
	tight(t, w.References)
	if v := w.views["l"]; len(v.unlisted) > 2500 || v.worn() {
		t.Errorf("the list has rows for %d unexpected packages, %d of them of none", len(v.unlisted), v.empty)
	}
	if c := w.compare("l", Question{By: "package", Limit: 10_000}); len(c.ByPackage) != 701 {
		t.Errorf("%d packages are told of", len(c.ByPackage))
	}
}

// TestSiteGone has a site removed: its hosts leave what is counted, and what was.
func TestSiteGone(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A", "B")
	w.put("l", "packages: [{name: base, want: '>= 2'}]")
	w.report("A", "n", "base 1 amd64")
	w.report("B", "n", "base 1 amd64")
	check(t, w.Follow(t.Context()))
	w.later(24 * time.Hour)
	check(t, w.sites.RemoveSite(t.Context(), w.time, "A"))
	check(t, w.ForgetSite(t.Context(), "A"))
	check(t, w.sites.Clear(t.Context(), w.time))
	check(t, w.Follow(t.Context()))
	tight(t, w.References)
	if got := fmt.Sprint(bySite(w.compare("l", Question{By: "site"}))); got != "[B: 0/1 behind 1 unfit 1]" {
		t.Errorf("compared are %s", got)
	}
	days, err := w.Days(t.Context(), "l", 0, 0, Sight{})
	check(t, err)
	for _, day := range days.Days {
		if day.Site == "A" && day.Hosts > 0 {
			t.Errorf("counted is %+v", day)
		}
	}
}
