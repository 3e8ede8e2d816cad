package sites

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// A ledger is what hosts were and had, written down plainly.
type ledger struct {
	hosts map[string]int64               // number by "site/name"
	days  []map[string]map[string]string // of each day, host to package to version
}

// TestModel has hosts change for weeks, and holds every answer to a ledger that keeps
// all lists of all days.
func TestModel(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		l := &ledger{hosts: map[string]int64{}}
		r := rand.New(rand.NewPCG(7, 7))
		w.site("A")
		w.site("B")
		role := map[string]string{}
		for i := range 40 {
			role[fmt.Sprintf("lib%02d", i)] = "1.0"
		}
		now := map[string]map[string]string{}
		for range 25 {
			for i := range 8 {
				host := fmt.Sprintf("%c/n%d", 'A'+i%2, i)
				l.live(r, now, host, role)
				if len(now[host]) > 0 && r.IntN(6) > 0 {
					l.hosts[host] = w.take(w.report(host[:1], host[2:], texts(now[host])...)).Host
				} else if len(l.days) > 0 && l.days[len(l.days)-1][host] != nil {
					now[host] = maps.Clone(l.days[len(l.days)-1][host]) // it was silent
				} else {
					delete(now, host)
				}
			}
			day := map[string]map[string]string{}
			for host, has := range now {
				day[host] = maps.Clone(has)
			}
			l.days = append(l.days, day)
			w.later(24 * time.Hour)
		}
		l.check(t, w)
	})
}

// live changes a host a little, or to what others of its role have.
func (l *ledger) live(r *rand.Rand, now map[string]map[string]string, host string, role map[string]string) {
	if now[host] == nil || r.IntN(8) == 0 {
		now[host] = maps.Clone(role)
	}
	if r.IntN(3) == 0 {
		name := fmt.Sprintf("lib%02d", r.IntN(40))
		now[host][name] = fmt.Sprintf("1.%d", r.IntN(4))
		role[name] = now[host][name]
	}
	if r.IntN(4) == 0 {
		delete(now[host], fmt.Sprintf("lib%02d", r.IntN(40)))
	}
	if r.IntN(9) == 0 {
		now[host]["lib99"] = "9"
	}
}

func texts(has map[string]string) (all []string) {
	for name, version := range has {
		all = append(all, name+" "+version)
	}
	return sorted(all)
}

// noon of a day, after its reports.
func noon(day int) int64 { return began.Add(time.Duration(day)*24*time.Hour + 12*time.Hour).Unix() }

func (l *ledger) check(t *testing.T, w *world) {
	for day, hosts := range l.days {
		for host, num := range l.hosts {
			if hosts[host] == nil {
				_, _, err := w.HostPackages(ctx(t), num, noon(day))
				wantKind(t, err, muster.NotFound)
			} else if got := w.has(num, noon(day)); !slices.Equal(got, texts(hosts[host])) {
				t.Fatalf("on day %d %s has %v, not %v", day, host, got, texts(hosts[host]))
			}
		}
		l.checkSite(t, w, day)
	}
	l.checkHolders(t, w)
	l.checkVersions(t, w)
	l.checkSightings(t, w)
}

func (l *ledger) checkSite(t *testing.T, w *world, day int) {
	held, n, err := w.SiteAt(ctx(t), "B", noon(day))
	check(t, err)
	want := map[string]int{}
	hosts := 0
	for host, has := range l.days[day] {
		if host[0] == 'B' {
			hosts++
			for _, text := range texts(has) {
				want[text]++
			}
		}
	}
	got := map[string]int{}
	for _, h := range held {
		got[h.Package.Name+" "+h.Package.Version] = h.Hosts
	}
	if n != hosts || !maps.Equal(got, want) {
		t.Fatalf("on day %d site B has %d hosts with %v, not %d with %v", day, n, got, hosts, want)
	}
	l.checkParts(t, w, day, held)
}

// checkParts holds the beginning of what a site has, what bears a text, and what is
// different from another day, to all that it has.
func (l *ledger) checkParts(t *testing.T, w *world, day int, held []Held) {
	for _, most := range []int{1, 7, 1000} {
		first, total, _, err := w.SitePackages(ctx(t), "B", noon(day), "", most)
		check(t, err)
		n := len(first)
		if total != len(held) || n < min(most, len(held)) || !slices.Equal(first, held[:n]) || n > most && first[n-1].Package.Name != first[most-1].Package.Name ||
			n < len(held) && held[n].Package.Name == first[n-1].Package.Name {
			t.Fatalf("on day %d the first %d packages of site B are %d of %d, not of %d", day, most, n, total, len(held))
		}
	}
	some, total, _, err := w.SitePackages(ctx(t), "B", noon(day), "LIB0", 0)
	check(t, err)
	want := slices.DeleteFunc(slices.Clone(held), func(h Held) bool { return !strings.HasPrefix(h.Package.Name, "lib0") })
	if total != len(want) || !slices.Equal(some, want) {
		t.Fatalf("on day %d site B has %d of %d packages with a text, not %d", day, len(some), total, len(want))
	}
	before, _, err := w.SiteAt(ctx(t), "B", noon(day-3))
	check(t, err)
	if got := must(w.SiteDiff(ctx(t), "B", noon(day-3), noon(day)))(t); !reflect.DeepEqual(got, diffHeld(before, held)) {
		t.Fatalf("until day %d site B changed by %+v", day, got)
	}
}

// TestHeard holds what is told of sites to what is told of each of their hosts.
func TestHeard(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i, site := range []string{"A", "B", "C", "D"} {
			w.site(site)
			for n := range 2 * i {
				w.take(w.report(site, fmt.Sprint("n", n), "bash 1"))
				w.later(time.Hour)
			}
		}
		gone := w.take(w.report("D", "last", "bash 1")).Host
		check(t, w.Forget(ctx(t), w.now, gone))
		since := began.Add(5*time.Hour + time.Minute).Unix()
		want := map[int64]Heard{}
		id := map[string]int64{}
		for _, s := range must(w.Sites.Sites(ctx(t)))(t) {
			id[s.Name] = s.ID
		}
		for _, h := range must(w.Hosts(ctx(t), Filter{}, Page{Limit: 100}))(t) {
			one := want[id[h.Site]]
			if one.Last = max(one.Last, h.Last); h.Last < since {
				one.Silent++
			}
			want[id[h.Site]] = one
		}
		for _, rows := range []int{5000, 3} {
			if got := must(w.heard(ctx(t), since, rows))(t); !maps.Equal(got, want) || len(want) != 3 || want[id["C"]].Silent != 4 {
				t.Errorf("of sites was heard %+v, not %+v", got, want)
			}
		}
	})
}

func (l *ledger) checkHolders(t *testing.T, w *world) {
	all := must(w.KnownAfter(ctx(t), 0, 10_000))(t)
	text := map[int64]string{}
	var ids []int64
	for _, k := range all {
		text[k.ID], ids = k.Package.Name+" "+k.Package.Version, append(ids, k.ID)
	}
	got := map[string]bool{}
	for _, of := range [][]string{nil, {"A"}, {"nowhere", "B"}, {}, {""}} {
		some := map[string]bool{}
		check(t, w.Holders(ctx(t), ids, of, func(h Host, id int64) error {
			if of == nil {
				got[fmt.Sprintf("%s/%s %s", h.Site, h.Name, text[id])] = true
			} else if !slices.Contains(of, h.Site) {
				t.Errorf("of sites %q there is %s of %s", of, h.Name, h.Site)
			} else {
				some[fmt.Sprintf("%s/%s %s", h.Site, h.Name, text[id])] = true
			}
			return nil
		}))
		for pair := range got {
			if of != nil && slices.Contains(of, pair[:1]) != some[pair] {
				t.Errorf("of sites %q: %s is there: %v", of, pair, some[pair])
			}
		}
	}
	want := map[string]bool{}
	for host, has := range l.days[len(l.days)-1] {
		for _, text := range texts(has) {
			want[host+" "+text] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("who has what: %d pairs, not %d", len(got), len(want))
	}
	named := must(w.KnownNamed(ctx(t), []string{"lib07", "nothing"}))(t)
	for _, k := range named {
		if k.Package.Name != "lib07" || k.System.ID != "debian" || k.System.Version != "12" {
			t.Errorf("lib07 is %+v", k)
		}
	}
	if len(named) == 0 {
		t.Error("lib07 is not known")
	}
}

// checkVersions holds the intervals of one name to every day of every host.
func (l *ledger) checkVersions(t *testing.T, w *world) {
	host := map[int64]string{}
	for name, num := range l.hosts {
		host[num] = name
	}
	from, to := noon(5), noon(20)
	seen := map[string]int{}
	last := Interval{}
	check(t, w.Versions(ctx(t), "lib03", from, to, func(i Interval) error {
		if i.Host == last.Host && i.From == last.Until && i.Known.ID == last.Known.ID || i.Host < last.Host {
			t.Errorf("interval %+v should be one with %+v, or before it", i, last)
		}
		last = i
		for day := range l.days {
			if at := noon(day); at >= from && at <= to && i.From <= at && (i.Until == 0 || i.Until > at) {
				seen[fmt.Sprint(host[i.Host], day, i.Known.Package.Version)]++
			}
		}
		return nil
	}))
	want := map[string]int{}
	for day, hosts := range l.days {
		for name, has := range hosts {
			if v := has["lib03"]; v != "" && day >= 5 && day <= 20 {
				want[fmt.Sprint(name, day, v)]++
			}
		}
	}
	if !maps.Equal(seen, want) {
		t.Errorf("versions of lib03: %v, not %v", seen, want)
	}
}

func (l *ledger) checkSightings(t *testing.T, w *world) {
	first, hosts := map[string]int{}, map[string]map[string]bool{}
	for day := range l.days {
		for name, has := range l.days[day] {
			if v := has["lib03"]; v != "" {
				if hosts[v] == nil {
					hosts[v], first[v] = map[string]bool{}, day
				}
				hosts[v][name] = true
			}
		}
	}
	all := must(w.Sightings(ctx(t), nil, "lib03", ""))(t)
	if len(all) != len(hosts) {
		t.Errorf("%d versions of lib03 were seen, not %d", len(all), len(hosts))
	}
	for _, s := range all {
		v := s.Known.Package.Version
		now := 0
		for _, has := range l.days[len(l.days)-1] {
			if has["lib03"] == v {
				now++
			}
		}
		if day := began.Add(time.Duration(first[v]) * 24 * time.Hour).Unix(); s.Appeared != day || s.Hosts != len(hosts[v]) || s.Now != now || (s.Vanished == 0) != (now > 0) {
			t.Errorf("version %s: %+v; it appeared on day %d on %d hosts, of which %d have it", v, s, first[v], len(hosts[v]), now)
		}
	}
}

// TestForget has worker nodes of a site vanish: what was known stays as long as the site
// says, then goes with all that it took.
func TestForget(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("EGI", func(s *Site) { s.Forget, s.Past = 24*time.Hour, 20*24*time.Hour })
		w.site("KEEP")
		w.take(w.report("KEEP", "n", "base 1", "glibc 2"))
		var nums []int64
		for day := range 5 {
			out := w.take(w.report("EGI", fmt.Sprintf("wn%d", day), "base 1", fmt.Sprintf("p%d 1", day)))
			nums = append(nums, out.Host)
			check(t, w.Prune(ctx(t), w.now))
			w.later(24 * time.Hour)
		}
		check(t, w.Prune(ctx(t), w.now.Add(time.Minute)))
		if all := must(w.Hosts(ctx(t), Filter{Sites: []string{"EGI"}}, Page{}))(t); len(all) != 0 {
			t.Errorf("hosts that were seen a day ago are there: %+v", all)
		}
		if one := must(w.Site(ctx(t), "EGI"))(t); one.Hosts != 0 {
			t.Errorf("the site counts %d hosts", one.Hosts)
		}
		if got := fmt.Sprint(w.has(nums[2], noon(2)-12*3600)); got != "[base 1 p2 1]" {
			t.Errorf("a host that is forgotten had %s", got)
		}
		changed := must(w.HostsAfter(ctx(t), 0, 100))(t)
		gone := 0
		for i, h := range changed {
			if i > 0 && h.Edited <= changed[i-1].Edited {
				t.Error("hosts do not come in the order of their changes")
			}
			if h.Gone != 0 {
				gone++
			}
		}
		if gone != 5 {
			t.Errorf("who follows sees %d hosts go", gone)
		}
		back := w.take(w.report("EGI", "wn3", "base 1"))
		if back.Host != nums[3] || back.New {
			t.Errorf("a host that comes back is %+v, not %d", back, nums[3])
		}
		if all := must(w.States(ctx(t), nums[3]))(t); len(all) != 2 || all[1].Until == all[0].From {
			t.Errorf("its states: %+v", all)
		}
		w.later(40 * 24 * time.Hour)
		check(t, w.Prune(ctx(t), w.now))
		w.later(40 * 24 * time.Hour)
		check(t, w.Prune(ctx(t), w.now))
		check(t, d.Read(ctx(t), func(tx *db.Tx) error {
			for table, want := range map[string]int{"sites_host": 1, "sites_seen": 1, "sites_state": 1, "sites_set": 1} {
				var n int
				if err := tx.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
					return err
				}
				if n != want {
					t.Errorf("%s has %d rows, not %d", table, n, want)
				}
			}
			return nil
		}))
		if got := strings.Join(w.has(must(w.HostNamed(ctx(t), "KEEP", "n"))(t).ID, 0), " "); got != "base 1 glibc 2" {
			t.Errorf("the other site has %s", got)
		}
	})
}
