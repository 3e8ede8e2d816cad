// Package sqlite opens SQLite databases for package db: a file that needs no
// server, synced at every commit.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"modernc.org/sqlite"

	"muster"
	"muster/internal/db"
	"muster/internal/durable"
)

// Driver opens addresses like "sqlite:/var/lib/musterd/muster.db".
type Driver struct{}

// Dialect is SQLite.
func (Driver) Dialect() db.Dialect { return db.SQLite }

// Types of SQLite: AUTOINCREMENT, so that a number never comes again; and
// lengths held as the other engines hold them, so that a test finds what is too long.
var types = db.Types{
	ID:        "INTEGER PRIMARY KEY AUTOINCREMENT",
	Blob:      "BLOB",
	Hash:      "BLOB CHECK (length({column}) <= 32)",
	Text:      "VARCHAR({length}) CHECK (length({column}) <= {length})",
	Long:      "TEXT",
	Clustered: "WITHOUT ROWID",
}

// Open opens the file, or makes it where there is none: readable by its owner
// alone, because it knows every host.
func (Driver) Open(ctx context.Context, dsn string) (*db.Engine, error) {
	path := strings.TrimPrefix(dsn, "sqlite:")
	if path == "" {
		return nil, muster.Errorf(muster.Invalid, "the database's address names no file")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := make600(path); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	write, err := pool(ctx, path, 1, "journal_mode(wal)", "cache_size(-16384)") // KiB
	if err != nil {
		return nil, err
	}
	read, err := pool(ctx, path, min(2+2*runtime.GOMAXPROCS(0), 16), "query_only(1)", "cache_size(-4096)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &db.Engine{
		Write:    write,
		Read:     read,
		Snapshot: sql.TxOptions{ReadOnly: true},
		Prepare:  true,
		Types:    types,
		Backup:   backup(path),
	}, nil
}

// make600 makes an empty file where there is none. Its name must survive a power cut as
// what is committed to it does.
func make600(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	var disk durable.Disk
	return disk.SyncDir(filepath.Dir(path))
}

// pool opens connections to the file and tries one. Those that write begin
// with the lock ("immediate"): a transaction that read first could not get it
// later if another process wrote meanwhile.
func pool(ctx context.Context, path string, connections int, pragmas ...string) (*sql.DB, error) {
	p, err := sql.Open("sqlite", address(path, pragmas...))
	if err != nil {
		return nil, err
	}
	p.SetMaxOpenConns(connections)
	p.SetMaxIdleConns(connections)
	// Going through the schema finds out that the file is a database.
	if _, err := p.ExecContext(ctx, "SELECT count(*) FROM sqlite_schema"); err != nil {
		return nil, errors.Join(muster.Errorf(kindOr(err, muster.Invalid), "cannot open database %q: %w", path, err), p.Close())
	}
	return p, nil
}

func kindOr(err error, other muster.ErrorKind) muster.ErrorKind {
	if kind := (Driver{}).Kind(err); kind != "" {
		return kind
	}
	return other
}

func address(path string, pragmas ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/...
		path = "/" + path
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append(pragmas,
		"busy_timeout(10000)", // ms; another process may write: a shell, a second server
		"synchronous(full)",   // a commit that was acknowledged survives a power cut
		"foreign_keys(1)",
		"trusted_schema(0)",
		"temp_store(memory)",
		"journal_size_limit(134217728)", // bytes; the log shrinks again after a long reader
	)}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// The codes of SQLite, https://sqlite.org/rescode.html: the low byte of an
// error is one of the first, the whole of it one of the second.
const (
	codeBusy     = 5
	codeLocked   = 6
	codeIOErr    = 10
	codeFull     = 13
	codeCantOpen = 14
	codeTooBig   = 18
	codeMismatch = 20
	codeReadOnly = 8
	codeNotValid = 19 // constraint

	codeForeignKey = 787
	codePrimaryKey = 1555
	codeUnique     = 2067
	codeRowID      = 2579
)

// Kind tells what an error of SQLite means.
func (Driver) Kind(err error) muster.ErrorKind {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code() {
	case codeForeignKey, codePrimaryKey, codeUnique, codeRowID:
		return muster.Conflict
	}
	switch e.Code() & 0xff {
	case codeBusy, codeLocked:
		return muster.Busy
	case codeIOErr, codeFull, codeCantOpen, codeReadOnly:
		return muster.Unavailable
	case codeNotValid, codeTooBig, codeMismatch:
		return muster.Invalid
	}
	return ""
}
