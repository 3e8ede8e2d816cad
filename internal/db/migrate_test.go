package db_test

import (
	"maps"
	"sync"
	"testing"
	"testing/fstest"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

func schema(files ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fs[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fs
}

// Every subject has numbers of its own; files are run once, in order.
func TestMigrate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT); INSERT INTO a_a VALUES (1)")
		b := schema("0001_b.sql", "CREATE TABLE b_b (x BIGINT)")
		more := maps.Clone(a)
		maps.Copy(more, schema("0002_more.sql", "INSERT INTO a_a VALUES (2)", "0003_more.sql", "UPDATE a_a SET x = x * 10"))
		for _, step := range []struct {
			subject string
			files   fstest.MapFS
		}{{"a", a}, {"b", b}, {"a", a}, {"a", more}, {"a", more}, {"b", b}, {"a", a}} {
			if err := d.Migrate(t.Context(), step.subject, step.files); err != nil {
				t.Fatal(err)
			}
		}
		if n := number(t, d, `SELECT sum(x) FROM a_a`); n != 30 {
			t.Errorf("sum %d", n)
		}
	})
}

func TestMigrationForOneDialect(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Migrate(t.Context(), "a", schema(
			"0001_a.sql", "CREATE TABLE a_a (x {{text 20}}); INSERT INTO a_a VALUES ('plain')",
			"0001_a.mysql.sql", "CREATE TABLE a_a (x {{text 20}}); INSERT INTO a_a VALUES ('mysql')",
			"0001_a.postgres.sql", "CREATE TABLE a_a (x {{text 20}}); INSERT INTO a_a VALUES ('postgres')"))
		want := string(d.Dialect())
		if d.Dialect() == db.SQLite {
			want = "plain"
		}
		if err != nil || number(t, d, `SELECT count(*) FROM a_a WHERE x = ?`, want) != 1 {
			t.Fatal(err)
		}
	})
}

func TestMigrationsThatAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := d.Migrate(t.Context(), "a", schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT)")); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name  string
			kind  muster.ErrorKind
			files fstest.MapFS
		}{
			{"changed", muster.Conflict, schema("0001_a.sql", "CREATE TABLE a_a (y BIGINT)")},
			{"renamed", muster.Conflict, schema("0001_b.sql", "CREATE TABLE a_a (x BIGINT)")},
			{"gap", muster.Invalid, schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT)", "0003_b.sql", "")},
			{"twice", muster.Invalid, schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT)", "0001_b.sql", "")},
			{"odd name", muster.Invalid, schema("init.sql", "")},
			{"odd type", muster.Invalid, schema("0001_a.sql", "CREATE TABLE x (y {{int}})")},
			{"no length", muster.Invalid, schema("0001_a.sql", "CREATE TABLE x (y {{text}})")},
			{"not a word", muster.Invalid, schema("0001_a.sql", "CREATE TABLE x (y {{")},
			{"not SQL", muster.Internal, schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT)", "0002_b.sql", "CREATE TABEL b (x BIGINT)")},
			// MySQL has run the first statement, and would refuse another file in its place.
			{"half is SQL", muster.Internal, schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT)", "0002_b.sql", "INSERT INTO a_a VALUES (1); nonsense")},
		} {
			if err := d.Migrate(t.Context(), "a", c.files); muster.KindOf(err) != c.kind {
				t.Errorf("%s: kind %q, want %q: %v", c.name, muster.KindOf(err), c.kind, err)
			}
		}
		if err := d.Migrate(t.Context(), "A-b", schema()); muster.KindOf(err) != muster.Invalid {
			t.Errorf("odd subject: %v", err)
		}
	})
}

// A program that is older than the database works, until a contract migration
// has taken away what it needs.
func TestOlderProgram(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		old := schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT, y BIGINT)")
		expanded := maps.Clone(old)
		maps.Copy(expanded, schema("0002_expand_z.sql", "ALTER TABLE a_a ADD COLUMN z BIGINT"))
		contracted := maps.Clone(expanded)
		maps.Copy(contracted, schema("0003_contract_y.sql", "ALTER TABLE a_a DROP COLUMN y"))
		for _, files := range []fstest.MapFS{old, expanded, old, contracted, contracted} {
			if err := d.Migrate(t.Context(), "a", files); err != nil {
				t.Fatal(err)
			}
		}
		for _, files := range []fstest.MapFS{old, expanded} {
			err := d.Migrate(t.Context(), "a", files)
			if muster.KindOf(err) != muster.Conflict || muster.HintOf(err) == "" {
				t.Errorf("an older program on a contracted database: %v", err)
			}
		}
	})
}

// Several servers start at once on one empty database.
func TestMigrateAtOnce(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		files := schema(
			"0001_a.sql", "CREATE TABLE a_a (x BIGINT NOT NULL); INSERT INTO a_a VALUES (0)",
			"0002_b.sql", "UPDATE a_a SET x = x + 1; UPDATE a_a SET x = x + 1",
			"0003_c.sql", "CREATE TABLE a_c (x BIGINT); UPDATE a_a SET x = x + 1")
		var wg sync.WaitGroup
		for _, d := range []*db.DB{first, second, first, second} {
			wg.Go(func() {
				if err := d.Migrate(t.Context(), "a", files); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := number(t, first, `SELECT x FROM a_a`); n != 3 {
			t.Errorf("files were run more or less than once: %d", n)
		}
	})
}

// Servers of the release before go on writing while one of the next expands
// the tables, and contracts what they do not use.
func TestMigrateWhileOthersWrite(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, old, next *db.DB) {
		files := schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT PRIMARY KEY, unused BIGINT)")
		if err := old.Migrate(t.Context(), "a", files); err != nil {
			t.Fatal(err)
		}
		stop := make(chan bool)
		written := 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					written++
					mustWrite(t, old, "INSERT INTO a_a (x) VALUES (?)", written)
					if n := number(t, old, "SELECT max(x) FROM a_a"); n != int64(written) {
						t.Errorf("%d is the newest, not %d", n, written)
					}
				}
			}
		})
		maps.Copy(files, schema(
			"0002_expand_y.sql", "ALTER TABLE a_a ADD COLUMN y {{text 20}}; ALTER TABLE a_a ADD COLUMN z BIGINT NOT NULL DEFAULT 5",
			"0003_index.sql", "CREATE INDEX a_z ON a_a (z, y)",
			"0004_rows.sql", "UPDATE a_a SET y = 'new' WHERE y IS NULL",
			"0005_contract_unused.sql", "ALTER TABLE a_a DROP COLUMN unused"))
		if err := next.Migrate(t.Context(), "a", files); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
		if n := number(t, next, "SELECT count(*) FROM a_a WHERE z = 5"); n != int64(written) {
			t.Errorf("%d rows of %d", n, written)
		}
	})
}
