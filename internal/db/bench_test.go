package db_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/db/mysql"
	"muster/internal/db/postgres"
	"muster/internal/db/sqlite"
	"muster/internal/testneed/sqlserver"
)

const benchHosts = 10_000

var benchEngines = []struct {
	name   string
	dsn    func(testing.TB) string
	driver db.Driver
	pool   int // connections that pay without groups
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "b.db") }, sqlite.Driver{}, 1},
	{"postgres", sqlserver.Postgres, postgres.Driver{}, 16},
	{"mysql", sqlserver.MariaDB, mysql.Driver{}, 16},
}

// BenchmarkWrite is the question how many check-ins a second are on disk: each
// changes one row of 10,000. "group" is this package; "alone" is a transaction
// for each on up to 16 connections, as a program would do without it.
func BenchmarkWrite(b *testing.B) {
	for _, engine := range benchEngines {
		dsn := engine.dsn(b)
		d := dbtest.Open(b, dsn)
		fill(b, d)
		group := func(id int) error {
			return d.Write(b.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec("UPDATE b_hosts SET seen = seen + 1, counter = ? WHERE id = ?", id, hostID(id))
				return err
			})
		}
		update := "UPDATE b_hosts SET seen = seen + 1, counter = ? WHERE id = ?"
		if d.Dialect() == db.Postgres {
			update = "UPDATE b_hosts SET seen = seen + 1, counter = $1 WHERE id = $2"
		}
		raw := rawPool(b, engine.driver, dsn, engine.pool)
		alone := func(id int) error {
			_, err := raw.ExecContext(b.Context(), update, id, hostID(id))
			return err
		}
		for _, writers := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d/group", engine.name, writers), func(b *testing.B) { many(b, writers, group) })
			b.Run(fmt.Sprintf("%s/%d/alone", engine.name, writers), func(b *testing.B) { many(b, writers, alone) })
		}
	}
}

// rawPool opens the database without the writer.
func rawPool(b *testing.B, driver db.Driver, dsn string, connections int) *sql.DB {
	b.Helper()
	raw, err := driver.Open(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	raw.Write.SetMaxOpenConns(connections)
	raw.Write.SetMaxIdleConns(connections)
	b.Cleanup(func() {
		raw.Write.Close()
		raw.Read.Close()
	})
	return raw.Write
}

// BenchmarkUpsert is the question how many rows of inventories a second are on
// disk: a write puts 1,000 rows of which half are there.
func BenchmarkUpsert(b *testing.B) {
	const each = 1000
	for _, engine := range benchEngines {
		d := dbtest.Open(b, engine.dsn(b))
		fill(b, d)
		b.Run(engine.name, func(b *testing.B) {
			for n := range b.N {
				rows := make([][]any, each)
				for i := range rows {
					rows[i] = []any{hostID(n*each/2 + i), n, i, "host.example.org"}
				}
				err := d.Write(b.Context(), func(tx *db.Tx) error {
					return tx.Upsert("b_hosts", []string{"id"}, []string{"id", "seen", "counter", "name"}, rows)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func hostID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

func fill(b *testing.B, d *db.DB) {
	b.Helper()
	err := d.Migrate(b.Context(), "b", schema("0001_b.sql",
		`CREATE TABLE b_hosts (id {{text 36}} PRIMARY KEY, seen BIGINT NOT NULL, counter BIGINT NOT NULL, name {{text 100}} NOT NULL)`))
	if err != nil {
		b.Fatal(err)
	}
	rows := make([][]any, benchHosts)
	for i := range rows {
		rows[i] = []any{hostID(i), 0, 0, fmt.Sprintf("host%d.example.org", i)}
	}
	err = d.Write(b.Context(), func(tx *db.Tx) error {
		return tx.Insert("b_hosts", []string{"id", "seen", "counter", "name"}, rows)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// many shares b.N writes among writers and reports how many a second ended,
// and how long the slowest hundredth took.
func many(b *testing.B, writers int, write func(id int) error) {
	took := make([]time.Duration, b.N)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < b.N; i += writers {
				begun := time.Now()
				if err := write(rand.IntN(benchHosts)); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(begun)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
}
