package db

import (
	"context"
	"database/sql"
)

// A runner is a statement, prepared or not.
type runner interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
}

// statements is how many a transaction keeps.
const statements = 64

// runner returns the statement to run for query. Where parsing costs as much as
// running, one that comes again is prepared: the writes of a group are alike.
func (t *Tx) runner(query string) runner {
	if s := t.kept[query]; s != nil {
		return s
	}
	_, again := t.kept[query]
	switch {
	case !t.db.engine.Prepare || len(t.kept) >= statements && !again:
	case !again:
		if t.kept == nil {
			t.kept = map[string]*sql.Stmt{}
		}
		t.kept[query] = nil
	default:
		if s, err := t.tx.PrepareContext(t.ctx, query); err == nil { // the run says what is wrong with it
			t.kept[query] = s // closed with the transaction
			return s
		}
	}
	return unprepared{t.tx, t.db.bind(query)}
}

// An unprepared statement is text that the driver is given every time.
type unprepared struct {
	tx    *sql.Tx
	query string
}

func (u unprepared) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return u.tx.ExecContext(ctx, u.query, args...)
}

func (u unprepared) QueryRowContext(ctx context.Context, args ...any) *sql.Row {
	return u.tx.QueryRowContext(ctx, u.query, args...)
}
