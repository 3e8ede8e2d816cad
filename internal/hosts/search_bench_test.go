package hosts

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// BenchmarkSearch is a page of 50 of many hosts on SQLite: of 20, 19 with 200
// packages of Windows, one with 2,500 of Debian. p99 is of the page without counting
// what else matches, count with it.
//
//	go test -run XXX -bench Search/hosts=50000 -benchtime 50x -timeout 30m ./internal/hosts
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
	for _, query := range []string{"", "pc-002", "no-such-word", "name:pc-0001*", "os:debian", "os:debian memory>=8G -group:lab", "ip:10.0.16.0/20", "ip:10.0.0.0/8",
		"package:lib-package-7", "package:lib-package-7<1:7.2-3+deb12u2", `package:"application 7 of some vendor"<8.7.2`, "-package:lib-package-7 seen<7d",
		"package:lib-package-1*", "package:*", "muster:age<1.3 -muster:age:error", "audit:error", "osversion<11", "unit:paris", "has:package",
		"(os:windows or user:alice) cores>=4 vendor:dell -name:*7 seen<1d"} {
		b.Run(query, func(b *testing.B) { f.searches(b, query) })
	}
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
	var pages, counts []time.Duration
	for b.Loop() {
		begin := time.Now()
		if _, err := f.List(context.Background(), api.HostQuery{Query: query}); err != nil {
			b.Fatal(err)
		}
		pages = append(pages, time.Since(begin))
		begin = time.Now()
		if _, err := f.List(context.Background(), api.HostQuery{Query: query, Count: true}); err != nil {
			b.Fatal(err)
		}
		counts = append(counts, time.Since(begin))
	}
	for name, all := range map[string][]time.Duration{"page": pages, "count": counts} {
		slices.Sort(all)
		for q, at := range map[string]int{"p50": len(all) / 2, "p99": len(all) * 99 / 100} {
			b.ReportMetric(float64(all[at].Microseconds())/1000, name+"-"+q+"-ms")
		}
	}
}
