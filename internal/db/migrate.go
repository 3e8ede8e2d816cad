package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"time"

	"muster"
)

// schema is the one table of this package: which files of which subject the
// database has. done counts the statements of a file that were run; it is less
// than all only after a crash, and only where engines commit each at once.
const schema = `CREATE TABLE IF NOT EXISTS db_migrations (
	subject {{text 32}} NOT NULL,
	number BIGINT NOT NULL,
	name {{text 110}} NOT NULL,
	sum {{hash}} NOT NULL,
	at BIGINT NOT NULL,
	done BIGINT NOT NULL,
	PRIMARY KEY (subject, number)
)`

// contract begins the name of a migration after which older programs do not
// work any more: 0007_contract_drop_seen.sql. See docs/decisions/migrations.md.
const contract = "_contract_"

// Migrate brings the tables of one subject up to date with its schema files,
// each of which is run once, in the order of their numbers. Several servers may
// do so at once: one does it and the others wait.
//
// A file that was run must not change: that is an error of kind Conflict. Files
// that a newer program has run are left alone, unless one of them is a contract
// migration: then this program is too old for the database.
func (d *DB) Migrate(ctx context.Context, subject string, files fs.FS) error {
	if !subjectName.MatchString(subject) {
		return muster.Errorf(muster.Invalid, "%q is no name of a subject", subject)
	}
	all, err := d.migrations(files)
	if err != nil {
		return err
	}
	migrate := d.migrateNext
	if d.engine.Late != nil {
		migrate = d.migrateLate
	}
	for {
		more, err := migrate(ctx, subject, all)
		if err != nil {
			return d.failed("migrate the tables of "+subject, err)
		}
		if !more {
			return nil
		}
	}
}

// migrateNext runs the first file that the database does not have, in one
// transaction with the record of it, and reports whether there was one.
func (d *DB) migrateNext(ctx context.Context, subject string, all []migration) (bool, error) {
	t, err := d.begin(ctx)
	if err != nil {
		return false, err
	}
	defer t.tx.Rollback() //nolint:errcheck // after a commit it does nothing
	next, _, err := d.next(t, subject, all)
	if err != nil || next == nil {
		return false, err
	}
	for i := range next.statements {
		if err := next.run(t, i); err != nil {
			return false, err
		}
	}
	if err := next.record(t, subject, len(next.statements)); err != nil {
		return false, err
	}
	return true, t.tx.Commit()
}

// migrateLate does the same where every change of the schema is committed at
// once. A crash can come between a statement and its record; then the statement
// is run again, and that its work is done already is no error.
func (d *DB) migrateLate(ctx context.Context, subject string, all []migration) (bool, error) {
	conn, err := d.lockLate(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	defer conn.ExecContext(context.WithoutCancel(ctx), d.engine.Late.Unlock) //nolint:errcheck // closing ends it too
	next, done := (*migration)(nil), 0
	err = d.within(ctx, conn, func(t *Tx) (err error) {
		next, done, err = d.next(t, subject, all)
		return err
	})
	if err != nil || next == nil {
		return false, err
	}
	for i, first := done, done; i < len(next.statements); i++ {
		err := d.within(ctx, conn, func(t *Tx) error {
			if err := next.run(t, i); err != nil && (i != first || !d.engine.Late.Done(err)) {
				return err
			}
			return next.record(t, subject, i+1)
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (d *DB) lockLate(ctx context.Context) (*sql.Conn, error) {
	conn, err := d.engine.Write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullInt64
	err = conn.QueryRowContext(ctx, d.engine.Late.Lock).Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = muster.Errorf(muster.Busy, "another server has been migrating for long")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (d *DB) within(ctx context.Context, conn *sql.Conn, f func(*Tx) error) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := f(&Tx{ctx: ctx, tx: tx, db: d}); err != nil {
		return err
	}
	return tx.Commit()
}

// next returns the first of all that the database does not have, and how many
// of its statements were run; nil if it has all.
func (d *DB) next(t *Tx, subject string, all []migration) (*migration, int, error) {
	if err := d.makeRecords(t); err != nil {
		return nil, 0, err
	}
	had, err := recordsOf(t, subject)
	if err != nil {
		return nil, 0, err
	}
	return next(had, all)
}

func next(had []recorded, all []migration) (*migration, int, error) {
	for i, r := range had {
		if i >= len(all) {
			if err := r.newer(); err != nil {
				return nil, 0, err
			}
			continue
		}
		if err := r.same(all[i]); err != nil {
			return nil, 0, err
		}
		if r.done < len(all[i].statements) {
			return &all[i], r.done, nil
		}
	}
	if len(had) >= len(all) {
		return nil, 0, nil
	}
	return &all[len(had)], 0, nil
}

// makeRecords makes the table of migrations where there is none.
func (d *DB) makeRecords(t *Tx) error {
	typed, err := d.engine.Types.replace(schema)
	if err == nil {
		_, err = t.Exec(typed)
	}
	return err
}

// recordsOf reads the migrations of a subject, of which there are no gaps.
func recordsOf(t *Tx, subject string) ([]recorded, error) {
	rows, err := t.Query(`SELECT name, sum, done FROM db_migrations WHERE subject = ? ORDER BY number`, subject)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []recorded
	for rows.Next() {
		var r recorded
		if err := rows.Scan(&r.name, &r.sum, &r.done); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// A recorded migration is a row of db_migrations.
type recorded struct {
	name string
	sum  []byte
	done int // statements that were run
}

// same refuses a file that is not the one that was run.
func (r recorded) same(m migration) error {
	if r.name == m.name && bytes.Equal(r.sum, m.sum) {
		return nil
	}
	err := muster.Errorf(muster.Conflict, "schema file %q is not the one that the database was made with (%q)", m.name, r.name)
	return muster.WithHint(err, "use the program that made the database, or a newer release of it")
}

// newer refuses to run on a database that has given up what this program needs.
func (r recorded) newer() error {
	if !strings.Contains(r.name, contract) {
		return nil
	}
	err := muster.Errorf(muster.Conflict, "the database has migration %q, which is newer than this program and for newer ones only", r.name)
	return muster.WithHint(err, "update this server")
}

// run runs one statement.
func (m *migration) run(t *Tx, i int) error {
	if _, err := t.Exec(m.statements[i]); err != nil {
		return muster.Errorf(muster.KindOf(err), "statement %d of %q: %w", i+1, m.name, err)
	}
	return nil
}

// record writes down that the first done statements were run.
func (m *migration) record(t *Tx, subject string, done int) error {
	return t.Upsert("db_migrations", []string{"subject", "number"},
		[]string{"subject", "number", "name", "sum", "at", "done"},
		[][]any{{subject, m.number, m.name, m.sum, time.Now().Unix(), done}})
}
