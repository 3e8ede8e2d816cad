package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"

	"muster"
	"muster/internal/durable"
)

// backup copies the database file from. VACUUM INTO reads one snapshot beside
// the writer and writes the copy without free pages, but syncs nothing; so the
// copy gets its name when it is whole and on disk.
func backup(from string) func(context.Context, string) error {
	return func(ctx context.Context, path string) error {
		if _, err := os.Lstat(path); err == nil {
			return muster.Errorf(muster.Conflict, "backup %q is there already", path)
		}
		part := path + ".part"
		if err := copyTo(ctx, from, part); err != nil {
			os.Remove(part) //nolint:errcheck // the first error tells more
			return muster.Errorf(kindOr(err, muster.Unavailable), "cannot back up the database to %q: %w", path, err)
		}
		var disk durable.Disk
		if err := disk.Rename(part, path); err != nil {
			return err
		}
		return disk.SyncDir(filepath.Dir(path))
	}
}

func copyTo(ctx context.Context, from, to string) error {
	// Made first, empty, so that it is never readable by others.
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := sql.Open("sqlite", address(from, "query_only(0)"))
	if err != nil {
		return err
	}
	defer p.Close()
	if _, err := p.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return err
	}
	return f.Sync()
}
