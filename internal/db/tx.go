package db

import (
	"context"
	"database/sql"
	"strings"

	"muster"
)

// A Tx is the transaction of one [DB.Write] or [DB.Read], and valid until the
// function that was given it returns. One goroutine uses it.
//
// After an error of the database, return it: PostgreSQL does nothing more in
// a transaction in which a statement failed.
type Tx struct {
	ctx  context.Context
	tx   *sql.Tx
	db   *DB
	rows []*sql.Rows // for those who forget to close them
	kept map[string]*sql.Stmt

	writing bool // of a Write

	dirty  bool  // something may have to be taken back
	broken error // the transaction is lost, whoever looks at the error
}

// Writing reports whether t is the transaction of a [DB.Write]. What such a one reads may
// never have been, for it may be taken back.
func (t *Tx) Writing() bool { return t.writing }

// Exec runs a statement that answers no rows.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	t.dirty = true
	args, err := t.ready(args)
	if err != nil {
		return nil, err
	}
	r, err := t.runner(query).ExecContext(t.ctx, args...)
	return r, t.note(err)
}

// Query runs a statement that answers rows. They are closed at the latest when
// the transaction ends; close them before the next statement.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	t.dirty = t.dirty || !reads(query)
	args, err := t.ready(args)
	if err != nil {
		return nil, err
	}
	// Not prepared: the same query may run again while its rows are open.
	rows, err := t.tx.QueryContext(t.ctx, t.db.bind(query), args...)
	if err != nil {
		return nil, t.note(err)
	}
	t.rows = append(t.rows, rows)
	return rows, nil
}

// QueryRow runs a statement that answers one row.
func (t *Tx) QueryRow(query string, args ...any) *Row {
	t.dirty = t.dirty || !reads(query)
	args, err := t.ready(args)
	if err != nil {
		return &Row{t: t, err: err}
	}
	return &Row{t: t, row: t.runner(query).QueryRowContext(t.ctx, args...)}
}

// A Row is the answer of [Tx.QueryRow].
type Row struct {
	t   *Tx
	row *sql.Row
	err error
}

// Scan copies the columns of the row to dest. Without a row the error wraps
// [sql.ErrNoRows] and is of kind NotFound.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.row.Scan(dest...)
	if err == sql.ErrNoRows { // an answer like any other, not a failed statement
		return muster.WithKind(muster.NotFound, err)
	}
	return r.t.note(err)
}

// ready returns the arguments as every engine takes them, or refuses what cannot
// be run: anything in a lost transaction, for MySQL would commit it at once.
func (t *Tx) ready(args []any) ([]any, error) {
	if t.broken != nil {
		return nil, t.broken
	}
	return plain(args)
}

// note keeps what an error of a statement does to the transaction.
func (t *Tx) note(err error) error {
	if err == nil {
		return nil
	}
	t.dirty = true
	err = giveKind(t.db.driver, err)
	switch muster.KindOf(err) {
	case muster.Busy, muster.Unavailable:
		t.broken = err
	}
	return err
}

func (t *Tx) closeRows() {
	for _, r := range t.rows {
		r.Close()
	}
	t.rows = nil
}

// reads reports whether a statement only reads.
func reads(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.EqualFold(strings.TrimSpace(word), "select")
}
