package sites

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

// twoSites has hosts at sites A and B, with history, and a key of A.
func twoSites(t testing.TB, d *db.DB) (w *world, key string) {
	w = newWorld(t, d)
	for _, site := range []string{"A", "B"} {
		w.site(site)
		for i := range 3 {
			w.take(w.report(site, fmt.Sprintf("n%d", i), "base 1", "old"+site+" 1"))
		}
	}
	w.later(24 * time.Hour)
	for _, site := range []string{"A", "B"} {
		w.take(w.report(site, "n1", "base 1", "new"+site+" 1"))
	}
	_, k, err := w.AddKey(ctx(t), w.now, "A", Key{})
	check(t, err)
	_, err = w.Ask(ctx(t), w.now, w.report("A", "n9", "base 1"), by("A"))
	check(t, err)
	return w, k.ID
}

// TestRemoveSite has a site go, with all that it had, and another get its name.
func TestRemoveSite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, key := twoSites(t, d)
		before := must(w.HostsAfter(ctx(t), 0, 100))(t)
		old := must(w.HostNamed(ctx(t), "A", "n1"))(t)
		wantKind(t, w.RemoveSite(ctx(t), w.now, "C"), muster.NotFound)
		check(t, w.RemoveSite(ctx(t), w.now, "A"))
		wantKind(t, w.RemoveSite(ctx(t), w.now, "A"), muster.NotFound)
		_, err := w.Take(ctx(t), w.now.Add(time.Hour), w.report("A", "n1", "base 1"), by("A"))
		wantKind(t, err, muster.Denied)
		_, _, err = w.Secret(ctx(t), w.now, key)
		wantKind(t, err, muster.NotFound)
		hidden := func(when string) {
			t.Helper()
			_, err := w.Host(ctx(t), old.ID)
			wantKind(t, err, muster.NotFound)
			all := must(w.Hosts(ctx(t), Filter{Gone: true}, Page{}))(t)
			for _, h := range all {
				if h.Site != "B" {
					t.Errorf("%s host %+v is there", when, h)
				}
			}
			if len(all) != 3 {
				t.Errorf("%s there are %d hosts", when, len(all))
			}
		}
		hidden("at once")
		if all := must(w.Sites.Sites(ctx(t)))(t); len(all) != 1 {
			t.Errorf("sites are %+v", all)
		}
		w.site("A") // anew, before anything was cleared
		if one := must(w.Site(ctx(t), "A"))(t); one.Hosts != 0 {
			t.Errorf("the new site has %d hosts", one.Hosts)
		}
		check(t, w.Clear(ctx(t), w.now))
		hidden("after it was cleared")
		if got := counts(t, d, "sites_host", "sites_seen", "sites_state", "sites_key", "sites_asked", "sites_gone"); got != "host 3, seen 3, state 4, key 0, asked 0, gone 3" {
			t.Errorf("left are %s", got)
		}
		w.later(2 * time.Hour)
		w.weed()
		if got := counts(t, d, "sites_package", "sites_set"); got != "package 3, set 2" {
			t.Errorf("of packages are left %s", got)
		}
		var gone []string
		for _, h := range must(w.HostsAfter(ctx(t), before[len(before)-1].Edited, 100))(t) {
			gone = append(gone, fmt.Sprint(h.ID, h.Gone != 0))
		}
		if got := fmt.Sprint(gone); got != "[1 true 2 true 3 true]" {
			t.Errorf("who follows hosts sees %s", got)
		}
		if all := must(w.RemovedAfter(ctx(t), 0, 10))(t); len(all) != 1 || all[0].Name != "A" || all[0].Number != must(w.Newest(ctx(t)))(t) {
			t.Errorf("who follows sites sees %+v", all)
		}
		if out := w.take(w.report("A", "n1", "base 1")); !out.New {
			t.Errorf("a host of the new site is %+v", out)
		}
		w.later(500 * 24 * time.Hour)
		check(t, w.Prune(ctx(t), w.now))
		if got := counts(t, d, "sites_gone"); got != "gone 0" {
			t.Errorf("after a year: %s", got)
		}
	})
}

// TestRemoveBrokenOff ends the removal after each of its writes: another server takes the
// rest.
func TestRemoveBrokenOff(t *testing.T) {
	for after, whole := 1, false; !whole; after++ {
		d := dbtest.SQLite(t)
		w, _ := twoSites(t, d)
		whole = brokenOff(t, d, after, func(ctx context.Context) error {
			if err := w.RemoveSite(ctx, w.now, "A"); err != nil {
				return err
			}
			return w.Clear(ctx, w.now)
		})
		again := newWorld(t, d)
		check(t, again.Clear(ctx(t), w.now))
		if got := counts(t, d, "sites_site", "sites_host", "sites_seen", "sites_state", "sites_asked", "sites_gone"); got != "site 1, host 3, seen 3, state 4, asked 0, gone 3" {
			t.Errorf("after %d writes and a start: %s", after, got)
		}
		if after > 20 {
			t.Fatal("it does not come to an end")
		}
	}
}

// TestRemoveBeside has a report come in while its site is removed on another server.
func TestRemoveBeside(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w, _ := twoSites(t, first)
		other := newWorld(t, second)
		var reports []*taking
		for _, host := range []string{"n1", "n7"} {
			taking := newTaking(w.Sites, w.now.Add(time.Minute), w.report("A", host, "base 1", "oldA 1"), by("A"))
			taking.r.Time += 60
			check(t, taking.begin(ctx(t)))
			check(t, first.Read(ctx(t), taking.read))
			reports = append(reports, taking)
		}
		check(t, other.RemoveSite(ctx(t), w.now, "A"))
		check(t, other.Clear(ctx(t), w.now))
		for _, taking := range reports {
			err := first.Write(ctx(t), taking.store)
			if !errors.Is(err, errMoved) && muster.KindOf(err) != muster.Denied {
				t.Errorf("%s: %v", taking.r.Host, err)
			}
			_, err = w.Take(ctx(t), w.now.Add(time.Minute), taking.r, by("A"))
			wantKind(t, err, muster.Denied)
		}
		if got := counts(t, first, "sites_host", "sites_state"); got != "host 3, state 4" {
			t.Errorf("left are %s", got)
		}
	})
}

// TestAsked has two servers answer a report that is not kept once.
func TestAsked(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w, other := newWorld(t, first), newWorld(t, second)
		w.site("A", func(s *Site) { s.Quota = Quota{Reports: 5, Hosts: 1} })
		ask := func(at *world, r *sitereport.Report, want bool) {
			t.Helper()
			if got := must(at.Ask(ctx(t), w.now, r, by("A")))(t); got != want {
				t.Errorf("host %s at %d is asked first: %v", r.Host, r.Time, got)
			}
		}
		r := w.report("A", "n1", "base 1")
		if must(w.Asked(ctx(t), r))(t) {
			t.Error("it was asked before it was")
		}
		ask(w, r, true)
		ask(other, r, false)
		if !must(other.Asked(ctx(t), r))(t) {
			t.Error("the other server does not know that it was asked")
		}
		late := w.report("A", "n1", "base 1")
		late.Time -= 3601
		ask(w, late, false)
		w.take(r) // it may be kept all the same
		_, err := other.Ask(ctx(t), w.now, r, by("A"))
		wantKind(t, err, muster.Conflict)
		_, err = w.Ask(ctx(t), w.now, w.report("A", "n2", "base 1"), by("A")) // hosts are used up, and none is added
		check(t, err)
		_, err = w.Ask(ctx(t), w.now, w.report("A", "n2", "base 1"), by("A"))
		wantKind(t, err, muster.Busy)
		check(t, w.Prune(ctx(t), w.now.Add(time.Hour)))
		if got := counts(t, first, "sites_asked"); got != "asked 2" {
			t.Errorf("remembered are %s", got)
		}
		check(t, w.Prune(ctx(t), w.now.Add(3*time.Hour)))
		if got := counts(t, first, "sites_asked"); got != "asked 0" {
			t.Errorf("remembered are %s, which nobody is answered with any more", got)
		}
	})
}
