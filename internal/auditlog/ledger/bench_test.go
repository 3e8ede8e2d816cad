package ledger

import (
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/db/dbtest"
	"muster/internal/testneed/sqlserver"
)

func storedCount(n int64) int64 { return tlog.StoredHashCount(n) }

// BenchmarkAppend is the question what an entry costs, alone and when 16 people do
// something at once.
func BenchmarkAppend(b *testing.B) {
	for _, engine := range []struct {
		name string
		dsn  func(testing.TB) string
	}{
		{"sqlite", func(t testing.TB) string { return "sqlite:" + t.TempDir() + "/b.db" }},
		{"postgres", sqlserver.Postgres},
		{"mysql", sqlserver.MariaDB},
	} {
		for _, writers := range []int{1, 16} {
			b.Run(engine.name+"/"+map[int]string{1: "alone", 16: "together"}[writers], func(b *testing.B) {
				l := open(b, dbtest.Open(b, engine.dsn(b)))
				fill(b, l, 1000)
				b.ResetTimer()
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for i := w; i < b.N; i += writers {
							if _, err := l.Append(b.Context(), entry(i)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}
