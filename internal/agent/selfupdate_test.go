package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/internal/durable"
	"muster/internal/testneed/built"
)

// crash stands for the end of the program at one point.
type crash struct{}

// crashAt is a disk that ends the program at its n-th change.
func crashAt(n int) *durable.Disk {
	return &durable.Disk{Fault: func(durable.Call) error {
		if n--; n < 0 {
			panic(crash{})
		}
		return nil
	}}
}

// A boot is one start of the launcher, with a program that is well or not.
type boot struct {
	v      *Versions
	good   bool
	tries  int
	become []string
}

func (b *boot) run(disk *durable.Disk) (crashed bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crash); !ok {
				panic(p)
			}
			crashed = true
		}
	}()
	b.v.Disk = disk
	l := Launcher{Versions: b.v, Say: func(string, ...any) {},
		Try: func(program string, _ time.Duration) error {
			b.tries++
			if !b.good {
				return errors.New("it crashed")
			}
			return nil
		},
		Become: func(program string) error {
			b.become = append(b.become, program)
			return nil
		}}
	l.Run(context.Background())
	return false
}

// TestCase30Killed: the launcher and the one who stages are killed before and after
// each change of the disk, once and then a second time. What runs then is always a
// whole program: the new one where that is well, else the old one; and a bad one is
// not started for ever.
func TestCase30Killed(t *testing.T) {
	for _, good := range []bool{true, false} {
		points := 0
		for n := 0; ; n++ {
			crashed := false
			for again := range 12 {
				b := &boot{v: &Versions{Dir: filepath.Join(t.TempDir(), "agent")}, good: good}
				crashed = stageAndRun(t, b, n)
				b.run(crashAt(again))
				before := b.tries
				for range 4 {
					b.run(nil)
				}
				if b.tries > trialStarts+1 || b.tries-before > trialStarts {
					t.Fatalf("good %v, point %d, then %d: tried %d times", good, n, again, b.tries)
				}
				last := b.become[len(b.become)-1]
				if last == "" {
					continue
				}
				data, err := os.ReadFile(last)
				if err != nil || string(data) != "version 2" || !good {
					t.Fatalf("good %v, point %d, then %d: %q runs: %q, %v", good, n, again, last, data, err)
				}
			}
			if points++; !crashed {
				break
			}
		}
		if points < 15 {
			t.Errorf("only %d points", points)
		}
	}
}

func stageAndRun(t *testing.T, b *boot, n int) (crashed bool) {
	defer func() {
		if p := recover(); p != nil {
			crashed = true
		}
	}()
	disk := crashAt(n)
	b.v.Disk = disk
	if err := b.v.stage("2", []byte("version 2")); err != nil {
		t.Fatal(err)
	}
	return b.run(disk)
}

// TestCase30Switch is the life of versions without crashes.
func TestCase30Switch(t *testing.T) {
	v := &Versions{Dir: filepath.Join(t.TempDir(), "agent")}
	runs := func(good bool) string {
		b := &boot{v: v, good: good}
		b.run(nil)
		return filepath.Base(filepath.Dir(b.become[len(b.become)-1]))
	}
	stage := func(version string) {
		t.Helper()
		if err := v.stage(version, []byte(version)); err != nil {
			t.Fatal(err)
		}
	}
	stage("2")
	if got := runs(true); got != "2" {
		t.Errorf("after 2, %s runs", got)
	}
	stage("3")
	if got := runs(false); got != "2" {
		t.Errorf("after a bad 3, %s runs", got)
	}
	if s := v.read(); s.Bad["3"] == "" || s.Trial != "" {
		t.Errorf("after a bad 3: %+v", s)
	}
	stage("4")
	runs(true)
	if _, err := os.Stat(v.program("3")); err == nil {
		t.Error("a bad version lies around")
	}
	for range currentStarts - 1 {
		if got := runs(true); got != "4" {
			t.Fatalf("%s runs", got)
		}
	}
	if got := runs(true); got != "2" {
		t.Errorf("4 was well once and then never again: %s runs", got)
	}
	for range 2 * currentStarts {
		runs(true)
	}
	if got := runs(true); got != "." {
		t.Errorf("2 is not well either, and %s runs", got)
	}
}

// build builds a program.
func (f *fleet) build(name string, env []string, args ...string) string {
	f.Helper()
	out := f.path(name)
	cmd := exec.Command("go", append([]string{"build", "-o", out}, args...)...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		f.Fatalf("cannot build %s: %v\n%s", name, err, text)
	}
	return out
}

func (f *fleet) muster() string {
	f.Helper()
	path, err := built.Program(f.path("bin"), "muster", "-X", "muster/internal/cli.Version=1.0")
	if err != nil {
		f.Fatal(err)
	}
	return path
}

func (f *fleet) tiny(name, body string, env ...string) string {
	f.Helper()
	src := f.path(name + ".go")
	if err := os.WriteFile(src, []byte("package main\nimport (\"os\"; \"time\")\nvar _ = os.Args\nvar _ = time.Now\nfunc main() { "+body+" }\n"), 0o644); err != nil {
		f.Fatal(err)
	}
	return f.build(name, env, src)
}

// publishAgent publishes the program as a version of the agent's own package.
func (f *fleet) publishAgent(version, program string) {
	f.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		f.Fatal(err)
	}
	f.publish("muster-agent "+version, "bin/muster="+string(data))
}

// TestCase30SelfUpdate updates a real agent: to one that crashes at its start, one
// that is for another processor, one that hangs, and one that works.
func TestCase30SelfUpdate(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks at /proc")
	}
	f := newFleet(t)
	base := f.muster()
	id := f.host("pc")
	v := VersionsOf(f.path("pc", ".muster"), nil)
	other := "arm64"
	if runtime.GOARCH == other {
		other = "amd64"
	}
	stage := func(version, program string) {
		t.Helper()
		f.publishAgent(version, program)
		job := f.job("pc")
		job.Package = "muster-agent"
		if out, err := Round(t.Context(), job); err != nil || out.Problem != nil || out.NewAgent != version {
			t.Fatalf("staging %s: %+v, %v", version, out, err)
		}
	}
	// runs starts the agent as a service would, and returns which program the
	// process is once the versions are decided.
	runs := func() string {
		t.Helper()
		cmd := exec.Command(base, "agent", "run", "--root", f.path("pc"), "--patience", "4s")
		var talk strings.Builder
		cmd.Stderr = &talk
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Signal(syscall.SIGTERM)
		for end := time.Now().Add(40 * time.Second); time.Now().Before(end); {
			s := v.read()
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
			if s.Trial == "" && (s.Current == "" || exe == v.program(s.Current)) {
				line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
				if err == nil && len(line) == 0 {
					continue // it is just becoming that program
				}
				if err != nil || !strings.Contains(string(line), "--patience\x004s\x00") {
					t.Errorf("the patience of the launcher is lost: %q, %v", line, err)
				}
				return exe
			}
			pause(10 * time.Millisecond)
		}
		t.Fatalf("nothing was decided: %+v\n%s", v.read(), talk.String())
		return ""
	}
	for _, c := range []struct{ version, program string }{
		{"2.0-1", f.tiny("crash", "os.Exit(3)")},
		{"2.1-1", f.tiny("foreign", "", "GOARCH="+other)},
		{"2.2-1", f.tiny("hang", "for { time.Sleep(time.Hour) }")},
		{"2.3-1", f.tiny("silent", "")},
	} {
		stage(c.version, c.program)
		if exe := runs(); exe != base || v.read().Bad[c.version] == "" {
			t.Errorf("%s: %s runs, %+v", c.program, exe, v.read())
		}
	}
	stage("3.0-1", base)
	if exe := runs(); exe != v.program("3.0-1") {
		t.Errorf("%s runs: %+v", exe, v.read())
	}
	f.round("pc")
	told := 0
	for _, r := range f.results {
		if r.Kind == "self-update" && r.Error != "" {
			told++
		}
	}
	if told != 4 || f.row(id).agent == "" {
		t.Errorf("the server was told of %d bad versions: %+v", told, f.results)
	}
}

// TestBadToldOnce: a crash between the report of a bad version and the note of it has
// the server told once. A version that fails again is told again.
func TestBadToldOnce(t *testing.T) {
	f := newFleet(t)
	f.host("pc")
	v := VersionsOf(f.path("pc", ".muster"), nil)
	stageAll(t, v, "1.0-1")
	for n := range 2 {
		if err := v.give("2.0-1", "it crashed"); err != nil {
			t.Fatal(err)
		}
		r := &round{Job: f.job("pc"), out: &Outcome{}}
		end, err := r.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			before := v.read()
			if err := r.tellBad(); err != nil {
				t.Fatal(err)
			}
			if err := v.write(before); err != nil {
				t.Fatal(err)
			}
		}
		results, _, err := r.home.spooled(10)
		ids := map[string]bool{}
		for _, r := range results {
			ids[r.ID] = true
		}
		if err != nil || len(ids) != n+1 || len(results) != n+1 {
			t.Errorf("after %d failures there are %d results: %+v, %v", n+1, len(results), results, err)
		}
		end()
	}
}

// pause waits for a process to go on; there is nothing else to wait for.
func pause(d time.Duration) { <-time.After(d) }
