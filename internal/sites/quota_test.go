package sites

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

// watched counts the writes of a database from now on, and those that were refused.
func watched(t *testing.T, d *db.DB) func() (writes, refused int) {
	t.Helper()
	var mu sync.Mutex
	var writes, refused int
	d.Observe(func(b db.Batch) {
		mu.Lock()
		defer mu.Unlock()
		writes, refused = writes+b.Writes, refused+b.Refused
	})
	return func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		w, r := writes, refused
		writes, refused = 0, 0
		return w, r
	}
}

// manyPackages is a report of packages that no other report has.
func (w *world) manyPackages(site, host string, n int) *sitereport.Report {
	r := w.report(site, host)
	for i := range n {
		r.Packages = append(r.Packages, sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("x%05d-%d", i, w.count), Version: "1"})
	}
	return r
}

// TestRefusedBeside has quotas refuse reports that bring many packages: nothing is written
// that is taken back, which all others would wait for, and the attempts count.
func TestRefusedBeside(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A", func(s *Site) { s.Quota = Quota{Hosts: 1, Packages: 3000, Reports: 4} })
		w.take(w.report("A", "n1", "bash 1"))
		w.later(time.Minute)
		count := watched(t, d)
		for i, c := range []struct {
			what   string
			r      *sitereport.Report
			writes int // the attempt; none where the reports of the day are used up
		}{
			{"too many packages", w.manyPackages("A", "n1", 3000), 1},
			{"too many hosts", w.manyPackages("A", "n2", 2000), 1},
			{"too many packages once more", w.manyPackages("A", "n1", 3000), 1},
			{"too many reports", w.manyPackages("A", "n1", 2), 0},
			{"too many reports that say the same", w.report("A", "n1", "bash 1"), 0},
		} {
			_, err := w.Take(ctx(t), w.now, c.r, by("A"))
			if muster.KindOf(err) != muster.Busy {
				t.Errorf("%d: %s: %v", i, c.what, err)
			}
			if writes, refused := count(); writes != c.writes || refused != 0 {
				t.Errorf("%s: %d writes, %d taken back", c.what, writes, refused)
			}
		}
		if all := must(w.KnownAfter(ctx(t), 1, 10))(t); len(all) != 0 {
			t.Errorf("what was refused is in the dictionary: %+v", all[0])
		}
	})
}

// TestWaitedAttempts has a report that waits here tried again and again: only its sender's
// attempts count.
func TestWaitedAttempts(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("A", func(s *Site) { s.Quota = Quota{Hosts: 1, Reports: 3} })
	w.take(w.report("A", "n1", "bash 1"))
	from := by("A")
	from.Came = w.now
	w.later(time.Hour)
	for range 5 {
		_, err := w.Take(ctx(t), w.now, w.report("A", "n2", "bash 1"), from)
		wantKind(t, err, muster.Busy)
	}
	w.take(w.report("A", "n1", "bash 2"))
	from.Came = w.now
	w.later(time.Second)
	for range 5 {
		_, err := w.Take(ctx(t), w.now, w.report("A", "n2", "bash 1"), from)
		wantKind(t, err, muster.Busy)
	}
	_, err := w.Take(ctx(t), w.now, w.report("A", "n1", "bash 3"), by("A"))
	wantKind(t, err, muster.Busy)
}

// TestManyWrites has a report bring more packages than one write adds: others come in
// between, and it is all there at the end.
func TestManyWrites(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A", func(s *Site) { s.Quota = Quota{Packages: 2*wordsAtOnce + 1} })
		count := watched(t, d)
		out := w.take(w.manyPackages("A", "n1", 2*wordsAtOnce+1))
		if writes, refused := count(); writes != 4 || refused != 0 {
			t.Errorf("%d writes, %d taken back, for 3 parts and the host", writes, refused)
		}
		if out.Packages != 2*wordsAtOnce+1 || len(w.has(out.Host, 0)) != out.Packages {
			t.Errorf("taken as %+v", out)
		}
		_, err := w.Take(ctx(t), w.now, w.report("A", "n2", "bash 1"), by("A"))
		wantKind(t, err, muster.Busy)
	})
}

// TestYear has a site bring new packages every day: those of a year have a bound too.
func TestYear(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A", func(s *Site) { s.Quota = Quota{Packages: 3} })
		w.site("B")
		for range fullDays - 1 {
			w.take(w.manyPackages("A", "n1", 3))
			w.later(24 * time.Hour)
		}
		w.take(w.report("A", "n1", "bash 1", "bash 2"))
		w.later(24 * time.Hour)
		_, err := w.Take(ctx(t), w.now, w.manyPackages("A", "n1", 3), by("A"))
		wantKind(t, err, muster.Busy)
		w.take(w.report("A", "n1", "bash 2"))
		w.take(w.manyPackages("B", "n1", 100))
		w.later(365 * 24 * time.Hour)
		w.take(w.manyPackages("A", "n1", 3))
	})
}
