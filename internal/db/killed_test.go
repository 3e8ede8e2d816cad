package db_test

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"muster"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/testneed/sqlserver"
)

const insertName = `INSERT INTO t_things (name) VALUES (?)`

// present returns the names that are there.
func present(t *testing.T, d *db.DB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		rows, err := tx.Query(`SELECT name FROM t_things`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				return err
			}
			all[n] = true
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A process that is killed while it writes in groups: what it acknowledged is
// there afterwards. The next process begins where it was killed.
func TestKilledWhileWriting(t *testing.T) {
	if path := os.Getenv("DB_WRITER"); path != "" {
		writeForEver(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "test.db")
	acknowledged := map[string]bool{}
	for round := range 6 {
		child := exec.Command(os.Args[0], "-test.run", "^TestKilledWhileWriting$")
		child.Env = append(os.Environ(), "DB_WRITER="+path, "DB_ROUND="+strconv.Itoa(round))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
			if n == 100*(round+1) {
				child.Process.Kill() //nolint:errcheck // else the test does not end
			}
		}
		child.Wait() //nolint:errcheck // killed
		d := dbtest.Open(t, "sqlite:"+path)
		there := present(t, d)
		for name := range acknowledged {
			if !there[name] {
				t.Fatalf("round %d: %q was acknowledged, and is not there", round, name)
			}
		}
		if n := number(t, d, `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`); n != 0 {
			t.Fatalf("round %d: the database is damaged", round)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d writes acknowledged", len(acknowledged))
}

// writeForEver is the process that is killed: 32 writers, until one of their
// writes fails. They say what was acknowledged, and the kind of the error.
func writeForEver(t *testing.T, path string) {
	d := ready(t, dbtest.Open(t, "sqlite:"+path))
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s-%d-%d", os.Getenv("DB_ROUND"), w, i)
				if err := write(t, d, insertName, name); err != nil {
					fmt.Println(muster.KindOf(err))
					return
				}
				os.Stdout.WriteString(name + "\n") //nolint:errcheck // the reader kills
			}
		})
	}
	wg.Wait()
}

// A server that is killed under load: what was acknowledged is there, what was
// refused is not, unless the error says that this is not known. While it is
// away, reads and writes are Unavailable; then they work again by themselves.
func TestServerKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]*sqlserver.Kind{"postgres": sqlserver.PostgreSQL, "mysql": sqlserver.Maria} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := sqlserver.Own(t, kind)
			d := ready(t, dbtest.Open(t, server.Database(t)))
			acknowledged, refused := map[string]bool{}, map[string]bool{}
			for round := range 2 {
				a, r := underFire(t, d, server, round)
				maps.Copy(acknowledged, a)
				maps.Copy(refused, r)
				for range 2 {
					if err := write(t, d, insertName, "away"); muster.KindOf(err) != muster.Unavailable {
						t.Errorf("a write while the server is away: %v", err)
					}
					err := d.Read(t.Context(), func(tx *db.Tx) error { return nil })
					if muster.KindOf(err) != muster.Unavailable {
						t.Errorf("a read while the server is away: %v", err)
					}
				}
				server.Start(t)
				there := present(t, d)
				for name := range acknowledged {
					if !there[name] {
						t.Fatalf("%q was acknowledged, and is not there", name)
					}
				}
				for name := range refused {
					if there[name] {
						t.Fatalf("%q was refused, and is there", name)
					}
				}
				mustWrite(t, d, insertName, fmt.Sprint("again ", round))
			}
			t.Logf("%d writes acknowledged, %d refused", len(acknowledged), len(refused))
		})
	}
}

// underFire writes from many goroutines and kills the server in between.
func underFire(t *testing.T, d *db.DB, server *sqlserver.Server, round int) (acknowledged, refused map[string]bool) {
	acknowledged, refused = map[string]bool{}, map[string]bool{}
	var mu sync.Mutex
	var done atomic.Int64
	var wg sync.WaitGroup
	enough := make(chan bool)
	for w := range 32 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", round, w, i)
				err := write(t, d, insertName, name)
				if done.Add(1) == 500 {
					close(enough)
				}
				mu.Lock()
				switch {
				case err == nil:
					acknowledged[name] = true
				case muster.KindOf(err) != muster.Unavailable:
					t.Errorf("kind %q: %v", muster.KindOf(err), err)
				case !strings.Contains(err.Error(), "may have been kept"):
					refused[name] = true
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	<-enough
	server.Kill(t)
	wg.Wait()
	return acknowledged, refused
}

// MySQL commits every change of the schema at once. A server that is killed
// within a file goes on there.
func TestKilledWhileMigrating(t *testing.T) {
	t.Parallel()
	server := sqlserver.Own(t, sqlserver.Maria)
	dsn := server.Database(t)
	d := dbtest.Open(t, dsn)
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "CREATE TABLE m_%d (x BIGINT);\nINSERT INTO m_0 VALUES (%d);\n", i, i)
	}
	files := schema("0001_many.sql", text.String())
	kills := 0
	for round := range 3 {
		var wg sync.WaitGroup
		wg.Go(func() {
			err := d.Migrate(t.Context(), "m", files)
			if err != nil && muster.KindOf(err) != muster.Unavailable {
				t.Error(err)
			}
			if err != nil {
				kills++
			}
		})
		reached := func() (n int64) {
			d.Read(t.Context(), func(tx *db.Tx) error { //nolint:errcheck // there is no table yet
				return tx.QueryRow(`SELECT done FROM db_migrations WHERE subject = 'm'`).Scan(&n)
			})
			return n
		}
		for reached() < int64(25*(round+1)) {
			continue // each asks the server
		}
		server.Kill(t)
		wg.Wait()
		server.Start(t)
	}
	if kills == 0 {
		t.Error("no kill came within the migration")
	}
	if err := d.Migrate(t.Context(), "m", files); err != nil {
		t.Fatal(err)
	}
	if n := number(t, d, `SELECT count(*) FROM m_0`); n != 60 {
		t.Errorf("%d rows of 60", n)
	}
}
