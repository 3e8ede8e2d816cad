package db

import (
	"context"
	"io/fs"

	"muster"
)

// A Schema says what makes the tables of a subject: the .sql files in the folder schema.
type Schema struct {
	Subject string
	Files   fs.FS
}

// Pending lists the files of schemas that [DB.Migrate] would run, as "hosts/0001_hosts".
// It changes nothing. Where Migrate would refuse it does too.
func (d *DB) Pending(ctx context.Context, schemas ...Schema) (names []string, err error) {
	err = d.Read(ctx, func(t *Tx) error {
		names = nil
		begun, err := d.recording(t)
		if err != nil {
			return err
		}
		for _, s := range schemas {
			some, err := d.pending(t, s, begun)
			if err != nil {
				return muster.Errorf(muster.KindOf(err), "the tables of %s: %w", s.Subject, err)
			}
			names = append(names, some...)
		}
		return nil
	})
	return names, err
}

// recording reports whether there is a table of migrations: a database that nobody has
// migrated yet has none.
func (d *DB) recording(t *Tx) (bool, error) {
	query := map[Dialect]string{
		SQLite:   "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'db_migrations'",
		Postgres: "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'db_migrations'",
		MySQL:    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'db_migrations'",
	}[d.dialect]
	var n int
	err := t.QueryRow(query).Scan(&n)
	return n > 0, err
}

func (d *DB) pending(t *Tx, s Schema, begun bool) (names []string, err error) {
	files, err := fs.Sub(s.Files, "schema")
	if err != nil {
		return nil, err
	}
	all, err := d.migrations(files)
	if err != nil {
		return nil, err
	}
	var had []recorded
	if begun {
		if had, err = recordsOf(t, s.Subject); err != nil {
			return nil, err
		}
	}
	if _, _, err := next(had, all); err != nil {
		return nil, err
	}
	for i, m := range all {
		if i >= len(had) || had[i].done < len(m.statements) {
			names = append(names, s.Subject+"/"+m.name)
		}
	}
	return names, nil
}
