package sites

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

// TestTake follows a host: known, unchanged, changed, and what is known of it on each day.
func TestTake(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("NIKHEF")
		out := w.take(w.report("NIKHEF", "Node1.example.org", "bash 5.2", "libc6 2.36 glibc 2.36"))
		if !out.New || !out.Changed || out.Packages != 2 {
			t.Fatalf("the first report: %+v", out)
		}
		first := w.now.Unix()
		w.later(24 * time.Hour)
		if out := w.take(w.report("NIKHEF", "node1.example.org", "bash 5.2", "libc6 2.36 glibc 2.36")); out.New {
			t.Fatalf("the same host in lower case: %+v", out)
		}
		w.later(24 * time.Hour)
		if out := w.take(w.report("NIKHEF", "node1.example.org", "bash 5.2", "libc6 2.36 glibc 2.36")); out.Changed || out.New {
			t.Fatalf("the same report: %+v", out)
		}
		w.later(24 * time.Hour)
		if out := w.take(w.report("NIKHEF", "node1.example.org", "bash 5.3", "libc6 2.36 glibc 2.36")); !out.Changed || out.Packages != 1 {
			t.Fatalf("a report with an upgrade: %+v", out)
		}
		h := must(w.HostNamed(ctx(t), "NIKHEF", "NODE1.example.org"))(t)
		if h.ID != out.Host || h.Site != "NIKHEF" || h.Reports != 4 || h.Packages != 2 || h.First != first || h.Changed != w.now.Unix() || h.Last != w.now.Unix() || h.System.Kernel != "6.1.0-28-amd64" || h.System.ID != "debian" {
			t.Errorf("the host is %+v", h)
		}
		for _, c := range []struct {
			at   int64
			want string
		}{{0, "[bash 5.3 libc6 2.36]"}, {first, "[bash 5.2 libc6 2.36]"}, {w.now.Unix() - 1, "[bash 5.2 libc6 2.36]"}, {w.now.Unix(), "[bash 5.3 libc6 2.36]"}} {
			if got := fmt.Sprint(w.has(h.ID, c.at)); got != c.want {
				t.Errorf("at %d the host has %s, not %s", c.at, got, c.want)
			}
		}
		_, _, err := w.HostPackages(ctx(t), h.ID, first-1)
		wantKind(t, err, muster.NotFound)
		diff := must(w.HostDiff(ctx(t), h.ID, first, 0))(t)
		if len(diff.Added) != 1 || len(diff.Removed) != 1 || diff.Added[0].Package.Version != "5.3" || diff.Removed[0].Package.Version != "5.2" {
			t.Errorf("what changed: %+v", diff)
		}
		if all := must(w.States(ctx(t), h.ID))(t); len(all) != 2 || all[0].Until != 0 || all[0].Seen != w.now.Unix() || all[1].Until != all[0].From || all[1].Seen != all[0].From-24*3600 {
			t.Errorf("its states: %+v", all)
		}
	})
}

// TestSharedSets has hosts that are alike share their sets, and readers of another server
// on the database see the same.
func TestSharedSets(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		w, other := newWorld(t, first), newWorld(t, second)
		w.site("A")
		w.site("B")
		var many []string
		for i := range 800 {
			many = append(many, fmt.Sprintf("lib%04d 1.%d", i, i%7))
		}
		for n := range 6 {
			server := []*world{w, other}[n%2]
			server.now = w.now
			server.take(server.report([]string{"A", "B"}[n%2], fmt.Sprintf("n%d", n), many...))
		}
		w.later(time.Hour)
		changed := slices.Clone(many)
		changed[17] = "lib0017 9"
		for n := range 6 {
			server := []*world{other, w}[n%2]
			server.now = w.now
			server.take(server.report([]string{"A", "B"}[n%2], fmt.Sprintf("n%d", n), changed...))
		}
		check(t, first.Read(ctx(t), func(tx *db.Tx) error {
			var sets, bytes, words int64
			if err := tx.QueryRow("SELECT COUNT(*), SUM(LENGTH(body)) FROM sites_set").Scan(&sets, &bytes); err != nil {
				return err
			}
			if err := tx.QueryRow("SELECT COUNT(*) FROM sites_package").Scan(&words); err != nil {
				return err
			}
			if sets != 2 || bytes > 40 || words != 801 {
				t.Errorf("%d sets of %d bytes, %d packages", sets, bytes, words)
			}
			return nil
		}))
		held, hosts, err := other.SiteAt(ctx(t), "A", 0)
		if check(t, err); hosts != 3 || len(held) != 800 || held[17].Package.Version != "9" || held[17].Hosts != 3 {
			t.Errorf("site A has %d hosts with %d packages", hosts, len(held))
		}
		d := must(other.SiteDiff(ctx(t), "B", began.Unix(), 0))(t)
		if len(d.Added) != 1 || d.Added[0].Hosts != 3 || len(d.Removed) != 1 || d.Removed[0].Package.Name != "lib0017" {
			t.Errorf("site B changed %+v", d)
		}
	})
}

// TestCase36Reports has reports come again, late, early, and for others.
func TestCase36Reports(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A")
		w.site("B")
		w.site("OPEN", open, func(s *Site) { s.Addresses = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} })
		before := w.report("A", "n1", "bash 1")
		w.later(time.Minute)
		newest := w.report("A", "n1", "bash 2")
		w.take(newest)
		for _, c := range []struct {
			what string
			kind muster.ErrorKind
			from Sender
			make func() *sitereport.Report
		}{
			{"the same again", muster.Conflict, by("A"), func() *sitereport.Report { return newest }},
			{"an older one", muster.Conflict, by("A"), func() *sitereport.Report { return before }},
			{"same second, other nonce", muster.Conflict, by("A"), func() *sitereport.Report { return w.report("A", "n1", "bash 3") }},
			{"from ahead", muster.Invalid, by("A"), func() *sitereport.Report { r := w.report("A", "n1", "bash 3"); r.Time += 3601; return r }},
			{"from a year ago", muster.Invalid, by("A"), func() *sitereport.Report { r := w.report("A", "n2", "bash 3"); r.Time -= 365 * 86400; return r }},
			{"without a time", muster.Invalid, by("A"), func() *sitereport.Report { r := w.report("A", "n1", "bash 3"); r.Time = 0; return r }},
			{"without a nonce", muster.Invalid, by("A"), func() *sitereport.Report { r := w.report("A", "n1", "bash 3"); r.Nonce = ""; return r }},
			{"of another site", muster.Denied, by("A"), func() *sitereport.Report { r := w.report("B", "n1", "bash 3"); r.Time++; return r }},
			{"without a proof", muster.Denied, Sender{Form: "native"}, func() *sitereport.Report { return w.report("A", "n3", "bash 3") }},
			{"of a site that is not there", muster.Denied, Sender{Form: "native"}, func() *sitereport.Report { return w.report("C", "n3", "bash 3") }},
			{"of no site", muster.Invalid, Sender{Form: "native"}, func() *sitereport.Report { return w.report("", "n3", "bash 3") }},
			{"of the open site, from elsewhere", muster.Denied, Sender{Form: "pakiti5", Address: netip.MustParseAddr("192.0.2.1")}, func() *sitereport.Report { return w.report("OPEN", "n3", "bash 3") }},
			{"a name with a line in it", muster.Invalid, by("A"), func() *sitereport.Report { return w.report("A", "n\n1", "bash 3") }},
		} {
			r := c.make()
			_, err := w.Take(ctx(t), w.now, r, c.from)
			if muster.KindOf(err) != c.kind {
				t.Errorf("%s: %v is of kind %q, not %q", c.what, err, muster.KindOf(err), c.kind)
			}
		}
		unproven := func(site string) string {
			_, err := w.Take(ctx(t), w.now, w.report(site, "n3", "bash 3"), Sender{Form: "native"})
			return fmt.Sprint(err)
		}
		if a, c := unproven("A"), unproven("X"); a[:len(a)-4] != c[:len(c)-4] {
			t.Errorf("who proves nothing learns which sites there are: %q and %q", a, c)
		}
		hosts := must(w.Hosts(ctx(t), Filter{Gone: true}, Page{}))(t)
		if len(hosts) != 1 || fmt.Sprint(w.has(hosts[0].ID, 0)) != "[bash 2]" || hosts[0].Reports != 1 {
			t.Errorf("refused reports left %+v", hosts)
		}
		// An unchanged report moves the time on, so that the one before it is old.
		w.later(time.Minute)
		w.take(w.report("A", "n1", "bash 2"))
		_, err := w.Take(ctx(t), w.now, newest, by("A"))
		wantKind(t, err, muster.Conflict)
		out, err := w.Take(ctx(t), w.now, w.report("OPEN", "n1", "bash 3"), Sender{Form: "pakiti5", Address: netip.MustParseAddr("::ffff:198.51.100.4")})
		if check(t, err); !out.New {
			t.Errorf("n1 of site OPEN is %+v, the host of site A", out)
		}
	})
}

// TestQuota has a site use up what it may, and others go on.
func TestQuota(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("SMALL", func(s *Site) { s.Quota = Quota{Hosts: 2, Reports: 7, Bytes: 4500, Packages: 10} })
		w.site("OTHER")
		w.take(w.report("SMALL", "n1", "a 1"))
		w.take(w.report("SMALL", "n2", "a 1"))
		busy := func(what string, r *sitereport.Report) {
			t.Helper()
			_, err := w.Take(ctx(t), w.now, r, by("SMALL"))
			if muster.KindOf(err) != muster.Busy {
				t.Errorf("%s: %v", what, err)
			}
		}
		busy("a third host", w.report("SMALL", "n3", "a 1"))
		w.later(time.Minute)
		var many []string
		for i := range 11 {
			many = append(many, fmt.Sprintf("p%d 1", i))
		}
		busy("11 new packages", w.report("SMALL", "n1", many...))
		w.take(w.report("SMALL", "n1", many[:9]...))
		w.take(w.report("SMALL", "n2", many[:9]...))
		w.later(time.Minute)
		busy("5,000 bytes", w.report("SMALL", "n2", many[:9]...))
		w.take(w.report("OTHER", "n3", many...))
		w.later(24 * time.Hour)
		w.take(w.report("SMALL", "n2", many...))
		if one := must(w.Site(ctx(t), "SMALL"))(t); one.Hosts != 2 {
			t.Errorf("the site has %d hosts", one.Hosts)
		}
	})
}

// TestWaited has reports wait until they are taken: each day takes as many as it may, and
// what they say is so since they came.
func TestWaited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A", func(s *Site) { s.Quota = Quota{Reports: 1} })
		came := w.now
		from := by("A")
		from.Came = came
		first, second := w.report("A", "n1", "bash 1"), w.report("A", "n2", "bash 1")
		w.later(13 * 24 * time.Hour)
		out := must(w.Take(ctx(t), w.now, first, from))(t)
		if h := must(w.Host(ctx(t), out.Host))(t); h.First != came.Unix() || h.Last != came.Unix() {
			t.Errorf("the host is %+v, not from %d", h, came.Unix())
		}
		_, err := w.Take(ctx(t), w.now, second, from)
		wantKind(t, err, muster.Busy)
		w.later(24*time.Hour + 30*24*time.Hour) // it was in time when it came
		must(w.Take(ctx(t), w.now, second, from))(t)
		w.later(24 * time.Hour)
		late := w.report("A", "n3", "bash 1")
		late.Time -= 15 * 86400
		_, err = w.Take(ctx(t), w.now, late, by("A"))
		wantKind(t, err, muster.Invalid)
	})
}

// TestManyNames has a site bring more packages than there are: what its quota has no room
// for leaves nothing, and the names of others go on.
func TestManyNames(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("A")
	w.site("B")
	kept := 0
	for turn := range 5 {
		r := w.report("A", fmt.Sprintf("n%d", turn))
		for i := range 20_000 {
			r.Packages = append(r.Packages, sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("x%d-%05d", turn, i), Version: "1"})
		}
		if _, err := w.Take(ctx(t), w.now, r, by("A")); err == nil {
			kept++
		} else if muster.KindOf(err) != muster.Busy {
			t.Errorf("turn %d: %v", turn, err)
		}
	}
	if kept != 2 {
		t.Errorf("%d reports of 20,000 new packages each were kept", kept)
	}
	if all := must(w.KnownAfter(ctx(t), 40_000, 10))(t); len(all) != 0 {
		t.Errorf("what was refused is in the dictionary: %+v", all[0])
	}
	w.take(w.report("B", "n1", "bash 5.2"))
}

// TestConcurrent has many hosts bring the same new packages at once, and one host report
// several times at once: names and sets are there once, and of equal times one counts.
func TestConcurrent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("A")
		var reports []*sitereport.Report
		for i := range 24 {
			reports = append(reports, w.report("A", fmt.Sprintf("n%d", i%12), "a 1", "b 2", fmt.Sprintf("own%d 1", i%3)))
		}
		outcomes := make(chan error, len(reports))
		for _, r := range reports {
			go func() {
				_, err := w.Take(t.Context(), w.now, r, by("A"))
				outcomes <- err
			}()
		}
		kept := 0
		for range reports {
			if err := <-outcomes; err == nil {
				kept++
			} else if muster.KindOf(err) != muster.Conflict {
				t.Error(err)
			}
		}
		check(t, d.Read(ctx(t), func(tx *db.Tx) error {
			for query, want := range map[string]int{"COUNT(*) FROM sites_package": 5, "COUNT(*) FROM sites_set": 3, "COUNT(*) FROM sites_host": 12, "COUNT(*) FROM sites_state": 12, "SUM(reports) FROM sites_day": 12} {
				var n int
				if err := tx.QueryRow("SELECT " + query).Scan(&n); err != nil {
					return err
				}
				if n != want {
					t.Errorf("%s is %d, not %d", query, n, want)
				}
			}
			return nil
		}))
		if one := must(w.Site(ctx(t), "A"))(t); kept != 12 || one.Hosts != 12 {
			t.Errorf("%d reports of 12 hosts were kept, %d hosts are counted", kept, one.Hosts)
		}
	})
}
