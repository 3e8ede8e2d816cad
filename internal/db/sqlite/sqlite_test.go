package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/sqlite"
)

func open(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+path, sqlite.Driver{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() }) //nolint:errcheck // some tests close before
	return d
}

func exec(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	err := d.Write(context.WithoutCancel(t.Context()), func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *db.DB, query string) (n int) {
	t.Helper()
	err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(query).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A backup while others write is a database of its own, as of one moment.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "it's a ?%41 name.db"))
	exec(t, d, `CREATE TABLE a (x BIGINT)`)
	exec(t, d, `CREATE TABLE b (x BIGINT)`)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			exec(t, d, `INSERT INTO a VALUES (?)`, i)
			exec(t, d, `INSERT INTO b VALUES (?)`, i)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for i := range 5 {
		path := filepath.Join(dir, fmt.Sprint("backup ", i, "'s.db"))
		if err := d.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		copied := open(t, path)
		a, b := count(t, copied, `SELECT count(*) FROM a`), count(t, copied, `SELECT count(*) FROM b`)
		if a-b != 0 && a-b != 1 {
			t.Errorf("%d rows in one table and %d in the other: not one moment", a, b)
		}
		if n := count(t, copied, `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'`); n != 1 {
			t.Error("the copy is damaged")
		}
		private(t, path)
	}
	close(stop)
	wg.Wait()
	if err := d.Backup(t.Context(), filepath.Join(dir, "backup 0's.db")); muster.KindOf(err) != muster.Conflict {
		t.Errorf("a backup over another: %v", err)
	}
	if err := d.Backup(t.Context(), filepath.Join(dir, "none", "x.db")); err == nil {
		t.Error("a backup into no folder")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// private holds that nobody else may read the file.
func private(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%q has mode %v", path, info.Mode())
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new.db")
	d := open(t, path)
	exec(t, d, `CREATE TABLE a (x BIGINT)`)
	all, err := filepath.Glob(path + "*")
	if err != nil || len(all) < 2 {
		t.Fatalf("files %q: %v", all, err)
	}
	for _, f := range all {
		private(t, f)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte("this is no database, however long one looks at it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Open(t.Context(), "sqlite:"+text, sqlite.Driver{}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("opened a text: %v", err)
	}
	_, err = db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "none", "x.db"), sqlite.Driver{})
	if muster.KindOf(err) != muster.Unavailable || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened a database in no folder: %v", err)
	}
}

// What the promises of package db rest on.
func TestSettings(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "x.db"))
	for query, want := range map[string]string{
		"PRAGMA journal_mode": "wal",
		"PRAGMA synchronous":  "2",
		"PRAGMA foreign_keys": "1",
	} {
		got := ""
		err := d.Write(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(query).Scan(&got) })
		if err != nil || got != want {
			t.Errorf("%s: %q, want %q: %v", query, got, want, err)
		}
	}
}
