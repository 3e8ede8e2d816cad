// Package dbtest gives tests empty databases of every engine, on real servers.
// Only tests import it.
package dbtest

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"muster/internal/db"
	"muster/internal/db/mysql"
	"muster/internal/db/postgres"
	"muster/internal/db/sqlite"
	"muster/internal/testneed"
	"muster/internal/testneed/sqlserver"
)

// Each runs test once for every engine, with an empty database.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Open(t, sqlserver.Postgres(t))) })
	t.Run("mysql", func(t *testing.T) { test(t, Open(t, sqlserver.MariaDB(t))) })
}

// InTurn is [Each] in the full run. Each day it is the turn of SQLite and of one of the
// servers, which one the name of the test says. It is for packages with many tests whose
// SQL is alike.
func InTurn(t *testing.T, test func(t *testing.T, d *db.DB)) {
	sum := fnv.New32a()
	sum.Write([]byte(t.Name())) //nolint:errcheck // it never fails
	turn := []string{"postgres", "mysql"}[sum.Sum32()%2]
	run := func(name string, dsn func(testing.TB) string) {
		t.Run(name, func(t *testing.T) {
			if name != "sqlite" && name != turn && testneed.Every(2) > 1 {
				t.Skip("it is the turn of " + turn + "; MUSTER_TEST_FULL=1 runs it")
			}
			test(t, Open(t, dsn(t)))
		})
	}
	run("sqlite", file)
	run("postgres", sqlserver.Postgres)
	run("mysql", sqlserver.MariaDB)
}

// Pairs runs test once for every engine, with an empty database that two
// servers have opened.
func Pairs(t *testing.T, test func(t *testing.T, first, second *db.DB)) {
	for name, dsn := range map[string]func(testing.TB) string{
		"sqlite":   file,
		"postgres": sqlserver.Postgres,
		"mysql":    sqlserver.MariaDB,
	} {
		t.Run(name, func(t *testing.T) {
			dsn := dsn(t)
			test(t, Open(t, dsn), Open(t, dsn))
		})
	}
}

// Servers runs test for the engines that have servers, with the address of an
// empty database.
func Servers(t *testing.T, test func(t *testing.T, dsn string, driver db.Driver)) {
	t.Run("postgres", func(t *testing.T) { test(t, sqlserver.Postgres(t), postgres.Driver{}) })
	t.Run("mysql", func(t *testing.T) { test(t, sqlserver.MariaDB(t), mysql.Driver{}) })
}

// SQLite returns an empty SQLite database, closed with the test.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return Open(t, file(t))
}

// file is the address of a SQLite database that is not there yet.
func file(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(testneed.Memory(), "muster-sqlite-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // it is temporary anyway
	return "sqlite:" + filepath.Join(dir, "test.db")
}

// Open opens a database of any engine and closes it with the test.
func Open(t testing.TB, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dsn, sqlite.Driver{}, postgres.Driver{}, mysql.Driver{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}
