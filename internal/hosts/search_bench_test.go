package hosts

import (
	"context"
	"slices"
	"testing"
	"time"

	"muster/api"
	"muster/inventory"
)

// BenchmarkSearch is a page of 50 of 10,000 hosts on SQLite: 9,500 with 200
// packages of Windows, 500 with 2,500 of Debian. p99 is of the page without
// counting what else matches, count with it.
//
//	go test -run XXX -bench Search -benchtime 200x ./internal/hosts
func BenchmarkSearch(b *testing.B) {
	f := newFleet(b, 10_000, func(seed uint64) *inventory.Document {
		if seed%20 == 0 {
			return debian(seed)
		}
		return windows(seed)
	})
	if err := f.FlushPresence(context.Background()); err != nil {
		b.Fatal(err)
	}
	for _, query := range []string{"", "pc-002", "no-such-word", "name:pc-0001*", "os:debian", "os:debian memory>=8G -group:lab", "ip:10.0.16.0/20", "ip:10.0.0.0/8",
		"package:lib-package-7", "package:lib-package-7<1:7.2-3+deb12u2", `package:"application 7 of some vendor"<8.7.2`, "-package:lib-package-7 seen<7d",
		"package:lib-package-1*", "package:*", "muster:age<1.3 -muster:age:error", "audit:error", "osversion<11", "unit:paris", "has:package",
		"(os:windows or user:alice) cores>=4 vendor:dell -name:*7 seen<1d"} {
		b.Run(query, func(b *testing.B) { f.searches(b, query) })
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
