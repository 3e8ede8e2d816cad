package collect

import (
	"fmt"
	"io/fs"

	"muster/inventory"
)

const freebsdDatabase = "var/db/pkg/local.sqlite"

// readFreeBSD reads the table "packages" of FreeBSD's pkg. The order of its
// columns differs between versions, so they are found by name.
func readFreeBSD(fsys fs.FS) (rows []inventory.Package, err error) {
	repositories := freebsdRepositories(fsys)
	err = eachRow(fsys, freebsdDatabase, "packages", func() { rows = nil }, func(id int64, row map[string]any) error {
		text := func(name string) string { s, _ := row[name].(string); return s }
		number := func(name string) int64 { n, _ := row[name].(int64); return n }
		rows = append(rows, inventory.Package{
			Architecture: text("arch"), Name: text("name"), Version: text("version"), Vendor: text("maintainer"),
			ID: text("origin"), Source: text("origin"), Origin: repositories[id], Size: number("flatsize"), Installed: number("time"),
		})
		return nil
	})
	return rows, err
}

// freebsdRepositories returns the repositories that packages came from, by the
// number of the package: the annotation "repository", of which tag and value are
// rows of a table of words. A database without annotations knows none.
func freebsdRepositories(fsys fs.FS) (all map[int64]string) {
	words := map[int64]string{}
	err := eachRow(fsys, freebsdDatabase, "annotation", func() { clear(words) }, func(id int64, row map[string]any) error {
		word, _ := row["annotation"].(string)
		words[id] = inventory.Text(word)
		return nil
	})
	if err != nil {
		return nil
	}
	err = eachRow(fsys, freebsdDatabase, "pkg_annotation", func() { all = map[int64]string{} }, func(_ int64, row map[string]any) error {
		number := func(name string) int64 { n, _ := row[name].(int64); return n }
		if words[number("tag_id")] == "repository" {
			all[number("package_id")] = words[number("value_id")]
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return all
}

// eachRow calls f for every row of a table of a SQLite database, with its
// values by column; begin before each attempt.
func eachRow(fsys fs.FS, name, table string, begin func(), f func(rowid int64, row map[string]any) error) error {
	wal := name + "-wal"
	err := steady(fsys, []string{name, wal}, func() error {
		begin()
		return scanTable(fsys, name, wal, table, f)
	})
	if err != nil {
		return fmt.Errorf("cannot read %q: %w", name, err)
	}
	return nil
}

func scanTable(fsys fs.FS, name, wal, table string, f func(int64, map[string]any) error) error {
	file, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	log, err := read(fsys, wal, maxDatabase)
	if err != nil {
		log = nil // there is none
	}
	db, err := openSQLite(file, log)
	if err != nil {
		return err
	}
	root, columns, err := db.table(table)
	if err != nil {
		return err
	}
	row := map[string]any{}
	return db.scan(root, func(rowid int64, payload []byte) error {
		values, err := record(payload)
		if err != nil {
			return err
		}
		clear(row)
		for i, v := range values[:min(len(values), len(columns))] {
			row[columns[i]] = v
		}
		return f(rowid, row)
	})
}
