package collect

import (
	"errors"
	"fmt"
	"io/fs"

	"muster"
	"muster/inventory"
)

// rpmFolders are where rpm keeps its database: since 2021, before, and SUSE's
// of a while.
var rpmFolders = []string{"usr/lib/sysimage/rpm", "var/lib/rpm"}

// rpmDatabases are its three forms: SQLite (rpm 4.16 and later), ndb (SUSE),
// Berkeley DB (up to RHEL 8).
var rpmDatabases = []struct {
	name string
	each func(fsys fs.FS, name string, begin func(), f func([]byte) error) error
}{
	{"rpmdb.sqlite", eachSQLiteHeader},
	{"Packages.db", eachNDBHeader},
	{"Packages", eachBDBHeader},
}

// readRPM reads the database of rpm, in which every package is the header of
// its file.
func readRPM(fsys fs.FS) ([]inventory.Package, error) {
	for _, folder := range rpmFolders {
		for _, db := range rpmDatabases {
			name := folder + "/" + db.name
			if _, err := fs.Stat(fsys, name); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			var rows []inventory.Package
			err := db.each(fsys, name, func() { rows = nil }, func(header []byte) error {
				p, err := parseRPMHeader(header)
				rows = append(rows, p)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("cannot read packages of rpm: %w", err)
			}
			return rows, nil
		}
	}
	return nil, fs.ErrNotExist
}

func eachSQLiteHeader(fsys fs.FS, name string, begin func(), f func([]byte) error) error {
	return eachRow(fsys, name, "Packages", begin, func(_ int64, row map[string]any) error {
		header, _ := row["blob"].([]byte)
		return f(header)
	})
}

// within passes headers on until they have more than limit bytes together: more
// than the database has, so that they overlap, and few bytes would cost much.
func within(limit int, f func([]byte) error) func([]byte) error {
	return func(header []byte) error {
		if limit -= len(header) + 1; limit < 0 {
			return muster.Errorf(muster.Invalid, "headers overlap")
		}
		return f(header)
	}
}
