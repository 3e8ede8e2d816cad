package sites

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"muster/internal/db/dbtest"
	"muster/sitereport"
)

// BenchmarkYear has hosts report once a day for a year, and reports how many bytes of
// database a host takes for that, and how long questions about the past take:
//
//	MUSTER_BENCH_HOSTS=200 MUSTER_BENCH_DAYS=365 MUSTER_BENCH_PACKAGES=800 \
//		go test ./internal/sites -run XXX -bench Year -benchtime 1x -timeout 1h
//
// Hosts are of 20 roles. A role upgrades 1 to 8 packages every third day, 40 once a
// month, and a kernel every six weeks; its hosts follow within 3 days. Beside that one
// host in fifty installs, removes or upgrades something of its own each day.
func BenchmarkYear(b *testing.B) {
	for range b.N {
		f := newFleet(number("MUSTER_BENCH_HOSTS", 100), number("MUSTER_BENCH_PACKAGES", 800))
		days := number("MUSTER_BENCH_DAYS", 365)
		path := filepath.Join(b.TempDir(), "year.db")
		w := newWorld(b, dbtest.Open(b, "sqlite:"+path))
		w.site("A", func(s *Site) { s.Quota = Quota{Hosts: 1e6, Reports: 1e9, Packages: 1e9, Bytes: 1e12} })
		begun := time.Now()
		for day := range days {
			f.live(day)
			f.report(w)
			w.later(24 * time.Hour)
		}
		reports := float64(len(f.hosts) * days)
		b.ReportMetric(reports/time.Since(begun).Seconds(), "reports/s")
		b.ReportMetric(float64(f.changed)/reports, "changed/report")
		b.ReportMetric(0, "ns/op")
		f.measure(b, w, path, days)
	}
}

func number(name string, other int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return other
}

// A fleet is hosts that live.
type fleet struct {
	rand    *rand.Rand
	roles   []map[string]int // package: version, as the repository has it
	kernels []int
	hosts   []*fleetHost
	changed int
}

type fleetHost struct {
	role   int
	due    int // day on which it follows its role
	has    map[string]int
	kernel int
	dirty  bool
	list   []sitereport.Package // sorted
}

func newFleet(hosts, packages int) *fleet {
	f := &fleet{rand: rand.New(rand.NewPCG(1, 9))}
	for role := range 20 {
		has := map[string]int{}
		for i := range packages {
			// Four of five packages every role has.
			name := fmt.Sprintf("lib%04d", i)
			if i%5 == 0 {
				name = fmt.Sprintf("role%02d-%04d", role, i)
			}
			has[name] = 1
		}
		f.roles, f.kernels = append(f.roles, has), append(f.kernels, 1)
	}
	for i := range hosts {
		h := &fleetHost{role: i % 20, has: map[string]int{}, dirty: true}
		for name, v := range f.roles[h.role] {
			h.has[name] = v
		}
		f.hosts = append(f.hosts, h)
	}
	return f
}

// live lets a day go by. Roles have the same distribution: what is upgraded in one is in
// all that have it.
func (f *fleet) live(day int) {
	upgrades := 0
	if day%3 == 2 {
		upgrades = 1 + f.rand.IntN(8)
	}
	if day%30 == 29 {
		upgrades = 40
	}
	packages := len(f.roles[0])
	for range upgrades {
		i := f.rand.IntN(packages)
		for role := range f.roles {
			name := fmt.Sprintf("lib%04d", i)
			if i%5 == 0 {
				name = fmt.Sprintf("role%02d-%04d", role, i)
			}
			f.roles[role][name]++
		}
	}
	if day%42 == 41 {
		for role := range f.kernels {
			f.kernels[role]++
		}
	}
	for _, h := range f.hosts {
		f.follow(h, day, upgrades > 0)
	}
}

func (f *fleet) follow(h *fleetHost, day int, news bool) {
	if news && h.due <= day {
		h.due = day + f.rand.IntN(4)
	}
	if h.due == day {
		for name, v := range f.roles[h.role] {
			if _, ok := h.has[name]; ok && h.has[name] != v {
				h.has[name], h.dirty = v, true
			}
		}
		if h.kernel != f.kernels[h.role] {
			h.kernel, h.dirty = f.kernels[h.role], true
		}
	}
	if f.rand.IntN(50) == 0 {
		name := fmt.Sprintf("own%03d", f.rand.IntN(300))
		if h.dirty = true; h.has[name] > 0 && f.rand.IntN(2) == 0 {
			delete(h.has, name)
		} else {
			h.has[name]++
		}
	}
}

// report has all hosts report, 64 at a time.
func (f *fleet) report(w *world) {
	var all sync.WaitGroup
	places := make(chan bool, 64)
	var mu sync.Mutex
	for i, h := range f.hosts {
		r := w.report("A", fmt.Sprintf("wn%05d.example.org", i))
		places <- true
		all.Go(func() {
			defer func() { <-places }()
			if h.dirty {
				h.pack()
			}
			r.Packages, r.System.Kernel = h.list, fmt.Sprintf("6.1.0-%d-amd64", h.kernel)
			out, err := w.Take(w.t.Context(), w.now, r, by("A"))
			if err != nil {
				w.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if out.Changed {
				f.changed++
			}
		})
	}
	all.Wait()
}

func (h *fleetHost) pack() {
	h.dirty, h.list = false, nil
	for name, v := range h.has {
		h.list = append(h.list, sitereport.Package{Manager: "dpkg", Name: name, Version: fmt.Sprintf("2.%d-%d+deb12u%d", len(name), v, v), Arch: "amd64", Source: name[:4], Origin: "Debian"})
	}
	h.list = sitereport.SortPackages(h.list)
}

// measure reports what the database takes, and how long it is asked.
func (f *fleet) measure(b *testing.B, w *world, path string, days int) {
	took := func(name string, n int, ask func(i int)) {
		begun := time.Now()
		for i := range n {
			ask(i)
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/1000/float64(n), name)
	}
	hosts := must(w.Hosts(ctx(b), Filter{}, Page{Limit: 10_000}))(b)
	// Memory is empty, as after a restart.
	w.Sites = must(Open(ctx(b), Config{DB: w.DB}))(b)
	took("ms/host-at", 100, func(i int) {
		must(w.HostDiff(ctx(b), hosts[i*7%len(hosts)].ID, began.Unix()+int64(i*days/100)*86400+43200, 0))(b)
	})
	took("ms/site-at", 5, func(i int) {
		if _, n, err := w.SiteAt(ctx(b), "A", began.Unix()+int64(i*days/5)*86400+43200); err != nil || n != len(hosts) {
			b.Error(n, err)
		}
	})
	took("ms/versions", 5, func(i int) {
		n := 0
		check(b, w.Versions(ctx(b), fmt.Sprintf("lib%04d", 5*i+1), 0, 0, func(Interval) error { n++; return nil }))
		if n < len(hosts) {
			b.Error(n)
		}
	})
	newest := must(w.KnownNamed(ctx(b), []string{"lib0001"}))(b)
	ids := []int64{}
	for _, k := range newest {
		ids = append(ids, k.ID)
	}
	took("ms/holders", 5, func(int) {
		n := 0
		check(b, w.Holders(ctx(b), ids, nil, func(Host, int64) error { n++; return nil }))
		if n != len(hosts) {
			b.Error(n)
		}
	})
	check(b, w.DB.Backup(ctx(b), path+".copy"))
	size := must(os.Stat(path + ".copy"))(b).Size()
	b.ReportMetric(float64(size)/float64(len(hosts))/float64(days)*365, "B/host-year")
	b.ReportMetric(float64(size)/1e6, "MB")
}
