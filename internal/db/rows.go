package db

import (
	"fmt"
	"slices"
	"strings"

	"muster"
)

// Bounds of one statement of many rows: SQLite takes 32,766 values, the others
// 65,535; and a statement should not hold up the connection with much memory.
const (
	chunkRows   = 256
	chunkValues = 16384
	chunkBytes  = 1 << 20
)

// In returns the right side of "x IN" for n values: "(?,?,?)". Without any it
// is a list that nothing is in.
func In(n int) string {
	if n <= 0 {
		return "(NULL)"
	}
	return "(" + strings.Repeat("?,", n-1) + "?)"
}

// A Scan copies the columns of a row.
type Scan func(dest ...any) error

// Each calls f for every row of an answer.
func (t *Tx) Each(query string, args []any, f func(Scan) error) error {
	rows, err := t.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Next gives n numbers that count up under a name, and returns the first. They are
// kept in a table with the columns name and last, and a row for the name. A
// transaction that writes has the database for itself, so that nobody else has them,
// and who sees a number committed has seen all below.
func (t *Tx) Next(table, name string, n int64) (int64, error) {
	if err := checkNames([]string{table}); err != nil {
		return 0, err
	}
	if _, err := t.Exec("UPDATE "+names([]string{table})+" SET last = last + ? WHERE name = ?", n, name); err != nil {
		return 0, err
	}
	var last int64
	err := t.QueryRow("SELECT last FROM "+names([]string{table})+" WHERE name = ?", name).Scan(&last)
	return last - n + 1, err
}

// Insert adds rows, each with a value for every one of cols.
func (t *Tx) Insert(table string, cols []string, rows [][]any) error {
	return t.many(table, cols, rows, "")
}

// Upsert adds rows, or, where one with the same key is there, sets its other
// columns. key are the columns of the primary key, and part of cols. The table
// should have no other unique key, for MySQL would replace what has that. Of
// rows with the same key the last counts.
func (t *Tx) Upsert(table string, key, cols []string, rows [][]any) error {
	at, err := positions(table, key, cols)
	if err != nil {
		return err
	}
	return t.many(table, cols, newest(rows, at), t.replacing(key, cols))
}

// replacing is the end of a statement that inserts or replaces.
func (t *Tx) replacing(key, cols []string) string {
	before, is := " ON CONFLICT ("+names(key)+") DO UPDATE SET ", "%[1]s = excluded.%[1]s"
	if t.db.dialect == MySQL {
		before, is = " ON DUPLICATE KEY UPDATE ", "%[1]s = VALUES(%[1]s)"
	}
	var set []string
	for _, c := range cols {
		if !slices.Contains(key, c) {
			set = append(set, fmt.Sprintf(is, names([]string{c})))
		}
	}
	switch {
	case len(set) > 0:
		return before + strings.Join(set, ", ")
	case t.db.dialect == MySQL:
		return before + fmt.Sprintf("%[1]s = %[1]s", names(key[:1]))
	}
	return " ON CONFLICT (" + names(key) + ") DO NOTHING"
}

// many inserts rows, some hundred a statement.
func (t *Tx) many(table string, cols []string, rows [][]any, end string) error {
	if err := checkNames(append([]string{table}, cols...)); err != nil {
		return err
	}
	for i, r := range rows {
		if len(r) != len(cols) {
			return muster.Errorf(muster.Invalid, "row %d for table %q has %d values for %d columns", i, table, len(r), len(cols))
		}
	}
	head := "INSERT INTO " + names([]string{table}) + " (" + names(cols) + ") VALUES "
	for len(rows) > 0 {
		n := chunk(rows, len(cols))
		tuples := strings.Repeat(In(len(cols))+",", n)
		if _, err := t.Exec(head+tuples[:len(tuples)-1]+end, slices.Concat(rows[:n]...)...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// chunk returns how many of rows go into one statement: at least one.
func chunk(rows [][]any, cols int) int {
	bytes := 0
	for i, r := range rows {
		for _, v := range r {
			bytes += size(v)
		}
		if i > 0 && (i == chunkRows || (i+1)*cols > chunkValues || bytes > chunkBytes) {
			return i
		}
	}
	return len(rows)
}

func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	}
	return 8
}

// newest leaves the last of the rows with the same key, for PostgreSQL does not
// replace a row twice in one statement.
func newest(rows [][]any, key []int) [][]any {
	last := make(map[string]int, len(rows))
	for i, r := range rows {
		last[keyOf(r, key)] = i
	}
	if len(last) == len(rows) {
		return rows
	}
	left := make([][]any, 0, len(last))
	for i, r := range rows {
		if last[keyOf(r, key)] == i {
			left = append(left, r)
		}
	}
	return left
}

// keyOf writes the key of a row so that different keys are different text.
func keyOf(row []any, key []int) string {
	var b strings.Builder
	for _, i := range key {
		if i >= len(row) {
			continue // many says so
		}
		switch v := row[i].(type) {
		case []byte:
			fmt.Fprintf(&b, "%q,", v)
		case string:
			fmt.Fprintf(&b, "%q,", v)
		default:
			fmt.Fprintf(&b, "%v,", v)
		}
	}
	return b.String()
}

// positions returns where the columns of key stand in cols.
func positions(table string, key, cols []string) ([]int, error) {
	if len(key) == 0 {
		return nil, muster.Errorf(muster.Invalid, "cannot replace rows of table %q without its key", table)
	}
	at := make([]int, len(key))
	for i, k := range key {
		if at[i] = slices.Index(cols, k); at[i] < 0 {
			return nil, muster.Errorf(muster.Invalid, "key column %q of table %q is not among its values", k, table)
		}
	}
	return at, nil
}

// names quotes and joins names.
func names(all []string) string {
	return `"` + strings.Join(all, `", "`) + `"`
}

// checkNames refuses names that would have to be quoted otherwise: they are
// constants of the program, and a value among them is a mistake to stop.
func checkNames(all []string) error {
	for _, n := range all {
		if n == "" || strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return muster.Errorf(muster.Invalid, "%q is no name of a table or column", n)
		}
	}
	return nil
}
