// Package hostile_test has the built program, muster, follow a repository that
// lies: cuts short, stalls, replays, mixes, bombs, or is no repository at all.
//
// Whatever the server does, the program ends soon, needs little memory, says
// what happened and what to do next, and changes nothing; and the same command
// succeeds as soon as the server is honest. The cases by number are those of
// docs/faults.md.
package hostile_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"muster/internal/testneed/built"
)

// program is the built muster.
var program string

func TestMain(m *testing.M) {
	if file := os.Getenv(launchMark); file != "" {
		os.Exit(launch(file, os.Args[1:]))
	}
	os.Exit(run(m))
}

// launchMark names the file into which a launcher writes how much memory its
// program took. The kernel counts for a process what it had before exec, which
// is that of these tests: so a small process stands between.
const launchMark = "MUSTER_TEST_LAUNCH"

func launch(file string, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, launchMark) })
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.WriteFile(file, fmt.Append(nil, resident(cmd.ProcessState)), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

func run(m *testing.M) int {
	where := ""
	if _, err := os.Stat("/dev/shm"); err == nil {
		where = "/dev/shm" // a change waits for the disk many times
	}
	dir, err := os.MkdirTemp(where, "muster-hostile-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("TMPDIR", dir)
	if program, err = built.Program(dir, "muster"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	fmt.Printf("the largest of all runs took %d MB\n", largest.Load()>>20)
	return code
}

// largest is the most memory that a run took.
var largest atomic.Int64

// An outcome is how a run of the program ended.
type outcome struct {
	code     int
	out, err string
	memory   int64 // the most that was resident, bytes; 0 where the system does not say
}

// muster runs the program for the area of w.
func (w *world) muster(args ...string) outcome {
	w.Helper()
	used := filepath.Join(w.dir, "memory")
	cmd := exec.CommandContext(w.Context(), os.Args[0], append([]string{program}, args...)...)
	cmd.Env = append(os.Environ(), launchMark+"="+used, "MUSTER_ROOT="+w.root, "HOME="+w.root, "http_proxy=", "HTTP_PROXY=")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.Fatal(err)
	}
	o := outcome{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
	data, err := os.ReadFile(used)
	if err == nil {
		o.memory, err = strconv.ParseInt(string(data), 10, 64)
	}
	if check(w, err); o.memory > maxMemory {
		w.Errorf("muster %s took %d MB of memory", strings.Join(args, " "), o.memory>>20)
	}
	largest.Store(max(largest.Load(), o.memory))
	return o
}

// maxMemory bounds every run.
const maxMemory = 128 << 20

// must is muster for a command that has to succeed.
func (w *world) must(args ...string) outcome {
	w.Helper()
	o := w.muster(args...)
	if o.code != 0 {
		w.Fatalf("muster %s: exit code %d\n%s%s", strings.Join(args, " "), o.code, o.out, o.err)
	}
	return o
}

// snapshot is the hash of every file of the area: what is installed, the
// records, and what is known of the repository. What may change in vain are
// the count of failures, locks, and what waits in the cache to be gone on with.
func (w *world) snapshot() string {
	w.Helper()
	var b strings.Builder
	err := filepath.WalkDir(w.root, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(w.root, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && rel == filepath.Join(".muster", "cache"):
			return fs.SkipDir
		case d.IsDir(), d.Name() == "lock", d.Name() == "state.json":
			return nil
		}
		data, err := os.ReadFile(name)
		fmt.Fprintf(&b, "%s %x\n", rel, sha256.Sum256(data))
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return b.String()
}
