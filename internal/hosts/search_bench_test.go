package hosts

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/search"
)

// BenchmarkSearch is what people look at, of many hosts on SQLite: of 20, 19 with 200
// packages of Windows, one with 2,500 of Debian. Of searches, pages of 50: the first by
// name, the one after it, the first with the count of all that match, and by when hosts
// were seen.
//
//	go test -run XXX -bench Search/hosts=50000 -benchtime 60x -timeout 60m -v ./internal/hosts
func BenchmarkSearch(b *testing.B) {
	for _, hosts := range []int{10_000, 50_000} {
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) { benchmarkSearch(b, hosts) })
	}
}

func benchmarkSearch(b *testing.B, hosts int) {
	f := &fleet{world: newWorld(b, dbtest.SQLite(b))}
	begin := time.Now()
	for i := 0; i < hosts; i += 500 {
		f.fill(b, i, min(i+500, hosts))
	}
	if err := f.refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Logf("made in %v", time.Since(begin))
	f.start(b)
	for _, query := range []string{"", "pc-002", "no-such-word", "name:pc-0001*", "os:debian", "os:debian memory>=8G -group:lab", "ip:10.0.16.0/20", "ip:10.0.0.0/8",
		"package:lib-package-7", "package:lib-package-7<1:7.2-3+deb12u2", `package:"application 7 of some vendor"<8.7.2`, "-package:lib-package-7 seen<7d",
		"package:lib-package-1*", "package:*", "muster:age<1.3 -muster:age:error", "audit:error", "osversion<11", "unit:paris", "has:package",
		"(os:windows or user:alice) cores>=4 vendor:dell -name:*7 seen<1d"} {
		b.Run(query, func(b *testing.B) { f.searches(b, query) })
	}
	b.Logf("a group of most hosts was made in %v", timed(b, func() error {
		return second(f.PutGroup(b.Context(), api.Group{Name: "windows", Query: "os:windows"}))
	}))
	err := f.DB.Write(b.Context(), func(tx *db.Tx) error {
		number, err := tx.Next("hosts_number", "change", 1)
		if err != nil {
			return err
		}
		return second(tx.Exec("UPDATE hosts_host SET edited = ?", number))
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("reading them again took %v", timed(b, func() error { return f.keepCensus(b.Context()) }))
	few := f.Hosts.Part(search.Within(parsed(b, "os:debian"), parsed(b, "name:pc-0001*")), search.Scope{}, nil)
	for name, look := range map[string]func() error{
		"host-by-name":      func() error { return second(f.Detail(b.Context(), "pc-000700")) },
		"host-by-id":        func() error { return second(f.Detail(b.Context(), hostID(700))) },
		"software":          func() error { return second(f.Software(b.Context(), "", "", 100)) },
		"software-pattern":  func() error { return second(f.Software(b.Context(), "lib-package-1*<9", "", 100)) },
		"totals":            func() error { return second(f.Totals(b.Context(), "status")) },
		"groups":            func() error { return second(f.Groups(b.Context())) },
		"group":             func() error { return second(f.Group(b.Context(), "windows")) },
		"some-see-hosts":    func() error { return second(few.List(b.Context(), api.HostQuery{Count: true})) },
		"some-see-host":     func() error { return second(few.Detail(b.Context(), "pc-000780")) },
		"some-see-software": func() error { return second(few.Software(b.Context(), "", "", 100)) },
		"some-see-groups":   func() error { return second(few.Groups(b.Context())) },
		"some-see-group":    func() error { return second(few.Group(b.Context(), "windows")) },
		"some-see-events":   func() error { return second(few.Events(b.Context(), api.EventQuery{})) },
		"some-see-history":  func() error { return second(few.History(b.Context(), api.HistoryQuery{})) },
	} {
		b.Run(name, func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				all = append(all, timed(b, look))
			}
			report99(b, name, all)
		})
	}
}

func parsed(b *testing.B, query string) *search.Query {
	b.Helper()
	q, err := search.Parse(query)
	if err != nil {
		b.Fatal(err)
	}
	return q
}

// start reads the census as a server does that starts, and says what it takes.
func (f *fleet) start(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	if err := f.keepCensus(b.Context()); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("the census of %d hosts took %v to read and takes %d KiB", len(f.census.places), took, (after.HeapAlloc-before.HeapAlloc)>>10)
}

// fill puts hosts into the database in one transaction: there is no time for keys.
func (f *fleet) fill(b *testing.B, from, to int) {
	reports := make([]report, to-from)
	for i := range reports {
		seed := uint64(from + i)
		doc := windows(seed)
		if seed%20 == 0 {
			doc = debian(seed)
		}
		reports[i] = report{h: f.Hosts, c: &Caller{id: hostID(from + i), counter: 1, at: start}, doc: doc}
		if _, _, err := reports[i].prepare(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	err := f.DB.Write(b.Context(), func(tx *db.Tx) error {
		for i := range reports {
			r := &reports[i]
			n := newHost{id: r.c.id, state: api.Accepted, spki: []byte{1}, at: start.Unix(), from: netAddr(from + i).String(),
				facts: api.Facts{Hostname: r.doc.System.Hostname, OS: r.doc.System.OS, Arch: "amd64"}}
			h, err := n.insert(tx)
			if err != nil {
				return err
			}
			r.c.num = h.num
			if err := r.store(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range reports {
		for _, w := range reports[i].words {
			s := w.software
			f.Hosts.words.put(w.sum, &s)
		}
	}
}

func (f *fleet) searches(b *testing.B, query string) {
	all := map[string][]time.Duration{}
	for b.Loop() {
		next := ""
		for _, p := range []struct {
			name string
			q    api.HostQuery
		}{{"page", api.HostQuery{}}, {"next", api.HostQuery{}}, {"count", api.HostQuery{Count: true}}, {"seen", api.HostQuery{Sort: "-seen"}}} {
			if p.q.Query = query; p.name == "next" {
				p.q.Cursor = next
			}
			all[p.name] = append(all[p.name], timed(b, func() error {
				page, err := f.List(context.Background(), p.q)
				next = page.Next
				return err
			}))
		}
	}
	for name, times := range all {
		report99(b, name, times)
	}
}

func timed(b *testing.B, f func() error) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

func report99(b *testing.B, name string, all []time.Duration) {
	slices.Sort(all)
	for q, at := range map[string]int{"p50": len(all) / 2, "p99": len(all) * 99 / 100} {
		b.ReportMetric(float64(all[at].Microseconds())/1000, name+"-"+q+"-ms")
	}
}
