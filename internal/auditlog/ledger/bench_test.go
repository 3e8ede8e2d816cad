package ledger

import (
	"bytes"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/auditlog"
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

// BenchmarkVerify is the question how long a log of a million entries takes.
func BenchmarkVerify(b *testing.B) {
	const entries = 1_000_000
	l := open(b, dbtest.SQLite(b))
	for range entries / 10_000 {
		fill(b, l, 10_000)
	}
	var export bytes.Buffer
	if err := l.Export(b.Context(), &export); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(export.Len()))
	b.ResetTimer()
	for range b.N {
		if r, err := auditlog.Verify(bytes.NewReader(export.Bytes()), l.verifier); err != nil || r.Tree.N != entries {
			b.Fatal(r, err)
		}
	}
}
