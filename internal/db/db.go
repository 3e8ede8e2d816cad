// Package db is the server's way to SQL: one database in SQLite, PostgreSQL or
// MySQL (MariaDB), of which every subject owns the tables with its prefix.
//
// Start with [Open], [DB.Migrate] and [DB.Write]:
//
//	d, err := db.Open(ctx, "sqlite:/var/lib/musterd/muster.db", sqlite.Driver{})
//	err = d.Migrate(ctx, "hosts", files) // 0001_hosts.sql, 0002_groups.sql, ...
//	err = d.Write(ctx, func(tx *db.Tx) error {
//		_, err := tx.Exec("UPDATE hosts_hosts SET seen = ? WHERE id = ?", now, id)
//		return err
//	})
//
// # Promise
//
// All writes happen one after the other, also those of several servers on one
// database: a write sees all writes before it, and nothing else happens while
// it runs. So it may read, decide, and write. When Write returns nil, the write
// is on disk. When it returns an error, nothing of it is, with one exception
// that the message names: the connection or the disk failed while the commit was
// under way.
//
// Writes that wait at the same time are committed together ([DB.Write]), which
// is what makes one at a time fast: docs/bench/db.md has figures.
//
// # Errors
//
// Errors have kinds: Conflict (a key that exists or is referred to), Invalid (a
// value that a column refuses), NotFound (no row), Busy and Unavailable (the same
// call may succeed later). After the database was away, the next call connects again.
//
// # SQL for three engines
//
// Placeholders are "?". Names may be quoted as in the standard, "at", on every
// engine. Schema files are SQL with these words, so that one file does for all:
//
//	{{id}}      a BIGINT that counts up by itself, primary key
//	{{text N}}  text of at most N characters, compared byte by byte; may be a key
//	{{long}}    text of any length
//	{{hash}}    at most 32 bytes; may be a key
//	{{blob}}    bytes
//
//	) {{clustered}};   after a table whose rows are found by their primary key
//
// and BIGINT for all else: numbers, Unix seconds, 0 and 1. Text is UTF-8 without
// NUL; the writer refuses other text on every engine as PostgreSQL would.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"muster"
)

// A DB is one open database. Its methods may be called from many goroutines.
type DB struct {
	dialect Dialect
	driver  Driver
	engine  *Engine

	queue   chan *job
	closing chan struct{} // closed: no new writes
	stopped chan struct{} // closed: the writer has ended
	once    sync.Once
	observe atomic.Pointer[func(Batch)]
}

// Open opens the database named by dsn with the driver of its dialect:
//
//	sqlite:PATH
//	postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full
//	postgres:///DATABASE?host=/run/postgresql
//	mysql://USER:PASSWORD@HOST/DATABASE?tls=true
//	mysql://USER@/DATABASE?socket=/run/mysqld/mysqld.sock
//
// A database that does not answer is an error of kind Unavailable.
func Open(ctx context.Context, dsn string, drivers ...Driver) (*DB, error) {
	driver, err := driverOf(dsn, drivers)
	if err != nil {
		return nil, err
	}
	engine, err := driver.Open(ctx, dsn)
	if err != nil {
		return nil, giveKind(driver, err)
	}
	d := &DB{
		dialect: driver.Dialect(),
		driver:  driver,
		engine:  engine,
		queue:   make(chan *job, waiting),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	go d.writer()
	return d, nil
}

func driverOf(dsn string, drivers []Driver) (Driver, error) {
	scheme, _, ok := strings.Cut(dsn, ":")
	if scheme == "postgresql" {
		scheme = "postgres"
	}
	for _, d := range drivers {
		if ok && string(d.Dialect()) == scheme {
			return d, nil
		}
	}
	// The DSN may hold a password, so that at most its scheme is shown.
	if !ok {
		scheme = ""
	}
	err := muster.Errorf(muster.Invalid, "database address begins with %q, which names no database that this program speaks", scheme)
	return nil, muster.WithHint(err, "use sqlite:PATH, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE")
}

// Dialect returns the SQL that the database speaks, for the few statements
// that must differ.
func (d *DB) Dialect() Dialect { return d.dialect }

// Close ends the writer after the writes that wait, and closes the database.
// Writes that come later are refused with kind Unavailable.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		close(d.closing)
		<-d.stopped
		err = d.engine.Write.Close()
		if d.engine.Read != d.engine.Write {
			err = errors.Join(err, d.engine.Read.Close())
		}
	})
	return err
}

// Read runs f in a transaction that sees the database as of one moment and
// cannot change it. Many reads run at once, beside the writer.
func (d *DB) Read(ctx context.Context, f func(*Tx) error) error {
	tx, err := d.engine.Read.BeginTx(ctx, &d.engine.Snapshot)
	if err != nil {
		return d.failed("read the database", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	t := &Tx{ctx: ctx, tx: tx, db: d}
	defer t.closeRows()
	return giveKind(d.driver, f(t))
}

// Backup writes a copy of the database as of one moment to the file path while
// reads and writes go on. PostgreSQL and MySQL have tools for that, to which it points.
func (d *DB) Backup(ctx context.Context, path string) error {
	if d.engine.Backup == nil {
		err := muster.Errorf(muster.Invalid, "a %s database is not copied by this server", d.dialect)
		return muster.WithHint(err, "use %s", map[Dialect]string{
			Postgres: "pg_dump or your archive of the write-ahead log",
			MySQL:    "mariadb-dump --single-transaction",
		}[d.dialect])
	}
	return giveKind(d.driver, d.engine.Backup(ctx, path))
}

// Doubts lists settings of the database server with which a crash of its
// machine loses writes that were acknowledged.
func (d *DB) Doubts(ctx context.Context) ([]string, error) {
	var doubts []string
	err := d.Read(ctx, func(tx *Tx) error {
		doubts = nil
		for _, s := range d.engine.Settings {
			var is string
			if err := tx.QueryRow(s.Query).Scan(&is); err != nil {
				return err
			}
			if is != s.Want {
				doubts = append(doubts, fmt.Sprintf("%s answers %q, not %q: %s", s.Query, is, s.Want, s.Advice))
			}
		}
		return nil
	})
	return doubts, err
}

// failed says that what could not be done, with the kind of err.
func (d *DB) failed(what string, err error) error {
	return fmt.Errorf("cannot %s: %w", what, giveKind(d.driver, err))
}

// giveKind gives err the kind of the engine's error that it wraps, unless it
// has one.
func giveKind(driver Driver, err error) error {
	if err == nil || muster.KindOf(err) != muster.Internal {
		return err
	}
	if kind := kindOf(driver, err); kind != "" {
		return muster.WithKind(kind, err)
	}
	return err
}

func kindOf(driver Driver, err error) muster.ErrorKind {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, sql.ErrNoRows):
		return muster.NotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return muster.Unavailable
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone):
		return muster.Unavailable
	}
	return driver.Kind(err)
}
