package references

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/sites"
	"muster/reference"
)

const baseline = `
packages:
- {name: openssl, want: ">= 3.0.17-1"}
- {name: "source:glibc", want: ">= 2.36-9"}
- {name: telnetd, want: absent}
- {name: curl, want: "= 8.5-1", optional: true}
`

// Three sites, a list, its change, hosts that change, and what each view says.
func TestStory(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, "CERN", "DESY")
		w.report("CERN", "a.cern", "openssl 3.0.17-1 amd64", "libc6 2.36-9 amd64 glibc", "libc-bin 2.36-8 amd64 glibc")
		b := w.report("CERN", "b.cern", "openssl 3.0.9-1 amd64", "libc6 2.36-9 amd64 glibc", "telnetd 1 all", "curl 8.5-1 amd64")
		w.report("DESY", "a.desy", "openssl 3.1-1 amd64", "libc6 2.36-9 amd64 glibc", "curl 9-1 amd64")
		first := w.put("baseline", baseline)

		c := w.compare("baseline", Question{By: api.ReferenceByPackage})
		want := []string{"curl: equal 1 ahead 1 unfit 1", "openssl: behind 1 equal 1 ahead 1 unfit 1", "source:glibc: behind 1 equal 2 unfit 1", "telnetd: equal 2 unexpected 1 unfit 1"}
		if got := byPackage(c); !slices.Equal(got, want) || c.Hosts != 3 || c.Fit != 0 || c.Revision != first.Revision {
			t.Errorf("%q %+v", got, c)
		}
		want = []string{"CERN: 0/2 behind 2 equal 4 unexpected 1 unfit 3", "DESY: 0/1 equal 2 ahead 2 unfit 1"}
		if got := bySite(w.compare("baseline", Question{By: api.ReferenceBySite})); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		want = []string{"b.cern: behind 1 equal 2 unexpected 1 unfit 2"}
		if got := byHost(w.compare("baseline", Question{By: api.ReferenceByHost, Verdict: "unexpected"})); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}

		w.later(24 * time.Hour)
		w.report("CERN", "a.cern", "openssl 3.0.17-1 amd64", "libc6 2.36-9 amd64 glibc", "libc-bin 2.36-9 amd64 glibc")
		w.report("CERN", "b.cern", "openssl 3.0.17-1 amd64", "libc6 2.36-9 amd64 glibc", "curl 8.5-1 amd64")
		w.put("baseline", "for: {sites: [C*]}"+baseline)
		want = []string{"CERN: 2/2 equal 7"}
		if got := bySite(w.compare("baseline", Question{By: api.ReferenceBySite})); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}

		// What was, by the list of that day.
		for at, want := range map[time.Time]string{began: "behind 1 equal 2 unexpected 1 unfit 2", w.time: "equal 4"} {
			out, err := w.Host(t.Context(), "baseline", b, at.Unix(), Sight{})
			check(t, err)
			if got := counts(out.Host.Counts); got != want || !out.Covered {
				t.Errorf("at %v: %s, %+v", at, got, out)
			}
		}
		_, err := w.Host(t.Context(), "baseline", b, began.Unix()-1, Sight{})
		wantKind(t, err, muster.NotFound)

		days, err := w.Days(t.Context(), "baseline", began.Unix(), 0, Sight{})
		check(t, err)
		var got []string
		for _, d := range days.Days {
			got = append(got, fmt.Sprintf("%s %s %d/%d %s", d.Day, d.Site, d.Fit, d.Hosts, counts(d.Counts)))
		}
		want = []string{"2026-11-21 CERN 0/2 behind 2 equal 4 unexpected 1 unfit 3", "2026-11-21 DESY 0/1 equal 2 ahead 2 unfit 1", "2026-11-22 CERN 2/2 equal 7", "2026-11-22 DESY 0/0 "}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}

		detail, err := w.Get(t.Context(), "baseline", 0)
		check(t, err)
		old, err := w.Get(t.Context(), "baseline", first.Revision)
		check(t, err)
		if len(detail.Revisions) != 2 || detail.By != "officer" || old.Text != baseline || detail.Text == old.Text {
			t.Errorf("%+v, %+v", detail, old)
		}
		check(t, w.Remove(t.Context(), "officer", "baseline"))
		_, err = w.Compare(t.Context(), "baseline", Question{By: api.ReferenceByHost})
		wantKind(t, err, muster.NotFound)
		wantKind(t, w.Remove(t.Context(), "officer", "baseline"), muster.NotFound)
		if old, err = w.Get(t.Context(), "baseline", 0); err != nil || !old.Removed || len(old.Revisions) != 3 {
			t.Errorf("%+v (%v)", old, err)
		}
	})
}

// Another server on the same database sees lists and hosts, and counts the same.
func TestTwoServers(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d, "X")
	other := w.open(d)
	w.report("X", "a", "openssl 1-1 amd64")
	w.put("l", "packages: [{name: openssl, want: '>= 2'}]")
	for _, r := range []*References{w.References, other} {
		c, err := r.Compare(t.Context(), "l", Question{By: api.ReferenceByHost})
		if check(t, err); counts(c.Total) != "behind 1 unfit 1" {
			t.Errorf("%+v", c)
		}
	}
	_, err := other.Put(t.Context(), "b", "l", api.ReferencePut{Text: "packages: [{name: openssl, want: '>= 1'}]"})
	check(t, err)
	w.report("X", "b", "openssl 2-1 amd64")
	for _, r := range []*References{w.References, other, w.open(d)} {
		c, err := r.Compare(t.Context(), "l", Question{By: api.ReferenceByHost})
		if check(t, err); counts(c.Total) != "ahead 2" || c.Hosts != 2 {
			t.Errorf("%+v", c)
		}
	}
}

func TestPut(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	one := w.put("l", baseline)
	if again := w.put("l", baseline); again.Revision != one.Revision {
		t.Errorf("the same text is another revision: %+v", again)
	}
	check(t, w.Remove(t.Context(), "x", "l"))
	if again := w.put("l", baseline); again.Revision == one.Revision {
		t.Errorf("a list that was removed came back as it was: %+v", again)
	}
	rows, err := w.Put(t.Context(), "x", "rows", api.ReferencePut{Form: "csv", Text: "name,want\nb,>= 2\na,newest\n", Systems: []string{"debian"}, Until: 1_900_000_000, Optional: true, NewestOf: "l"})
	if err != nil || rows.Packages != 2 || rows.Until != 1_900_000_000 || !rows.Optional || rows.NewestOf != "l" {
		t.Errorf("%+v (%v)", rows, err)
	}
	page, err := w.Lists(t.Context())
	if err != nil || len(page.References) != 2 || page.References[1].Name != "rows" || !slices.Equal(page.References[1].Unresolved, []string{"a"}) {
		t.Errorf("%+v (%v)", page, err)
	}
	for _, bad := range []struct {
		name string
		in   api.ReferencePut
	}{
		{"a/b", api.ReferencePut{Text: "packages: []"}},
		{"", api.ReferencePut{Text: "packages: []"}},
		{"l", api.ReferencePut{Text: "name: other\npackages: []"}},
		{"l", api.ReferencePut{Text: "packages: []", Complete: true}},
		{"l", api.ReferencePut{Form: "xml", Text: "<a/>"}},
		{"l", api.ReferencePut{Form: "csv", Text: "name\na\n", NewestOf: "x y"}},
		{"l", api.ReferencePut{Form: "csv", Text: "name,want\na,newest\n"}},
		{"l", api.ReferencePut{}},
	} {
		_, err := w.Put(t.Context(), "x", bad.name, bad.in)
		wantKind(t, err, muster.Invalid)
	}
	_, err = w.Get(t.Context(), "nowhere", 0)
	wantKind(t, err, muster.NotFound)
	_, err = w.Get(t.Context(), "l", 99)
	wantKind(t, err, muster.NotFound)
	for range maxRevisions + 5 {
		one = w.put("many", fmt.Sprintf("packages: [{name: a, want: '>= %d'}]", one.Revision))
	}
	detail, err := w.Get(t.Context(), "many", 0)
	if err != nil || len(detail.Revisions) != maxRevisions || detail.Revision != one.Revision {
		t.Errorf("%d revisions (%v)", len(detail.Revisions), err)
	}
}

// A list that wants the newest of another follows that, and wishes that expire do so.
func TestListsOfOthers(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "X")
	w.report("X", "a", "openssl 2-1 amd64", "curl 1 amd64")
	w.put("mine", "newest-of: repo\npackages: [{name: openssl, want: newest >= 1}, {name: curl, want: '>= 2', until: 2026-11-21}]")
	total := func() string { return counts(w.compare("mine", Question{By: api.ReferenceByHost}).Total) }
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "behind 1 ahead 1 unfit 1"}, // only its own bounds
		{func() { w.put("repo", "packages: [{name: openssl, want: '>= 3-1', manager: dpkg, arch: amd64}]") }, "behind 2 unfit 2"},
		{func() { w.put("repo", "packages: [{name: openssl, want: '>= 2-1', manager: dpkg, arch: amd64}]") }, "behind 1 equal 1 unfit 1"},
		{func() { w.later(12 * time.Hour) }, "equal 1 expired 1"},
		{func() { check(t, w.Remove(t.Context(), "x", "repo")) }, "ahead 1 expired 1"},
	} {
		if step.do(); total() != step.want {
			t.Errorf("%s, want %s", total(), step.want)
		}
	}
}

// Who may see some hosts is told of those.
func TestSight(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A", "B")
	w.report("A", "a", "openssl 1 amd64")
	b := w.report("B", "b", "openssl 1 amd64", "local 1 amd64")
	w.put("l", "complete: true\npackages: [{name: openssl, want: '>= 2'}]")
	sight := Sight{Site: func(name string) bool { return name == "A" }, Agent: func(string) bool { return false }}
	c := w.compare("l", Question{By: api.ReferenceByPackage, Sight: sight})
	if got := byPackage(c); !slices.Equal(got, []string{"openssl: behind 1 unfit 1"}) || c.Hosts != 1 {
		t.Errorf("%q %+v", got, c)
	}
	if got := bySite(w.compare("l", Question{By: api.ReferenceBySite, Sight: sight})); len(got) != 1 {
		t.Errorf("%q", got)
	}
	_, err := w.Host(t.Context(), "l", b, 0, sight)
	wantKind(t, err, muster.NotFound)
	_, unknown := w.Host(t.Context(), "l", 77, 0, sight)
	wantKind(t, unknown, muster.NotFound)
	days, err := w.Days(t.Context(), "l", 0, 0, sight)
	if err != nil || len(days.Days) != 1 || days.Days[0].Site != "A" {
		t.Errorf("%+v (%v)", days, err)
	}
	site := "B"
	if c := w.compare("l", Question{By: api.ReferenceByHost, Site: &site, Sight: sight}); c.Hosts != 0 || len(c.ByHost) != 0 {
		t.Errorf("%+v", c)
	}
}

// A host that is the model is as it wants itself; others are not.
func TestModel(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A", "B")
	model := w.report("A", "model", "openssl 3-1 amd64", "curl 8 amd64", "linux-image-6.1.0-28-amd64 6.1.119-1 amd64 linux")
	w.report("B", "other", "openssl 2-1 amd64", "curl 9 amd64")
	text, err := w.Model(t.Context(), model, false, Sight{})
	check(t, err)
	w.put("model", text)
	want := []string{"model: equal 3", "other: behind 1 ahead 1 missing 1 unfit 2"}
	if got := byHost(w.compare("model", Question{By: api.ReferenceByHost})); !slices.Equal(got, want) {
		t.Errorf("%q of %s", got, text)
	}
	_, err = w.Model(t.Context(), model, true, Sight{Site: func(name string) bool { return name == "B" }})
	wantKind(t, err, muster.NotFound)
}

// Run follows by itself, says what fails, and goes on.
func TestRun(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d, "A")
	w.report("A", "a", "openssl 1 amd64")
	r := w.open(d)
	asked := make(chan bool, 100)
	r.Source = &listening{&failing{Source: w.sites, left: 1}, asked}
	r.Each = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan error, 10), make(chan bool)
	go func() {
		r.Run(ctx, func(err error) { told <- err })
		close(ended)
	}()
	if err := <-told; !errors.Is(err, errAway) {
		t.Error(err)
	}
	<-asked
	r.Poke()
	<-asked
	cancel()
	<-ended
	if len(told) != 0 {
		t.Errorf("the end is an error: %v", <-told)
	}
}

// listening tells when it is asked for hosts.
type listening struct {
	Source
	asked chan bool
}

func (l *listening) HostsAfter(ctx context.Context, edited int64, most int) ([]host, error) {
	l.asked <- true
	return l.Source.HostsAfter(ctx, edited, most)
}

// Hosts report, people put lists and look, all at once; at the end all is as it is by
// itself.
func TestAtOnce(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A")
	w.put("l0", "packages: [{name: openssl, want: '>= 5'}]")
	w.report("A", "h0", "openssl 1 amd64")
	stop := make(chan bool)
	var wg sync.WaitGroup
	for _, by := range []string{api.ReferenceByHost, api.ReferenceBySite, api.ReferenceByPackage} {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := w.Compare(t.Context(), "l0", Question{By: by}); err != nil && muster.KindOf(err) != muster.Busy {
					t.Error(err)
					return
				}
				if _, err := w.Lists(t.Context()); err != nil && muster.KindOf(err) != muster.Busy {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 40 {
		w.later(time.Second)
		w.report("A", fmt.Sprint("h", i%7), fmt.Sprintf("openssl %d amd64", i%9), "curl 1 amd64")
		w.put(fmt.Sprint("l", i%3), fmt.Sprintf("complete: true\npackages: [{name: openssl, want: '>= %d'}]", i%5))
	}
	close(stop)
	wg.Wait()
	hosts := map[int64]bool{}
	all, err := w.sites.Hosts(t.Context(), sites.Filter{}, sites.Page{})
	check(t, err)
	for _, h := range all {
		hosts[h.ID] = true
	}
	for _, name := range []string{"l0", "l1", "l2"} {
		agrees(t, w, w.References, name, hosts)
	}
}

// Pages, one behind the other, are the whole.
func TestPages(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A", "B", "C")
	for i := range 7 {
		w.report([]string{"A", "B", "C"}[i%3], fmt.Sprint("h", i), "a 1 amd64", fmt.Sprintf("only%d 1 amd64", i))
	}
	w.put("l", "complete: true\npackages: [{name: a, want: '>= 2'}]")
	for by, want := range map[string]int{api.ReferenceByHost: 7, api.ReferenceBySite: 3, api.ReferenceByPackage: 8} {
		q := Question{By: by, Limit: 2, Verdict: "unfit"}
		n := 0
		for page := 0; ; page++ {
			c := w.compare("l", q)
			got := len(c.ByHost) + len(c.BySite) + len(c.ByPackage)
			if n += got; got == 0 || got > 2 || page > want {
				t.Fatalf("by %s: page %d has %d", by, page, got)
			}
			if q.After = c.Next; q.After == "" {
				break
			}
		}
		if n != want {
			t.Errorf("by %s: %d of %d", by, n, want)
		}
	}
	for _, q := range []Question{{By: "moon"}, {By: api.ReferenceByHost, After: "x"}, {By: api.ReferenceBySite, After: "x"}, {By: api.ReferenceByPackage, After: "-1"}, {By: api.ReferenceByHost, Verdict: "bad"}} {
		_, err := w.Compare(t.Context(), "l", q)
		wantKind(t, err, muster.Invalid)
	}
}

// TestAgrees holds what is known of states against [reference.Compare] of every host by
// itself, while hosts and lists change at random.
func TestAgrees(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d, "A", "B")
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "d", "linux-image-6.1.0-28-amd64", "linux-image-6.1.0-41-amd64"}
	lists := []string{
		"packages: [{name: a, want: '>= 2'}, {name: 'source:s', want: '>= 2'}, {name: d, want: absent}, {name: e, optional: true}]",
		"complete: true\npackages: [{name: a, want: '>= 2', arch: amd64}, {name: b, want: '>= 1, < 3'}]",
		"for: {sites: [A]}\ncomplete: true\noptional: true\npackages: [{name: 'source:linux', want: '>= 3'}, {name: c, want: = 2, until: 2026-11-30}]",
	}
	hosts := map[int64]bool{}
	for step := range 120 {
		w.later(time.Duration(random.IntN(6))*time.Hour + time.Second)
		var has []string
		for _, name := range names {
			source := []string{"", "s", "s 3"}[random.IntN(3)]
			if len(name) > 1 {
				source = "linux"
			}
			for _, arch := range []string{"amd64", "i386", "all"} {
				if random.IntN(3) == 0 {
					has = append(has, fmt.Sprintf("%s %d %s %s", name, random.IntN(4), arch, source))
				}
				if random.IntN(6) == 0 {
					has = append(has, fmt.Sprintf("%s %d %s %s", name, random.IntN(4), arch, source))
				}
			}
		}
		n := random.IntN(12)
		id := w.report([]string{"A", "B"}[n%2], fmt.Sprint("h", n), has...)
		hosts[id] = true
		if step%5 == 0 {
			l := random.IntN(len(lists))
			w.put(fmt.Sprint("l", l), lists[l]+fmt.Sprintf("\n# %d", step))
		}
		if step%17 == 16 {
			check(t, w.sites.Forget(t.Context(), w.time, id))
			delete(hosts, id)
		}
		if step%10 != 9 {
			continue
		}
		again := w.open(d)
		for name := range w.References.views {
			agrees(t, w, w.References, name, hosts)
			agrees(t, w, again, name, hosts)
		}
	}
}

func agrees(t *testing.T, w *world, r *References, name string, hosts map[int64]bool) {
	t.Helper()
	c, err := r.Compare(t.Context(), name, Question{By: api.ReferenceByHost})
	check(t, err)
	l := r.views[name].list
	var total wide
	got := map[int64]api.ReferenceCounts{}
	for _, h := range c.ByHost {
		got[h.ID] = h.Counts
	}
	seen := 0
	for id := range hosts {
		all, h, err := w.sites.HostPackages(t.Context(), id, 0)
		check(t, err)
		var packages = pointers(all)
		about := &reference.Host{Site: h.Site, Tag: h.Tag, System: h.System, Platform: r.fleet.platform(&h.System)}
		if !l.For.Covers(about) {
			continue
		}
		seen++
		var tl tally
		for _, row := range l.Matcher(w.time.Unix()).Compare(about, packages) {
			tl.add(markOf(&row), 1)
		}
		var one wide
		one.add(&tl, 1)
		total.add(&tl, 1)
		if got[id] != one.counts() {
			t.Fatalf("host %d and list %s: %+v, by itself %+v", id, name, got[id], one.counts())
		}
	}
	if seen != c.Hosts || c.Total != total.counts() {
		t.Fatalf("list %s: %d hosts, %+v; by themselves %d, %+v", name, c.Hosts, c.Total, seen, total.counts())
	}
	// The same by package, row by row, also where what is special is not kept.
	v := r.views[name]
	var members []*member
	for _, m := range r.fleet.hosts {
		if v.covers(m) {
			members = append(members, m)
		}
	}
	plain := make([]tally, len(v.absent)+len(v.unlisted))
	for _, m := range members {
		v.judge(&r.fleet, m.state, &v.scratch, func(row int32, m mark) { plain[row].add(m, 1) })
	}
	kept := slices.Clone(v.outcomes)
	for round := range 2 {
		if got := v.tallies(&r.fleet, members); !slices.Equal(got, plain) {
			t.Fatalf("list %s, round %d: rows %v, one by one %v", name, round, got, plain)
		}
		for i := range v.outcomes {
			v.outcomes[i].many = true
		}
	}
	copy(v.outcomes, kept)
	// And by site.
	var rows, ofSites api.ReferenceCounts
	p, err := r.Compare(t.Context(), name, Question{By: api.ReferenceByPackage})
	check(t, err)
	for _, x := range p.ByPackage {
		rows = sum(rows, x.Counts)
	}
	s, err := r.Compare(t.Context(), name, Question{By: api.ReferenceBySite})
	check(t, err)
	for _, x := range s.BySite {
		ofSites = sum(ofSites, x.Counts)
	}
	if rows != c.Total || ofSites != c.Total {
		t.Fatalf("list %s: by host %+v, by package %+v, by site %+v", name, c.Total, rows, ofSites)
	}
	for _, x := range p.ByPackage {
		agreesOn(t, r, name, &x)
	}
}

// agreesOn holds each number of a row against the hosts that are listed for it.
func agreesOn(t *testing.T, r *References, name string, x *api.ReferencePackage) {
	t.Helper()
	q := Question{By: api.ReferenceByHost, Package: x.Name, Manager: &x.Manager, Arch: &x.Arch}
	for verdict, want := range map[string]int64{"behind": x.Counts.Behind, "equal": x.Counts.Equal, "ahead": x.Counts.Ahead, "missing": x.Counts.Missing,
		"unexpected": x.Counts.Unexpected, "expired": x.Counts.Expired, "unfit": x.Counts.Unfit} {
		q.Verdict = verdict
		c, err := r.Compare(t.Context(), name, q)
		check(t, err)
		if int64(len(c.ByHost)) != want || c.Total != x.Counts {
			t.Fatalf("list %s, row %+v: %d hosts are %s, of %+v", name, x, len(c.ByHost), verdict, c.Total)
		}
		for _, h := range c.ByHost {
			if there := len(h.Have) > 0; there == (verdict == "missing") && verdict != "equal" && verdict != "expired" && verdict != "unfit" {
				t.Fatalf("list %s, row %+v: host %s is %s with %v", name, x, h.Name, verdict, h.Have)
			}
		}
		q.By = api.ReferenceBySite
		if c, err = r.Compare(t.Context(), name, q); err != nil || c.Total != x.Counts {
			t.Fatalf("list %s, row %+v: by site %+v (%v)", name, x, c, err)
		}
		q.By = api.ReferenceByHost
	}
}

func sum(a, b api.ReferenceCounts) api.ReferenceCounts {
	return api.ReferenceCounts{Behind: a.Behind + b.Behind, Equal: a.Equal + b.Equal, Ahead: a.Ahead + b.Ahead, Missing: a.Missing + b.Missing,
		Unexpected: a.Unexpected + b.Unexpected, Expired: a.Expired + b.Expired, Unfit: a.Unfit + b.Unfit}
}

// A source that fails at every call in turn: the next attempt makes up for it.
func TestSourceFails(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d, "A")
	w.report("A", "a", "openssl 1 amd64")
	w.report("A", "b", "openssl 2 amd64")
	w.put("l", "packages: [{name: openssl, want: '>= 2'}]")
	for fails := 1; ; fails++ {
		r := w.open(d)
		s := &failing{Source: w.sites, left: fails}
		r.Source = s
		err := r.Follow(t.Context())
		if s.left > 0 {
			check(t, err)
			break
		}
		if !errors.Is(err, errAway) {
			t.Fatalf("call %d failed, and that is %v", fails, err)
		}
		_, err = r.Compare(t.Context(), "l", Question{By: api.ReferenceByHost})
		if err != nil {
			t.Fatalf("after call %d failed: %v", fails, err)
		}
		c, err := r.Compare(t.Context(), "l", Question{By: api.ReferenceByHost})
		if check(t, err); counts(c.Total) != "behind 1 equal 1 unfit 1" {
			t.Errorf("after call %d failed: %+v", fails, c)
		}
	}
}

var errAway = muster.Errorf(muster.Unavailable, "away")

// failing is a source of which one call fails.
type failing struct {
	Source
	left int
}

func (f *failing) fail() error {
	if f.left--; f.left == 0 {
		return errAway
	}
	return nil
}

func (f *failing) KnownNumbered(ctx context.Context, ids []int64) ([]known, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Source.KnownNumbered(ctx, ids)
}

func (f *failing) HostsAfter(ctx context.Context, edited int64, most int) ([]host, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Source.HostsAfter(ctx, edited, most)
}

func (f *failing) HostRows(ctx context.Context, id int64) ([]int64, host, error) {
	if err := f.fail(); err != nil {
		return nil, host{}, err
	}
	return f.Source.HostRows(ctx, id)
}

// Counts of a day are written once a minute, and what did not change is not written.
func TestCounts(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d, "A")
	w.report("A", "a", "openssl 1 amd64")
	w.put("l", "packages: [{name: openssl, want: '>= 2'}]")
	check(t, w.Follow(t.Context()))
	behind := func() (n, rows int64) {
		check(t, d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT coalesce(sum(behind), 0), count(*) FROM references_day").Scan(&n, &rows)
		}))
		return n, rows
	}
	if n, rows := behind(); n != 1 || rows != 1 {
		t.Fatalf("%d behind in %d rows", n, rows)
	}
	w.later(time.Second)
	w.report("A", "b", "openssl 1 amd64")
	check(t, w.Follow(t.Context()))
	if n, _ := behind(); n != 1 {
		t.Errorf("counts are written at once: %d", n)
	}
	w.later(countEach * time.Second)
	check(t, w.Follow(t.Context()))
	if n, rows := behind(); n != 2 || rows != 1 {
		t.Errorf("%d behind in %d rows", n, rows)
	}
	w.later(24 * time.Hour)
	check(t, w.Follow(t.Context()))
	if _, rows := behind(); rows != 1 {
		t.Errorf("a day without a change has a row")
	}
	w.later(time.Second)
	w.report("A", "a", "openssl 2 amd64")
	check(t, w.Follow(t.Context()))
	if n, rows := behind(); n != 3 || rows != 2 { // 2 on the first day, 1 on the second
		t.Errorf("%d behind in %d rows", n, rows)
	}
}

func TestPatched(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), "A")
	for i := range 4 {
		w.report("A", fmt.Sprint("h", i), "openssl 1 amd64", "libssl 1 amd64 openssl")
	}
	from := w.time.Unix()
	w.later(36 * time.Hour)
	w.report("A", "h0", "openssl 2 amd64", "libssl 2 amd64 openssl")
	w.report("A", "h1", "openssl 2 amd64", "libssl 1 amd64 openssl") // half of it
	w.report("A", "h2", "other 2 amd64")
	w.later(48 * time.Hour)
	w.report("A", "h1", "openssl 2 amd64", "libssl 2 amd64 openssl")
	w.report("A", "h2", "openssl 1 amd64")
	w.later(6 * time.Hour)
	out, err := w.Patched(t.Context(), Wish{Name: "source:openssl", Want: ">= 2", From: from, Days: 30})
	check(t, err)
	var got []string
	for _, d := range out.Days {
		got = append(got, fmt.Sprintf("%d: %d of %d, gone %d, silent %d, left %d", d.Day, d.Done, d.Hosts, d.Gone, d.Silent, d.Left))
	}
	want := []string{
		"0: 0 of 4, gone 0, silent 0, left 4",
		"1: 0 of 4, gone 0, silent 1, left 3",
		"2: 1 of 4, gone 1, silent 1, left 1",
		"3: 1 of 4, gone 1, silent 1, left 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, bad := range []Wish{{Name: "a"}, {Name: "a", Want: "absent"}, {Name: "", Want: ">= 1"}, {Name: "a", Want: ">= 1", From: w.time.Unix() + 1}, {Name: "a", Want: ">= 1", Days: -1}} {
		_, err := w.Patched(t.Context(), bad)
		wantKind(t, err, muster.Invalid)
	}
}
