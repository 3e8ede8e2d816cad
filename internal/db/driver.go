package db

import (
	"context"
	"database/sql"

	"muster"
)

// A Dialect is the SQL that a database speaks.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
	MySQL    Dialect = "mysql" // MySQL and MariaDB
)

// A Driver opens databases of one dialect. The three there are stand in
// packages of their own, so that only programs that need a driver link it.
type Driver interface {
	Dialect() Dialect

	// Open opens the database that dsn names and has talked to it when it
	// returns. It need not exist as a table yet, but it must answer.
	Open(ctx context.Context, dsn string) (*Engine, error)

	// Kind says what an error of this engine, anywhere in the chain of err,
	// means to a caller: Conflict (a key that exists, or one that is referred
	// to), Invalid (a value that a column refuses), Busy (run the whole
	// transaction again), Unavailable (connection, server or disk failed), or
	// "" for anything else.
	Kind(err error) muster.ErrorKind
}

// An Engine is what a [Driver] has opened.
type Engine struct {
	Write *sql.DB // the writer uses one connection of it
	Read  *sql.DB // may be the same pool

	// Snapshot begins a transaction of Read.
	Snapshot sql.TxOptions
	// Writing begins a transaction of Write.
	Writing sql.TxOptions
	// Lock is the first statement of every write: it waits until no other
	// server writes to the database, and holds the others off until the
	// commit. It is empty where beginning a transaction does so.
	Lock string
	// Prepare is whether a statement that comes again in a transaction should be
	// prepared: where that needs no round trip and the driver does not do so.
	Prepare bool
	// Late is nil where a change of the schema is part of its transaction.
	Late *Late
	// Types replaces the words of schema files; see the package's doc.
	Types Types
	// Settings are what the promise of durability rests on, and the server's own.
	Settings []Setting
	// Backup writes a copy of the whole database as of one moment to path,
	// which does not exist. It is nil where the engine has tools of its own.
	Backup func(ctx context.Context, path string) error
}

// Types are the column types for which the engines have different words. In
// them {column} stands for the name of the column, and {length} for a number.
type Types struct {
	ID        string // counts up by itself; primary key
	Blob      string // bytes, any length
	Hash      string // up to 32 bytes; may be a key
	Text      string // text of at most {length} characters, compared byte by byte; may be a key
	Long      string // text of any length, compared byte by byte
	Clustered string // after a table: keep its rows in the order of the primary key
}

// A Setting of a database server that this program does not choose.
type Setting struct {
	Query  string // answers one text
	Want   string
	Advice string // what is lost with another value
}

// Late is for engines that commit every change of the schema at once.
type Late struct {
	Lock   string // waits until no other server migrates, and answers 1
	Unlock string
	// Done reports whether err says that a statement has been run before.
	Done func(err error) bool
}
