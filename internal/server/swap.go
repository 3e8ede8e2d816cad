package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"

	"muster"
	"muster/internal/durable"
)

// lockName is the file that a server that runs has locked.
const lockName = ".lock"

// lockFolder takes a data folder, or says Busy.
func lockFolder(dir, hint string) (unlock func(), err error) {
	lock := flock.New(filepath.Join(dir, lockName))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	if !ok {
		return nil, muster.WithHint(muster.Errorf(muster.Busy, "another musterd serves %q", dir), "%s", hint)
	}
	return func() { lock.Unlock() }, nil //nolint:errcheck // the end of the process unlocks too
}

// moves are renames of which all are done or none: what an error interrupts is
// taken back. A crash in between leaves what was there under its name aside.
type moves struct {
	disk *durable.Disk
	done []move
}

type move struct{ from, to string }

func (m *moves) rename(from, to string) error {
	m.done = append(m.done, move{from, to})
	return m.disk.Rename(from, to)
}

// undo takes back what happened, also where it was reported as an error.
func (m *moves) undo() error {
	var errs []error
	for i := len(m.done) - 1; i >= 0; i-- {
		d := m.done[i]
		if _, err := os.Lstat(d.from); errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, m.disk.Rename(d.to, d.from))
		}
	}
	return errors.Join(errs...)
}

// swap gives the restored folder and database their names.
func (r *Restore) swap(part string, out *Restored) error {
	m := &moves{disk: r.Disk}
	staged := ""
	if r.elsewhere(part) {
		staged = r.Database + ".restored"
		defer os.Remove(staged) //nolint:errcheck // it is in place
		if err := r.stage(part, staged); err != nil {
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	if runtime.GOOS == "windows" {
		r.unlock() // a folder with an open file has to stay
	}
	if err := r.move(m, part, staged, out); err != nil {
		if failed := m.undo(); failed != nil {
			err = errors.Join(err, muster.WithHint(failed, "what was there is in %s", out.Aside))
		}
		out.Aside = ""
		return muster.WithKind(muster.Unavailable, err)
	}
	if _, err := os.Stat(filepath.Join(r.Data, backupConfig)); err == nil {
		out.Config = filepath.Join(r.Data, backupConfig)
	}
	return nil
}

// move puts aside what is there, the folder last, and puts the new in its place,
// the folder last.
func (r *Restore) move(m *moves, part, staged string, out *Restored) error {
	aside := ".before-" + r.Now.UTC().Format("20060102T150405Z")
	if staged != "" {
		for _, end := range []string{"-wal", "-shm", ""} {
			if _, err := os.Lstat(r.Database + end); err == nil {
				if err := m.rename(r.Database+end, r.Database+aside+end); err != nil {
					return err
				}
			}
		}
	}
	if _, err := os.Lstat(r.Data); err == nil {
		out.Aside = r.Data + aside
		if err := m.rename(r.Data, out.Aside); err != nil {
			return err
		}
	}
	if staged != "" {
		if err := m.rename(staged, r.Database); err != nil {
			return err
		}
		if err := r.Disk.SyncDir(filepath.Dir(r.Database)); err != nil {
			return err
		}
	}
	if err := m.rename(part, r.Data); err != nil {
		return err
	}
	if err := r.Disk.SyncDir(filepath.Dir(r.Data)); err != nil {
		return err
	}
	if entries, err := os.ReadDir(out.Aside); err == nil && len(entries) == 0 {
		os.Remove(out.Aside) //nolint:errcheck // an empty folder
		out.Aside = ""
	}
	return nil
}

// elsewhere reports whether the backup has a database that does not belong into
// the folder.
func (r *Restore) elsewhere(part string) bool {
	_, err := os.Lstat(filepath.Join(part, databaseName))
	return err == nil && r.Database != "" && r.Database != filepath.Join(r.Data, databaseName)
}

// stage copies the database to where it shall be, under another name.
func (r *Restore) stage(part, staged string) error {
	from := filepath.Join(part, databaseName)
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := r.Disk.Create(staged, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Abort()
		return fmt.Errorf("cannot restore the database to %q: %w", r.Database, err)
	}
	if err := out.Commit(); err != nil {
		return err
	}
	in.Close()
	return r.Disk.Remove(from)
}

// DatabaseFile is the file of an SQLite database, "" for another.
func (c *Config) DatabaseFile() string {
	path, ok := strings.CutPrefix(c.DSN(), "sqlite:")
	if !ok {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
