// Package crowd makes many hosts of some, for tests and benchmarks of large fleets: to
// have 50,000 simulated ones enrol and report takes a quarter of an hour, to copy rows
// takes half a minute. It writes the tables of package hosts, in SQLite, of a server that
// does not run.
//
// It makes up sites, too: 50,000 hosts of a hundred sites with 2,000 packages each, and a
// list of vulnerabilities of the size of Debian's.
//
// Start with [Multiply] and [Reports.Fill].
package crowd

import (
	"context"
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/db/sqlite"
)

// tables have a row, or some, of each host, by the column with its number.
var tables = map[string]string{"hosts_host": "num", "hosts_seen": "host", "hosts_fact": "host", "hosts_inventory": "host", "hosts_muster": "host",
	"hosts_value": "host", "hosts_member": "host"}

// Multiply has each host of a database be there so many times: each copy with a number, an
// id and a name of its own, and everything else that was said of it, but no events and no
// history.
func Multiply(t testing.TB, file string, times int) {
	t.Helper()
	d, err := db.Open(context.Background(), "sqlite:"+file, sqlite.Driver{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := all(d, times); err != nil {
		t.Fatalf("cannot multiply the hosts of %q: %v", file, err)
	}
}

// rowsAtOnce is how many hosts one transaction copies: one may last half a minute.
const rowsAtOnce = 10_000

func all(d *db.DB, times int) error {
	write := func(f func(tx *db.Tx) error) error { return d.Write(context.Background(), f) }
	var hosts, step int64
	err := write(func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COUNT(*), COALESCE(MAX(num), 0) FROM hosts_host").Scan(&hosts, &step)
	})
	if err != nil {
		return err
	}
	chunk := max(1, rowsAtOnce/max(1, int(hosts)))
	for table, key := range tables {
		for from := 1; from < times; from += chunk {
			if err := write(func(tx *db.Tx) error { return multiply(tx, table, key, step, from, min(from+chunk, times)-1) }); err != nil {
				return err
			}
		}
	}
	return write(func(tx *db.Tx) error {
		for _, q := range []string{"UPDATE hosts_total SET hosts = hosts * ?", "UPDATE hosts_group SET hosts = hosts * ?", "UPDATE hosts_number SET last = last * ? WHERE name = 'host'"} {
			if _, err := tx.Exec(q, times); err != nil {
				return err
			}
		}
		return nil
	})
}

// multiply makes some copies of the rows of one table, of the hosts that were there before.
func multiply(tx *db.Tx, table, key string, step int64, from, to int) error {
	var names, values []string
	args := []any{from, to}
	err := tx.Each("SELECT name FROM pragma_table_info('"+table+"')", nil, func(scan db.Scan) error {
		var name string
		if err := scan(&name); err != nil {
			return err
		}
		value := "o." + name
		switch {
		case name == key:
			value = "o." + name + " + copy.n * ?"
			args = append(args, step)
		case table == "hosts_host" && name == "id":
			value = "printf('%08x', copy.n) || substr(o.id, 9)"
		case table == "hosts_host" && name == "name":
			value = "o.name || '-' || copy.n"
		}
		names, values = append(names, name), append(values, value)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec("WITH RECURSIVE copy (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM copy WHERE n < ?) INSERT INTO "+table+
		" ("+strings.Join(names, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM "+table+" o, copy WHERE o."+key+" <= ?", append(args, step)...)
	return err
}
