package db_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/testneed/sqlserver"
)

// A disk that is full refuses the write that needs room, and no other.
func TestDiskFull(t *testing.T) {
	d := ready(t, dbtest.SQLite(t))
	mustWrite(t, d, `PRAGMA max_page_count = 40`)
	big := make([]byte, 1<<20)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var body []byte
			if i%4 == 0 {
				body = big
			}
			err := write(t, d, `INSERT INTO t_things (name, body) VALUES (?, ?)`, fmt.Sprint(i), body)
			if i%4 == 0 && muster.KindOf(err) != muster.Unavailable {
				t.Errorf("no room: kind %q: %v", muster.KindOf(err), err)
			}
		})
	}
	wg.Wait()
	for name := range present(t, d) {
		if i, _ := strconv.Atoi(name); i%4 == 0 {
			t.Errorf("%s is there", name)
		}
	}
	mustWrite(t, d, insertName, "small")
}

// Two transactions that wait for each other: the engine ends one of them, and
// a write is run again.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	dbtest.Servers(t, func(t *testing.T, dsn string, driver db.Driver) {
		d := ready(t, dbtest.Open(t, dsn))
		mustWrite(t, d, `INSERT INTO t_things (id, name) VALUES (1, 'a'), (2, 'b')`)
		other, err := driver.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Write.Close()
		defer other.Read.Close()
		runs := 0
		var wg sync.WaitGroup
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			runs++
			if _, err := tx.Exec(`UPDATE t_things SET note = 'write' WHERE id = 1`); err != nil || runs > 1 {
				return err
			}
			foreign, err := other.Write.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			if _, err := foreign.Exec(`UPDATE t_things SET note = 'foreign' WHERE id = 2`); err != nil {
				return err
			}
			wg.Go(func() {
				foreign.Exec(`UPDATE t_things SET note = 'foreign' WHERE id = 1`) //nolint:errcheck // one of the two fails
				foreign.Rollback()                                                //nolint:errcheck // it has done its part
			})
			_, err = tx.Exec(`UPDATE t_things SET note = 'write' WHERE id = 2`)
			return err
		})
		wg.Wait()
		if n := number(t, d, `SELECT count(*) FROM t_things WHERE id = 1 AND note = 'write'`); err != nil || n != 1 {
			t.Errorf("after %d runs %d: %v", runs, n, err)
		}
	})
}

// The crash between a change of the schema and the record of it.
func TestMigrationNotRecorded(t *testing.T) {
	steps := []string{"CREATE TABLE a_a (x BIGINT)", "ALTER TABLE a_a ADD COLUMN y BIGINT",
		"CREATE INDEX a_y ON a_a (y)", "ALTER TABLE a_a DROP COLUMN x", "ALTER TABLE a_a RENAME TO a_b", "INSERT INTO a_b VALUES (5)"}
	text := strings.Join(steps, ";\n")
	sum := sha256.Sum256([]byte(text))
	for done, step := range steps[:5] {
		d := dbtest.Open(t, sqlserver.MariaDB(t))
		if err := d.Migrate(t.Context(), "other", schema("0001_b.sql", "CREATE TABLE b_b (x BIGINT)")); err != nil {
			t.Fatal(err)
		}
		for _, s := range steps[:done+1] {
			mustWrite(t, d, s)
		}
		mustWrite(t, d, `INSERT INTO db_migrations VALUES ('a', 1, '0001_a', ?, 0, ?)`, sum[:], done)
		if err := d.Migrate(t.Context(), "a", schema("0001_a.sql", text)); err != nil {
			t.Errorf("%q was run and not recorded: %v", step, err)
			continue
		}
		if n := number(t, d, `SELECT sum(y) FROM a_b`); n != 5 {
			t.Errorf("%q was run and not recorded: sum %d", step, n)
		}
	}
}

// A table changes while another server has prepared statements for it.
func TestTableChangesUnderAServer(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		files := schema("0001_a.sql", "CREATE TABLE a_a (x BIGINT)")
		for _, d := range []*db.DB{first, second} {
			if err := d.Migrate(t.Context(), "a", files); err != nil {
				t.Fatal(err)
			}
		}
		use := func(x int) {
			err := first.Write(t.Context(), func(tx *db.Tx) error {
				rows, err := tx.Query("SELECT * FROM a_a")
				if err != nil {
					return err
				}
				rows.Close()
				_, err = tx.Exec("INSERT INTO a_a (x) VALUES (?)", x)
				return err
			})
			if n := number(t, first, "SELECT count(x) FROM a_a"); err != nil || n != int64(x) {
				t.Fatalf("%d rows of %d: %v", n, x, err)
			}
		}
		for x := range 5 {
			use(x + 1)
		}
		maps.Copy(files, schema("0002_expand.sql", "ALTER TABLE a_a ADD COLUMN y {{text 10}}"))
		if err := second.Migrate(t.Context(), "a", files); err != nil {
			t.Fatal(err)
		}
		for x := range 5 {
			use(x + 6)
		}
	})
}

// A server that hangs within a write is cut off, so that the others go on.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	dbtest.Servers(t, func(t *testing.T, dsn string, _ db.Driver) {
		if strings.HasPrefix(dsn, "postgres:") {
			dsn += "&idle_in_transaction_session_timeout=300"
		}
		hung, other := ready(t, dbtest.Open(t, dsn)), dbtest.Open(t, dsn)
		holds, goOn := make(chan bool), make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() {
			runs := 0
			err := hung.Write(t.Context(), func(tx *db.Tx) error {
				if hung.Dialect() == db.MySQL {
					if _, err := tx.Exec(`SET SESSION wait_timeout = 1`); err != nil {
						return err
					}
				}
				if runs++; runs == 1 {
					close(holds)
					<-goOn
				}
				_, err := tx.Exec(insertName, "hung")
				return err
			})
			if err != nil && muster.KindOf(err) != muster.Unavailable {
				t.Errorf("the write that was cut off: %v", err)
			}
			t.Logf("after %d runs: %v", runs, err)
		})
		<-holds
		mustWrite(t, other, insertName, "other") // waits until then
		close(goOn)
		wg.Wait()
		mustWrite(t, hung, insertName, "again")
	})
}

// Settings that lose acknowledged writes are found.
func TestDoubts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		doubts, err := d.Doubts(t.Context())
		if err != nil || len(doubts) != 0 {
			t.Errorf("%q: %v", doubts, err)
		}
	})
	d := dbtest.Open(t, sqlserver.Own(t, sqlserver.Maria).Database(t))
	mustWrite(t, d, `SET GLOBAL innodb_flush_log_at_trx_commit = 2`)
	doubts, err := d.Doubts(t.Context())
	if err != nil || len(doubts) != 1 || !strings.Contains(doubts[0], "innodb_flush_log_at_trx_commit") {
		t.Errorf("%q: %v", doubts, err)
	}
}
