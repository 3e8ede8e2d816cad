package db_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// tables are a schema with every type.
var tables = fstest.MapFS{
	"0001_things.sql": {Data: []byte(`
CREATE TABLE t_things (
	id {{id}},            -- a number; with a "?" and a ; in a comment
	name {{text 100}} NOT NULL UNIQUE,
	sum {{hash}},
	body {{blob}},
	note {{long}},
	"at" BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX t_things_at ON t_things ("at");`)},
	"0002_parts.sql": {Data: []byte(`
CREATE TABLE t_parts (
	thing BIGINT NOT NULL, slot {{text 20}} NOT NULL, count BIGINT NOT NULL,
	PRIMARY KEY (thing, slot),
	FOREIGN KEY (thing) REFERENCES t_things (id)
) {{clustered}};`)},
}

// ready migrates a database to tables.
func ready(t *testing.T, d *db.DB) *db.DB {
	t.Helper()
	if err := d.Migrate(t.Context(), "t", tables); err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, d *db.DB, query string, args ...any) error {
	t.Helper()
	return d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
}

func mustWrite(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	if err := write(t, d, query, args...); err != nil {
		t.Fatal(err)
	}
}

// number reads one number.
func number(t *testing.T, d *db.DB, query string, args ...any) (n int64) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestValuesComeBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		blob := []byte{0, 1, 0xff, '\'', '\\', 0}
		long := strings.Repeat("é€😀\\'\"", 50_000)
		mustWrite(t, d, `INSERT INTO t_things (name, sum, body, note, "at") VALUES (?, ?, ?, ?, ?)`,
			"wie's \\ läuft?", blob[:3], blob, long, int64(-1)<<62)
		var (
			name, note string
			sum, body  []byte
			at         int64
		)
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(`SELECT name, sum, body, note, "at" FROM t_things WHERE name = ?`, "wie's \\ läuft?").
				Scan(&name, &sum, &body, &note, &at)
		})
		if err != nil || name != "wie's \\ läuft?" || string(sum) != string(blob[:3]) || string(body) != string(blob) || note != long || at != -1<<62 {
			t.Fatalf("%q %x %x %d bytes %d: %v", name, sum, body, len(note), at, err)
		}
	})
}

// Values of Go's types are kept alike.
func TestValuesOfManyTypes(t *testing.T) {
	type word string
	type count int32
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		mustWrite(t, d, map[db.Dialect]string{
			db.SQLite:   `CREATE TABLE t_v (n BIGINT, s VARCHAR(9), b BLOB)`,
			db.Postgres: `CREATE TABLE t_v (n BIGINT, s VARCHAR(9), b BYTEA)`,
			db.MySQL:    `CREATE TABLE t_v (n BIGINT, s VARCHAR(9), b BLOB)`,
		}[d.Dialect()])
		five := int64(5)
		for _, c := range []struct {
			column, is string
			value      any
		}{
			{"n", "n = 1", true},
			{"n", "n = 0", false},
			{"n", "n = 7", count(7)},
			{"n", "n = 200", uint8(200)},
			{"n", "n = 4000000000", uint32(4_000_000_000)},
			{"n", "n = 5", &five},
			{"n", "n IS NULL", (*int64)(nil)},
			{"n", "n IS NULL", nil},
			{"s", "s = 'w'", word("w")},
			{"s", "s = ''", ""},
			{"b", "b IS NULL", []byte(nil)},
			{"b", "b IS NOT NULL AND length(b) = 0", []byte{}},
			{"b", "length(b) = 2", json.RawMessage("{}")},
		} {
			mustWrite(t, d, `DELETE FROM t_v`)
			mustWrite(t, d, `INSERT INTO t_v (`+c.column+`) VALUES (?)`, c.value)
			if number(t, d, `SELECT count(*) FROM t_v WHERE `+c.is) != 1 {
				t.Errorf("%T %v is not kept so that %s", c.value, c.value, c.is)
			}
		}
		for _, bad := range []any{word("\xff"), time.Unix(0, 0), []string{"a"}, struct{}{}} {
			if err := write(t, d, `INSERT INTO t_v (s) VALUES (?)`, bad); err == nil {
				t.Errorf("%T %v is kept", bad, bad)
			}
		}
		var yes, no bool
		err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(`SELECT 1, 0`).Scan(&yes, &no) })
		if err != nil || !yes || no {
			t.Errorf("read %v, %v: %v", yes, no, err)
		}
	})
}

func TestTextIsComparedByteByByte(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		names := []string{"B", "a", "A", "ä", "a ", "b", "Ä"}
		for _, n := range names {
			mustWrite(t, d, `INSERT INTO t_things (name) VALUES (?)`, n)
		}
		var got []string
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			rows, err := tx.Query(`SELECT name FROM t_things ORDER BY name`)
			for err == nil && rows.Next() {
				var n string
				err = rows.Scan(&n)
				got = append(got, n)
			}
			return errors.Join(err, rows.Err())
		})
		if want := "A,B,a,a ,b,Ä,ä"; err != nil || strings.Join(got, ",") != want {
			t.Fatalf("got %q, want %q: %v", got, want, err)
		}
	})
}

func TestErrorsHaveKinds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		mustWrite(t, d, `INSERT INTO t_things (name) VALUES ('a')`)
		for _, c := range []struct {
			kind  muster.ErrorKind
			query string
			args  []any
		}{
			{muster.Conflict, `INSERT INTO t_things (name) VALUES ('a')`, nil},
			{muster.Conflict, `INSERT INTO t_parts (thing, slot, count) VALUES (77, 'x', 1)`, nil},
			{muster.Invalid, `INSERT INTO t_things (name) VALUES (NULL)`, nil},
			{muster.Invalid, `INSERT INTO t_things (name) VALUES (?)`, []any{"nul\x00"}},
			{muster.Invalid, `INSERT INTO t_things (name) VALUES (?)`, []any{"\xff"}},
			{muster.Invalid, `INSERT INTO t_things (name) VALUES (?)`, []any{strings.Repeat("é", 101)}},
			{muster.Invalid, `INSERT INTO t_things (name, sum) VALUES ('b', ?)`, []any{make([]byte, 33)}},
			{"", `INSERT INTO t_things (name, sum) VALUES (?, ?)`, []any{strings.Repeat("é", 100), make([]byte, 32)}},
			{muster.Internal, `INSERT INTO t_nothing (name) VALUES ('x')`, nil},
		} {
			if err := write(t, d, c.query, c.args...); muster.KindOf(err) != c.kind {
				t.Errorf("%s: kind %q, want %q: %v", c.query, muster.KindOf(err), c.kind, err)
			}
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			var n int
			return tx.QueryRow(`SELECT id FROM t_things WHERE name = 'none'`).Scan(&n)
		})
		if muster.KindOf(err) != muster.NotFound || !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("no row: %v", err)
		}
	})
}

func TestReadCannotWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(`INSERT INTO t_things (name) VALUES ('a')`)
			return err
		})
		if err == nil || number(t, d, `SELECT count(*) FROM t_things`) != 0 {
			t.Fatalf("a read wrote: %v", err)
		}
	})
}

// A read sees one moment, also while others write.
func TestReadSeesOneMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			for range 3 {
				var n int
				if err := tx.QueryRow(`SELECT count(*) FROM t_things`).Scan(&n); err != nil {
					return err
				}
				if n != 0 {
					t.Errorf("a read that began before sees %d rows", n)
				}
				mustWrite(t, d, `INSERT INTO t_things (name) VALUES (?)`, "x"+strings.Repeat("y", int(number(t, d, `SELECT count(*) FROM t_things`))))
			}
			return nil
		})
		if err != nil || number(t, d, `SELECT count(*) FROM t_things`) != 3 {
			t.Fatal(err)
		}
	})
}

func TestClosedDatabaseRefuses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := write(t, d, `DELETE FROM t_things`); muster.KindOf(err) != muster.Unavailable {
			t.Errorf("write: %v", err)
		}
		if err := d.Read(t.Context(), func(*db.Tx) error { return nil }); err == nil {
			t.Error("read of a closed database")
		}
	})
}

func TestAddressOfNoEngine(t *testing.T) {
	for _, dsn := range []string{"", "oracle://secret", "secret", "/var/lib/x.db"} {
		_, err := db.Open(context.Background(), dsn)
		if muster.KindOf(err) != muster.Invalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", dsn, err)
		}
	}
}
