package sites

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// counts reads how many rows tables have: "sites_host 1, sites_set 2".
func counts(t testing.TB, d *db.DB, tables ...string) string {
	t.Helper()
	var all []string
	check(t, d.Read(ctx(t), func(tx *db.Tx) error {
		for _, table := range tables {
			var n int
			if err := tx.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
				return err
			}
			all = append(all, fmt.Sprint(strings.TrimPrefix(table, "sites_"), " ", n))
		}
		return nil
	}))
	return strings.Join(all, ", ")
}

func (w *world) dictionary() string {
	w.t.Helper()
	return counts(w.t, w.DB, "sites_package", "sites_system", "sites_platform")
}

// weed prunes and weeds, as the hour and the day do.
func (w *world) weed() {
	w.t.Helper()
	check(w.t, w.Prune(ctx(w.t), w.now))
	check(w.t, w.Weed(ctx(w.t), w.now))
}

// TestWeed has packages, systems and platforms go when no host and no history has them,
// and come back as others.
func TestWeed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A", func(s *Site) { s.Forget, s.Past = 24*time.Hour, 20*24*time.Hour })
		w.site("B")
		w.take(w.report("B", "n", "base 1", "glibc 2"))
		old := w.report("A", "n", "base 1", "gone 1", "gone 2")
		w.take(old)
		other := w.report("A", "x", "gone 3")
		other.System.ID, other.System.Kernel = "rocky", "5.14"
		w.take(other)
		w.weed() // nothing is old enough
		if got := w.dictionary(); got != "package 5, system 2, platform 2" {
			t.Errorf("all that hosts have: %s", got)
		}
		w.later(48 * time.Hour)
		w.weed()
		if got := w.dictionary(); got != "package 5, system 2, platform 2" {
			t.Errorf("all that is history: %s", got)
		}
		w.later(40 * 24 * time.Hour)
		w.take(w.report("B", "n", "base 1", "glibc 3"))
		all := must(w.KnownAfter(ctx(t), 0, 100))(t)
		w.weed()
		if got := w.dictionary(); got != "package 3, system 1, platform 1" {
			t.Errorf("what is left: %s", got)
		}
		var absent []string
		ids := must(w.Absent(ctx(t), numbersOf(all)))(t)
		for _, k := range all {
			if slices.Contains(ids, k.ID) {
				absent = append(absent, k.Package.Name+" "+k.Package.Version)
			}
		}
		if got := fmt.Sprint(sorted(absent)); got != "[gone 1 gone 2 gone 3]" {
			t.Errorf("absent are %s", got)
		}
		h := must(w.HostNamed(ctx(t), "B", "n"))(t)
		if got := fmt.Sprint(w.has(h.ID, 0), w.has(h.ID, began.Unix())); got != "[base 1 glibc 3] [base 1 glibc 2]" {
			t.Errorf("the host that stays has and had %s", got)
		}
		last := all[len(all)-1].ID
		back := w.take(w.report("A", "n", "base 1", "gone 1", "gone 2"))
		if got := fmt.Sprint(w.has(back.Host, 0)); got != "[base 1 gone 1 gone 2]" || back.Packages != 2 {
			t.Errorf("the host that comes back is %+v with %s", back, got)
		}
		if fresh := must(w.KnownAfter(ctx(t), last, 100))(t); len(fresh) != 2 {
			t.Errorf("packages that come back have no numbers of their own: %+v", fresh)
		}
	})
}

func numbersOf(all []Known) (ids []int64) {
	for _, k := range all {
		ids = append(ids, k.ID)
	}
	return ids
}

// TestWeedBeside has one server weed while another has looked up packages that no set has:
// in the database, or in memory long before.
func TestWeedBeside(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w, other := newWorld(t, first), newWorld(t, second)
		w.site("A")
		w.take(w.report("A", "n1", "base 1", "lib 1"))
		w.later(2 * time.Hour)
		w.take(w.report("A", "n1", "base 1"))
		weed := func() {
			t.Helper()
			other.now = w.now
			check(t, second.Write(ctx(t), func(tx *db.Tx) error { // as if the history had ended
				_, err := tx.Exec("DELETE FROM sites_state WHERE until > 0")
				return err
			}))
			other.weed()
			if got := other.dictionary(); got != "package 1, system 1, platform 1" {
				t.Errorf("the other server left %s", got)
			}
		}
		taking := newTaking(w.Sites, w.now, w.report("A", "n2", "base 1", "lib 1"), by("A"))
		check(t, taking.begin(ctx(t)))
		check(t, first.Read(ctx(t), taking.read))
		if len(taking.missing) != 0 {
			t.Fatal("lib 1 is not known")
		}
		weed()
		if err := first.Write(ctx(t), taking.store); !errors.Is(err, errMoved) {
			t.Fatalf("a set with a package that is gone: %v", err)
		}
		check(t, taking.once(ctx(t)))
		if got := fmt.Sprint(w.has(taking.out.Host, 0)); got != "[base 1 lib 1]" {
			t.Errorf("n2 has %s", got)
		}
		check(t, w.Forget(ctx(t), w.now, taking.out.Host))
		w.later(60 * 24 * time.Hour)
		check(t, second.Write(ctx(t), func(tx *db.Tx) error {
			for _, rows := range []string{"sites_state WHERE host", "sites_seen WHERE host", "sites_host WHERE num"} {
				if _, err := tx.Exec("DELETE FROM "+rows+" = ?", taking.out.Host); err != nil {
					return err
				}
			}
			return nil
		}))
		weed()
		// Memory of the first has numbers from before.
		out := w.take(w.report("A", "n3", "base 1", "lib 1"))
		if got := fmt.Sprint(w.has(out.Host, 0), other.has(out.Host, 0)); got != "[base 1 lib 1] [base 1 lib 1]" {
			t.Errorf("n3 has %s", got)
		}
	})
}

// brokenOff runs f until so many writes were done, then ends its context, as the end of a
// server does; it reports whether f came to its end all the same.
func brokenOff(t *testing.T, d *db.DB, writes int, f func(context.Context) error) bool {
	t.Helper()
	ends, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	d.Observe(func(b db.Batch) {
		mu.Lock()
		defer mu.Unlock()
		if writes -= b.Writes; writes <= 0 {
			cancel()
		}
	})
	err := f(ends)
	d.Observe(func(db.Batch) {})
	if err != nil && ends.Err() == nil {
		t.Fatal(err)
	}
	return err == nil
}

// TestWeedBrokenOff ends weeding after each of its writes: what is left is whole, and the
// next time takes the rest.
func TestWeedBrokenOff(t *testing.T) {
	for after, whole := 1, false; !whole; after++ {
		d := dbtest.SQLite(t)
		w := newWorld(t, d)
		w.site("A", func(s *Site) { s.Past = 24 * time.Hour })
		w.take(w.manyPackages("A", "n", 2*weedAtOnce+5))
		w.later(2 * time.Hour)
		odd := w.report("A", "n", "base 1")
		odd.System.ID = "rocky"
		w.take(odd)
		w.later(30 * 24 * time.Hour)
		check(t, w.Prune(ctx(t), w.now))
		whole = brokenOff(t, d, after, func(ctx context.Context) error { return w.Weed(ctx, w.now) })
		again := newWorld(t, d)
		again.now = w.now
		h := must(again.HostNamed(ctx(t), "A", "n"))(t)
		if got := fmt.Sprint(again.has(h.ID, 0)); got != "[base 1]" {
			t.Errorf("after %d writes the host has %s", after, got)
		}
		again.weed()
		if got := again.dictionary(); got != "package 1, system 1, platform 1" {
			t.Errorf("after %d writes and a start: %s", after, got)
		}
		if after > 20 {
			t.Fatal("it does not come to an end")
		}
	}
}

// TestWeedMany has hosts of two servers report at once while a third weeds again and again
// what was seen a moment ago: nobody has anything else than they said.
func TestWeedMany(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w, other := newWorld(t, first), newWorld(t, second)
		w.site("A", func(s *Site) { s.Past = 0 })
		const hosts, turns = 6, 12
		weeding, stop := context.WithCancel(t.Context())
		var weeds sync.WaitGroup
		for _, s := range []*Sites{w.Sites, other.Sites} {
			weeds.Go(func() {
				for weeding.Err() == nil {
					later := began.Add(time.Duration(turns) * 48 * time.Hour)
					if err := errors.Join(s.Prune(weeding, later), s.Weed(weeding, later)); err != nil && weeding.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		var reports sync.WaitGroup
		var last [hosts][]string
		for host := range hosts {
			server := &world{Sites: []*Sites{w.Sites, other.Sites}[host%2], t: t, now: began, count: host * 1000}
			reports.Go(func() {
				r := rand.New(rand.NewPCG(uint64(host), 3))
				for range turns {
					server.later(24 * time.Hour)
					has := map[string]bool{"base 1": true}
					for range 4 {
						has[fmt.Sprintf("lib %d", r.IntN(12))] = true
					}
					last[host] = nil
					for text := range has {
						last[host] = append(last[host], text)
					}
					report := server.report("A", fmt.Sprintf("n%d", host), last[host]...)
					_, err := server.Take(t.Context(), server.now, report, by("A"))
					for muster.KindOf(err) == muster.Busy {
						_, err = server.Take(t.Context(), server.now, report, by("A"))
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		reports.Wait()
		stop()
		weeds.Wait()
		w.now = began.Add(time.Duration(turns) * 48 * time.Hour)
		w.weed()
		want := map[string]bool{}
		for host := range hosts {
			h := must(w.HostNamed(ctx(t), "A", fmt.Sprintf("n%d", host)))(t)
			if got := w.has(h.ID, 0); !slices.Equal(got, sorted(last[host])) {
				t.Errorf("n%d has %v, and said %v", host, got, last[host])
			}
			for _, text := range last[host] {
				want[text] = true
			}
		}
		if got := counts(t, first, "sites_package"); got != fmt.Sprint("package ", len(want)) {
			t.Errorf("%s is left of %d", got, len(want))
		}
	})
}

// TestWeedDaily has two servers of a database weed once a day, and not when the first of
// them starts.
func TestWeedDaily(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		calls := 0
		w := newWorld(t, first, func(c *Config) { c.Weeded = func(context.Context) error { calls++; return nil } })
		other := newWorld(t, second, func(c *Config) { c.Weeded = w.Weeded })
		for hour := range 49 {
			now := began.Add(time.Duration(hour) * time.Hour)
			check(t, w.weedDaily(ctx(t), now, "a"))
			check(t, other.weedDaily(ctx(t), now, "b"))
		}
		if calls != 2 {
			t.Errorf("in 48 hours they weeded %d times", calls)
		}
	})
}
