package sqlserver

import (
	"bufio"
	"database/sql"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// databaseNames asks for the server's databases, as a proof that it serves.
func databaseNames(t *testing.T, s *Server) int {
	t.Helper()
	p, err := sql.Open(s.kind.driver, s.kind.admin(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	query := "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'"
	if s.kind == Maria {
		query = "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'test%'"
	}
	n := 0
	if err := p.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKilledAndStartedAgain(t *testing.T) {
	for _, kind := range []*Kind{PostgreSQL, Maria} {
		t.Run(kind.name, func(t *testing.T) {
			s := Own(t, kind)
			if a, b := s.Database(t), s.Database(t); a == b {
				t.Errorf("one database twice: %q", a)
			}
			s.Kill(t)
			s.Start(t)
			if n := databaseNames(t, s); n != 2 {
				t.Errorf("%d databases after the crash", n)
			}
		})
	}
}

// A test binary that is killed leaves neither processes nor files.
func TestEndsWithTheTestBinary(t *testing.T) {
	if os.Getenv("SQLSERVER_CHILD") != "" {
		start(t, PostgreSQL)
		start(t, Maria)
		os.Stdout.WriteString("started\n") //nolint:errcheck // else the parent says so
		io.Copy(io.Discard, os.Stdin)      //nolint:errcheck // until it is killed
		t.Fatal("not killed")
	}
	dir := socketDir(t)
	child := exec.Command(os.Args[0], "-test.run", "^TestEndsWithTheTestBinary$")
	child.Env = append(os.Environ(), "SQLSERVER_CHILD=1", "TMPDIR="+dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "started\n" {
		rest, _ := io.ReadAll(out)
		t.Fatalf("the child said %q%s: %v", line, rest, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait() //nolint:errcheck // killed
	left := func() int {
		there, err := filepath.Glob(filepath.Join(dir, "muster-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(there)
	}
	for range time.Tick(20 * time.Millisecond) {
		if left() == 0 { // the test's time limit ends it otherwise
			return
		}
	}
}

// socketDir is a folder with a name short enough for a socket in it.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // it should be empty
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
