package hosts

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/inventory"
	"muster/search"
)

// found is how many hosts a search finds.
func (w *world) found(query string) int {
	w.t.Helper()
	page, err := w.List(context.Background(), api.HostQuery{Query: query, Count: true})
	if err != nil || len(page.Hosts) != page.Total {
		w.t.Fatalf("%s: %d hosts of %d, %v", query, len(page.Hosts), page.Total, err)
	}
	return page.Total
}

// TestCensus has what memory keeps for searches follow what happens here, and on
// another server of the database.
func TestCensus(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w := newWorld(t, first)
		one, two := joined(w, 1), joined(w, 2)
		other := newWorld(t, second)
		holds := func(want map[string]int) {
			t.Helper()
			for query, n := range want {
				for name, s := range map[string]*world{"here": w, "there": other} {
					if got := s.found(query); got != n {
						t.Errorf("%s, %s finds %d hosts, want %d", name, query, got, n)
					}
				}
			}
		}
		holds(map[string]int{"pc-000001": 1, "-pc-000001": 1, "example.org": 2, "-example.org": 0, "package:lib-package-*": 0, "-package:lib-package-*": 2})
		one.put(w, desktop(1, 5))
		holds(map[string]int{"pc-000001": 1, "package:lib-package-*": 1, "-package:lib-package-*": 1, "ip:10.0.0.0/20": 1, "ip:10.0.16.0/20": 0, "alice": 1})
		name := "reception"
		if err := other.Edit(t.Context(), "alice", two.id, api.HostEdit{Name: &name}); err != nil {
			t.Fatal(err)
		}
		holds(map[string]int{"reception": 1, "rec?ption": 1, "re*tion": 1})
		doc := inventory.New()
		doc.System = &inventory.System{Hostname: "pc", OS: "linux", Arch: "amd64"}
		one.put(w, doc)
		holds(map[string]int{"package:lib-package-*": 0, "alice": 0, "-alice": 2})
		if err := w.Forget(t.Context(), "alice", two.id); err != nil {
			t.Fatal(err)
		}
		holds(map[string]int{"reception": 0, "-reception": 1, "-alice": 1})
	})
}

// TestCensusWrites has a transaction that writes see what it wrote, and memory not learn
// it before it is there: this one is taken back.
func TestCensusWrites(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		one, two := joined(w, 1), joined(w, 2)
		if n := w.found("unit:paris"); n != 0 {
			t.Fatalf("%d hosts", n)
		}
		q, err := search.Parse("-unit:paris")
		if err != nil {
			t.Fatal(err)
		}
		p := w.Hosts.Part(search.Within(q), search.Everything(), nil)
		regret := errors.New("regret")
		err = w.DB.Write(t.Context(), func(tx *db.Tx) error {
			unit := "paris"
			ed := edition{HostEdit: api.HostEdit{Unit: &unit}, part: w.Part}
			r, err := p.find(tx, one.id)
			if err != nil {
				return err
			}
			if err := ed.apply(tx, r, 0); err != nil {
				return err
			}
			if _, err := p.find(tx, one.id); muster.KindOf(err) != muster.NotFound {
				t.Errorf("it is still seen: %v", err)
			}
			if _, err := p.find(tx, two.id); err != nil {
				t.Errorf("the other is not: %v", err)
			}
			return regret
		})
		if !errors.Is(err, regret) {
			t.Fatal(err)
		}
		two.put(w, desktop(2, 0)) // takes the number that the change had
		if n := w.found("unit:paris"); n != 0 || w.found("alice") != 1 {
			t.Errorf("%d hosts are where none was left", n)
		}
	})
}

// TestCensusBusy has who comes while all is being read told to come again.
func TestCensusBusy(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	joined(w, 1)
	w.census.patience = time.Nanosecond
	w.census.turn <- struct{}{}
	if _, err := w.List(t.Context(), api.HostQuery{}); muster.KindOf(err) != muster.Busy {
		t.Errorf("while another reads: %v", err)
	}
	<-w.census.turn
	w.census.patience = time.Minute
	if n := w.found(""); n != 1 {
		t.Errorf("%d hosts", n)
	}
}

// TestAmong has lists of hosts, and of the others, name the same ones; never what is of
// none, such as the event of a host that is gone.
func TestAmong(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i := range 4 {
			joined(w, i+1)
		}
		count := func(sql string, err error) (n int) {
			t.Helper()
			if err == nil {
				err = d.Read(t.Context(), func(tx *db.Tx) error {
					return tx.QueryRow("SELECT count(*) FROM (SELECT num FROM hosts_host UNION SELECT 0 AS num) x WHERE " + sql).Scan(&n)
				})
			}
			if err != nil {
				t.Error(err)
			}
			return n
		}
		for nums, others := range map[int][]int64{0: {1, 2, 3, 4}, 1: {2, 3, 4}, 3: {4}, 4: nil} {
			if n := count(among("x.num", []int64{1, 2, 3, 4}[:nums], nil)); n != nums {
				t.Errorf("%d are %d", nums, n)
			}
			if n := count(notAmong("x.num", others)); n != nums {
				t.Errorf("those that are not %v are %d, want %d", others, n, nums)
			}
		}
		many := make([]int64, 2*fewHosts)
		for i := range many {
			many[i] = int64(i)
		}
		if n := count(among("x.num", many, nil)); n != 5 {
			t.Errorf("of many, %d", n)
		}
	})
}

// TestHolders holds sets of hosts, in both forms, against a map.
func TestHolders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 700 // few are up to 21
		var h holders
		truth := map[uint32]bool{}
		for range rapid.IntRange(0, 100).Draw(t, "changes") {
			place := rapid.Uint32Range(0, size-1).Draw(t, "place")
			if rapid.IntRange(0, 3).Draw(t, "leaves") > 0 {
				h.add(place, size)
				truth[place] = true
			} else if h.has(place) {
				h.remove(place)
				delete(truth, place)
			}
		}
		found, even := make(hostSet, (size+63)/64), make(hostSet, (size+63)/64)
		h.find(found)
		n := 0
		for place := range uint32(size) {
			if place%2 == 0 {
				even.add(place)
			}
			if truth[place] && place%2 == 0 {
				n++
			}
			if h.has(place) != truth[place] || found.has(place) != truth[place] {
				t.Fatalf("%d: %v", place, truth[place])
			}
		}
		if h.n != len(truth) || found.count() != h.n || h.within(even) != n {
			t.Fatalf("%d of %d, %d of %d", h.n, len(truth), h.within(even), n)
		}
	})
}

// TestWords holds that what hosts said stays what it was, and no longer than they do.
func TestWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newTextColumn()
		truth := make([]string, 20)
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			place := rapid.IntRange(0, 19).Draw(t, "place")
			truth[place] = rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "text")
			c.put(uint32(place), truth[place])
		}
		different := map[string]bool{"": true}
		for place := range c.of {
			different[truth[place]] = true
			if got := c.text(uint32(place)); got != truth[place] {
				t.Fatalf("%d says %q, want %q", place, got, truth[place])
			}
		}
		if len(c.number) != len(different) || len(c.word) > 6 {
			t.Fatalf("%d words of %d are kept", len(c.number), len(different))
		}
	})
}

func TestLongest(t *testing.T) {
	for like, want := range map[string]string{"": "", "%": "", "%pc%": "pc", "a%bcd_e": "bcd", "100!%!!_x": "100%!", "é%": "é", "!": "!"} {
		if got := longest(like); got != want {
			t.Errorf("%q has %q, want %q", like, got, want)
		}
	}
}

// TestCounts has several searches counted at once, and again after what they find has
// changed: by a change, by presence, by the time alone.
func TestCounts(t *testing.T) {
	dbtest.InTurn(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		one := joined(w, 1)
		joined(w, 2)
		searches := []string{"", "unit:lab", "seen<1h", "name:nobody"}
		counted := func(want ...int) {
			t.Helper()
			for range 2 {
				if got, err := w.Counts(t.Context(), searches); err != nil || !slices.Equal(got, want) {
					t.Errorf("counted %v, want %v; %v", got, want, err)
				}
			}
		}
		counted(2, 0, 2, 0)
		unit := "lab"
		if err := w.Edit(t.Context(), "alice", one.id, api.HostEdit{Unit: &unit}); err != nil {
			t.Fatal(err)
		}
		counted(2, 1, 2, 0)
		w.pass(2 * time.Hour)
		counted(2, 1, 0, 0)
		if _, err := one.checkIn(w, api.CheckIn{}); err != nil {
			t.Fatal(err)
		}
		if err := w.FlushPresence(t.Context()); err != nil {
			t.Fatal(err)
		}
		counted(2, 1, 1, 0)
		if _, err := w.Counts(t.Context(), make([]string, maxCounts+1)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("too many: %v", err)
		}
		if _, err := w.Counts(t.Context(), []string{"nofield:x"}); muster.KindOf(err) != muster.Invalid {
			t.Errorf("no search: %v", err)
		}
	})
}
