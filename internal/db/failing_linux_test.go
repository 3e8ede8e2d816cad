package db_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"muster/internal/db/dbtest"
	"muster/internal/testneed"
)

// A disk that fails every seventh sync: the writes of that commit are told, and
// what was acknowledged is there.
func TestSyncFails(t *testing.T) {
	strace := testneed.Program(t, "strace")
	path := filepath.Join(t.TempDir(), "test.db")
	child := exec.Command(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=20+7",
		os.Args[0], "-test.run", "^TestKilledWhileWriting$")
	child.Env = append(os.Environ(), "DB_WRITER="+path, "DB_ROUND=0")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^0-\d+-\d+$`)
	acknowledged, refused := map[string]bool{}, 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch line := lines.Text(); {
		case name.MatchString(line):
			acknowledged[line] = true
		case line == "unavailable":
			refused++
		default:
			t.Log(line)
		}
	}
	child.Wait() //nolint:errcheck // it ends when all of its writers were refused
	if len(acknowledged) == 0 || refused != 32 {
		t.Errorf("%d writes acknowledged and %d writers refused", len(acknowledged), refused)
	}
	there := present(t, dbtest.Open(t, "sqlite:"+path))
	for name := range acknowledged {
		if !there[name] {
			t.Errorf("%q was acknowledged, and is not there", name)
		}
	}
}
