//go:build unix

package script

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/testneed"
)

// tight are limits that hostile scripts reach soon.
var tight = Limits{Wall: 700 * time.Millisecond, Grace: time.Second, Memory: 64 << 20, Output: 64 << 10}

// bounded checks that a run ended in time and that this process stayed small.
func bounded(t *testing.T, start time.Time) {
	t.Helper()
	if took := time.Since(start); took > 25*time.Second {
		t.Errorf("took %s", took)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.Sys > 200<<20 {
		t.Errorf("the parent grew to %d MiB", m.Sys>>20)
	}
}

// Scripts that want more than they may are ended by a limit; whoever called
// them lives and learns where it was.
func TestCase33HostileScripts(t *testing.T) {
	cases := []struct {
		name, body string
		kind       FailureKind
		line       bool // the place is known
	}{
		{"endless loop", "while True:\n        pass", Timeout, true},
		{"endless loop that catches", "while True:\n        catch(run, [\"sleep\", \"9\"])", Timeout, true},
		{"recursion", "def f(n):\n        return f(n + 1)\n    f(0)", Failed, true},
		{"recursion through sorted", "def f(n):\n        return sorted([1, 2], key = f)\n    f(0)", Failed, true},
		{"list of 16 GB", "x = [0] * 1000000000\n    print(len(x))", OutOfMemory, false},
		{"doubling text", "s = \"x\"\n    while True:\n        s = s + s", OutOfMemory, false},
		{"growing list", "l = []\n    while True:\n        l.append(\"item %d\" % len(l))", OutOfMemory, true},
		{"big number", "n = 3\n    while True:\n        n = n * n", Timeout, false},
		{"circular value", "l = []\n    l.append(l)\n    return l", Failed, false},
		{"large value", "return \"x\" * (12 << 20)", Failed, false},
		{"program that sleeps", "run([\"sleep\", \"60\"])", Timeout, true},
		{"deep json", "json.decode(\"[\" * 200000)", OutOfMemory, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			limits := tight
			if c.kind != Timeout {
				limits.Wall = 20 * time.Second // a busy machine is slow
			}
			result, err := runHook(t, Request{Limits: limits}, "def install():\n    "+c.body+"\n")
			bounded(t, start)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an Error", err)
			}
			t.Logf("%s after %s: %v", e.Kind, result.Duration.Round(time.Millisecond), err)
			if e.Kind != c.kind {
				t.Errorf("kind %q, want %q\n%s", e.Kind, c.kind, shorten(string(result.Output), 2000))
			}
			if c.line && !strings.HasPrefix(e.Position, "demo 1.0: actions.star:") {
				t.Errorf("position %q", e.Position)
			}
		})
	}
}

// What a program prints is kept to the limit, however much it is: a gigabyte
// with MUSTER_TEST_LONG=1, else more than bounded lets this process have.
func TestCase34FloodOfOutput(t *testing.T) {
	start := time.Now()
	flood := 300_000_000
	if os.Getenv("MUSTER_TEST_LONG") == "1" {
		flood = 1_000_000_000
	}
	var seen countingWriter
	result, err := runHook(t, Request{Limits: Limits{Output: 64 << 10}, Log: &seen}, `
def install():
    print("head")
    out = run("head -c `+strconv.Itoa(flood)+` /dev/zero | tr '\\0' x", shell = True)
    print("tail", len(out))
`)
	bounded(t, start)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Truncated || len(result.Output) > 65<<10 {
		t.Errorf("%d bytes kept, truncated: %t", len(result.Output), result.Truncated)
	}
	if !bytes.HasPrefix(result.Output, []byte("head\n")) || !strings.Contains(string(result.Output[len(result.Output)-100:]), "tail 655") {
		t.Errorf("head or tail lost: %.20q ... %q", result.Output, result.Output[len(result.Output)-40:])
	}
	if int(seen) < flood {
		t.Errorf("the log saw %d bytes", seen)
	}
}

type countingWriter int64

func (w *countingWriter) Write(p []byte) (int, error) {
	*w += countingWriter(len(p))
	return len(p), nil
}

// TestCase34DaemonIsFound starts a process that takes its own session, loses its
// parent and ignores TERM, then lets the hook run out of time.
func TestCase34DaemonIsFound(t *testing.T) {
	testneed.Program(t, "setsid")
	dir := t.TempDir()
	_, err := runHook(t, Request{Limits: tight, BaseDir: dir}, `
def install():
    run("trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$ > pid.new; mv pid.new pid; while :; do sleep 1; done' >/dev/null 2>&1 &)", shell = True)
    while not isfile("pid"):
        pass
    run("trap '' TERM; while :; do sleep 1; done", shell = True)
`)
	var e *Error
	if !errors.As(err, &e) || e.Kind != Timeout {
		t.Fatalf("got %v, want a timeout", err)
	}
	pid := readPid(t, dir+"/pid")
	if runtime.GOOS == "linux" && alive(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

// TestDaemonLivesOn: what a hook started on purpose is not killed when it ends well.
func TestDaemonLivesOn(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, Request{BaseDir: dir}, `
def install():
    run("sleep 60 >/dev/null 2>&1 & echo $! > pid", shell = True)
`)
	pid := readPid(t, dir+"/pid")
	if !alive(pid) {
		t.Errorf("process %d is gone", pid)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Kill()
}

// TestCase34ProgramTimeout kills one program with its daemon; the script goes on.
func TestCase34ProgramTimeout(t *testing.T) {
	dir := t.TempDir()
	start := time.Now()
	got := mustRun(t, Request{BaseDir: dir}, `
def install():
    value, err = catch(run, "(setsid sleep 60 >/dev/null 2>&1 & echo $! > pid); trap '' TERM; sleep 60; sleep 60", shell = True, timeout = 0.5)
    return err
`)
	bounded(t, start)
	if s, _ := got.Value.(string); !strings.Contains(s, "did not end within 500ms") {
		t.Errorf("got %v", got.Value)
	}
	if pid := readPid(t, dir+"/pid"); runtime.GOOS == "linux" && alive(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

// Nothing of the environment of the caller that may be a secret reaches a script.
func TestCase34SecretsStayBehind(t *testing.T) {
	t.Setenv("MUSTER_KEY_PASSWORD", "hush-1")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush-2")
	t.Setenv("SSH_AUTH_SOCK", "/hush-3")
	t.Setenv("https_proxy", "http://u:hush-4@proxy")
	got := mustRun(t, Request{Env: []string{"GREETING=hello"}}, `
def install():
    run("env", shell = True)
    run(["sh", "-c", "cat /proc/$PPID/environ; echo $HOME; touch $HOME/x $TMPDIR/y"])
`)
	out := string(got.Output)
	if strings.Contains(out, "hush") || strings.Contains(out, "\n"+childMark) {
		t.Errorf("a secret reached the script:\n%s", out)
	}
	if !strings.Contains(out, "GREETING=hello") || !strings.Contains(out, "LANG=C.UTF-8") {
		t.Errorf("variables are missing:\n%s", out)
	}
}

// TestProgramsHaveTheirMemory: the limit of the interpreter is not that of the
// programs it runs.
func TestProgramsHaveTheirMemory(t *testing.T) {
	got := mustRun(t, Request{Limits: Limits{Memory: 64 << 20}}, `
def install():
    return run("ulimit -d", shell = True).strip()
`)
	if got.Value != "unlimited" {
		t.Errorf("the program's limit is %v", got.Value)
	}
}

// TestWatchSize: where the kernel does not bound memory, the parent does.
func TestWatchSize(t *testing.T) {
	testneed.Program(t, "ps")
	cmd := exec.Command("/bin/sh", "-c", "x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 60; echo ${#x}")
	setApart(cmd)
	p := &process{cmd: cmd, mayDie: make(chan struct{}), dead: make(chan struct{})}
	if err := p.start(1 << 30); err != nil {
		t.Fatal(err)
	}
	close(p.mayDie)
	p.watchSize(30 << 20)
	<-p.dead
	var e *Error
	if err := p.diagnose(cmd.ProcessState, nil); !p.large.Load() || !errors.As(err, &e) || e.Kind != OutOfMemory {
		t.Errorf("large: %t, %v", p.large.Load(), err)
	}
}

func readPid(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
