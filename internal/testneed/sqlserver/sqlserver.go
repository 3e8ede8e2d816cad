// Package sqlserver gives tests databases on real PostgreSQL and MariaDB
// servers, which it starts when the first test asks. Only tests import it.
//
// [Postgres] and [MariaDB] return the address of a fresh database on a server
// that the tests of one binary share. [Own] starts a server for one test, which
// may kill it. Servers listen on a socket in a temporary folder and nowhere
// else, sync as ordinary ones do, though to memory ([testneed.Memory]) where no disk
// is measured, and end with the test binary, also when that is killed. Their first
// files are kept in the user's cache folder, under muster-test. Without the programs a
// test is skipped, as in package testneed.
package sqlserver

import (
	"database/sql"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql" // to make databases
	_ "github.com/jackc/pgx/v5/stdlib"
)

// A Kind is a program that serves databases.
type Kind struct {
	name     string
	users    []string // of whom the program is run as the first there is, when the test is root's
	programs func(dir string, find func(name string) string) (initial, server []string)
	ready    string // a line with this says that it serves
	pid      string // file with its process id, in the folder
	driver   string
	admin    func(dir string) string // for the driver
	dsn      func(dir, database string) string
	create   string // statement that makes a database
}

// The kinds.
var (
	PostgreSQL = &Kind{
		name:  "postgresql",
		users: []string{"postgres", "nobody"},
		programs: func(dir string, find func(string) string) (initial, server []string) {
			return []string{find("initdb"), "-D", dir + "/data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"},
				[]string{find("postgres"), "-D", dir + "/data", "-k", dir, "-c", "listen_addresses=", "-c", "log_checkpoints=off", "-c", "shared_buffers=32MB",
					"-c", "dynamic_shared_memory_type=mmap"} // in the folder: of a server that is killed nothing else is removed
		},
		ready:  "ready to accept connections",
		pid:    "data/postmaster.pid",
		driver: "pgx",
		admin:  func(dir string) string { return "postgres://test@/postgres?host=" + url.QueryEscape(dir) },
		dsn: func(dir, database string) string {
			return "postgres://test@/" + database + "?host=" + url.QueryEscape(dir)
		},
		create: "CREATE DATABASE %s",
	}
	Maria = &Kind{
		name:  "mariadb",
		users: []string{"mysql", "nobody"},
		programs: func(dir string, find func(string) string) (initial, server []string) {
			return []string{find("mariadb-install-db"), "--no-defaults", "--datadir=" + dir + "/data", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=16M"},
				[]string{find("mariadbd"), "--no-defaults", "--datadir=" + dir + "/data", "--socket=" + dir + "/s", "--pid-file=" + dir + "/pid", "--skip-networking", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--max-connections=200"}
		},
		ready:  "ready for connections",
		pid:    "pid",
		driver: "mysql",
		admin:  func(dir string) string { return "root@unix(" + dir + "/s)/" },
		dsn: func(dir, database string) string {
			return "mysql://root@/" + database + "?socket=" + url.QueryEscape(dir+"/s")
		},
		create: "CREATE DATABASE %s CHARACTER SET latin1", // what is there must not matter
	}
)

// Postgres returns the address of a fresh database on the PostgreSQL server of
// this test binary.
func Postgres(t testing.TB) string {
	t.Helper()
	return sharedPostgres.get(t).Database(t)
}

// MariaDB returns the address of a fresh database on the MariaDB server of
// this test binary.
func MariaDB(t testing.TB) string {
	t.Helper()
	return sharedMaria.get(t).Database(t)
}

var (
	sharedPostgres = shared{kind: PostgreSQL}
	sharedMaria    = shared{kind: Maria}
)

// A shared server is started by the first test that needs it.
type shared struct {
	kind   *Kind
	mu     sync.Mutex
	server *Server
}

func (s *shared) get(t testing.TB) *Server {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		s.server = start(t, s.kind)
	}
	return s.server
}

// Own starts a server for one test and ends it with the test.
func Own(t testing.TB, kind *Kind) *Server {
	t.Helper()
	s := start(t, kind)
	t.Cleanup(s.end)
	return s
}

var databases atomic.Int64

// Database makes a fresh database and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	p, err := sql.Open(s.kind.driver, s.kind.admin(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	name := fmt.Sprintf("test%d", databases.Add(1))
	if _, err := p.ExecContext(t.Context(), fmt.Sprintf(s.kind.create, name)); err != nil {
		t.Fatalf("cannot make a database: %v", err)
	}
	return s.kind.dsn(s.dir, name)
}
