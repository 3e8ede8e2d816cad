package db_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

func TestUpsert(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		mustWrite(t, d, `INSERT INTO t_things (id, name) VALUES (1, 'a')`)
		rows := make([][]any, 0, 2000)
		for i := range 1000 {
			rows = append(rows, []any{1, fmt.Sprint(i), i})
		}
		for i := range 1000 { // the same again: the last counts
			rows = append(rows, []any{1, fmt.Sprint(i), i + 1})
		}
		put := func(rows [][]any, cols ...string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				return tx.Upsert("t_parts", []string{"thing", "slot"}, cols, rows)
			})
		}
		for range 2 {
			if err := put(rows, "thing", "slot", "count"); err != nil {
				t.Fatal(err)
			}
		}
		if n := number(t, d, `SELECT count(*) FROM t_parts`); n != 1000 {
			t.Errorf("%d rows", n)
		}
		if n := number(t, d, `SELECT sum(count) FROM t_parts`); n != 500_500 {
			t.Errorf("sum %d", n)
		}
		for _, err := range []error{
			put(rows, "thing", "count", "slots"),
			put(rows, "thing", "slot"),
			put([][]any{{1, "x", 1}}, "thing", "slot", `count", "x`),
		} {
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("no refusal: %v", err)
			}
		}
	})
}

func TestUpsertOfKeysOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		mustWrite(t, d, `CREATE TABLE t_set (k BIGINT PRIMARY KEY)`)
		for range 2 {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				return tx.Upsert("t_set", []string{"k"}, []string{"k"}, [][]any{{1}, {2}, {1}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := number(t, d, `SELECT count(*) FROM t_set`); n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestInsertMany(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ready(t, d)
		rows := make([][]any, 3000)
		for i := range rows {
			rows[i] = []any{fmt.Sprint("n", i), []byte(strings.Repeat("b", i))}
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return tx.Insert("t_things", []string{"name", "body"}, rows)
		})
		if err != nil {
			t.Fatal(err)
		}
		names := []any{"n5", "n2999", "n3000"}
		if n := number(t, d, `SELECT count(*) FROM t_things WHERE name IN `+db.In(len(names)), names...); n != 2 {
			t.Errorf("%d of the names are there", n)
		}
		if n := number(t, d, `SELECT count(*) FROM t_things WHERE name IN `+db.In(0)); n != 0 {
			t.Errorf("%d names of none are there", n)
		}
	})
}

// Numbers count up under each name, and an answer is given row by row, until the
// one who reads it has enough.
func TestNextAndEach(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		mustWrite(t, d, `CREATE TABLE t_number (name VARCHAR(20) NOT NULL PRIMARY KEY, last BIGINT NOT NULL)`)
		mustWrite(t, d, `INSERT INTO t_number (name, last) VALUES ('a', 0), ('b', 10)`)
		enough := errors.New("enough")
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for _, want := range []struct {
				name     string
				n, first int64
			}{{"a", 1, 1}, {"a", 3, 2}, {"b", 2, 11}, {"a", 1, 5}} {
				if got, err := tx.Next("t_number", want.name, want.n); err != nil || got != want.first {
					t.Errorf("%+v: %d, %v", want, got, err)
				}
			}
			if _, err := tx.Next(`t_number" --`, "a", 1); muster.KindOf(err) != muster.Invalid {
				t.Errorf("no refusal: %v", err)
			}
			read := 0
			return tx.Each("SELECT last FROM t_number WHERE last > ? ORDER BY last", []any{1}, func(scan db.Scan) error {
				read++
				var last int64
				if err := scan(&last); err != nil || last != 5 || read > 1 {
					t.Errorf("row %d: %d, %v", read, last, err)
				}
				return enough
			})
		})
		if !errors.Is(err, enough) {
			t.Error(err)
		}
	})
}
