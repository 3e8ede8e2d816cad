//go:build unix

package script

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/control"
)

func TestNamesInScope(t *testing.T) {
	dir := t.TempDir()
	got := mustRun(t, Request{
		BaseDir: dir, Root: "/srv/area", PersistentDir: "/srv/p", OldVersion: "0.9-1", Force: true, Attempt: 2,
		Params:   map[string]string{"key": "value"},
		Platform: muster.Platform{OS: "linux", Arch: "arm64", Version: "12"},
		Control: &control.Control{
			Name: "demo", Version: "1.2.1-3", Kind: muster.Base, OS: []string{"linux", "windows"},
			Architecture: []string{"all"}, ImpactedProcesses: []string{"a", "b"},
		},
	}, `
def install():
    return [control.name, control.package, control.version, control.software_version, control.get_software_version(),
            control.kind, control.os, control.maturity, control.impacted_process, params["key"], root, persistent_dir,
            basedir == os.path.abspath("."), old_version, force, attempt, platform.os, platform.arch, platform.version,
            glob.glob("*"), glob("*"), os.path.join("a", "/b"), os.environ["MUSTER_PACKAGE"], getenv("MUSTER_HOOK"), user != "", language != ""]
`)
	want := "[demo demo 1.2.1-3 1.2.1 1.2.1 base linux, windows PROD a, b value /srv/area /srv/p " +
		"true 0.9-1 true 2 linux arm64 12 [] [] /b demo install true true]"
	if s := fmt.Sprint(got.Value); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestHostFunctions(t *testing.T) {
	var calls []string
	host := map[string]HostFunc{
		"fetch": func(_ context.Context, args []any, kwargs map[string]any) (any, error) {
			calls = append(calls, fmt.Sprint(args, kwargs))
			return map[string]string{"path": "/src"}, nil
		},
		"unpack": func(context.Context, []any, map[string]any) (any, error) {
			return nil, errors.New("no such archive")
		},
		"numbers": func(_ context.Context, args []any, _ map[string]any) (any, error) {
			return []any{args[0], args[1], []string{"x"}, 7, nil}, nil
		},
		"wrong": func(context.Context, []any, map[string]any) (any, error) { return make(chan int), nil },
	}
	got := mustRun(t, Request{Hook: "build", Host: host}, `
def build():
    src = fetch("go:example.org/x@v1", sha256 = "00")
    _, err = catch(unpack, src["path"])
    _, bad = catch(wrong)
    _, fn = catch(fetch, build)
    return [src, err, numbers(1, 1.0), bad, fn]
`)
	want := "[map[path:/src] no such archive [1 1 [x] 7 <nil>] wrong: a chan int is no value for a script fetch: a function cannot be passed on]"
	if s := fmt.Sprint(got.Value); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if len(calls) != 1 || calls[0] != "[go:example.org/x@v1] map[sha256:00]" {
		t.Errorf("calls: %q", calls)
	}
	numbers := got.Value.([]any)[2].([]any)
	if _, ok := numbers[0].(int64); !ok {
		t.Errorf("1 came back as %T", numbers[0])
	}
	if _, ok := numbers[1].(float64); !ok {
		t.Errorf("1.0 came back as %T", numbers[1])
	}
}

// TestNoNetworkOnHosts: without a host function the names exist and explain.
func TestNoNetworkOnHosts(t *testing.T) {
	for _, call := range []string{`fetch("go:x@v1")`, `wget("https://example.org/")`, `wgets("https://example.org/")`, `unpack("a.tar")`} {
		_, err := runHook(t, Request{}, "def install():\n    "+call+"\n")
		if err == nil || !strings.Contains(err.Error(), "works on the builder only") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestHostFunctionOutlivesNothing(t *testing.T) {
	host := map[string]HostFunc{"fetch": func(ctx context.Context, _ []any, _ map[string]any) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	start := time.Now()
	_, err := runHook(t, Request{Hook: "build", Host: host, Limits: Limits{Wall: 300 * time.Millisecond}}, "def build():\n    fetch(\"x\")\n")
	var e *Error
	if !errors.As(err, &e) || e.Kind != Timeout || e.Position != "demo 1.0: actions.star:2:10" || time.Since(start) > 10*time.Second {
		t.Errorf("got %v after %s", err, time.Since(start))
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	started := &trigger{word: "ready", fire: cancel}
	result, err := Run(ctx, Request{
		File: "demo", Source: []byte("def install():\n    print(\"ready\")\n    while True:\n        pass\n"),
		Hook: "install", Log: started,
	})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Killed || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if !bytes.Contains(result.Output, []byte("ready")) {
		t.Errorf("output %q", result.Output)
	}
}

// A trigger fires when a word is written.
type trigger struct {
	word string
	fire func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.word)) {
		w.fire()
	}
	return len(p), nil
}

func TestRefusals(t *testing.T) {
	cases := []struct {
		hook, source string
		kind         muster.ErrorKind
		want         string
	}{
		{"install", "def audit():\n    pass\n", muster.NotFound, "no such function"},
		{"install", "def install(:\n", muster.Invalid, "actions.star:1:14"},
		{"install", "def install():\n    undefined_thing()\n", muster.Invalid, "undefined: undefined_thing"},
		{"install", "load(\"x\", \"y\")\n", muster.Invalid, "no load here"},
		{"explode", "def explode():\n    pass\n", muster.Invalid, "no hook"},
		{"install", "x = \"" + strings.Repeat("x", MaxSource) + "\"\n", muster.Invalid, "more than"},
		{"install", "install = 3\n", muster.Internal, "invalid call of non-function"},
		{"install", "def install():\n    return install\n", muster.Internal, "a function cannot be passed on"},
		{"install", "1 / 0\n", muster.Internal, "actions.star:1:3"},
		{"install", "def install():\n    run([\"/nonexistent/x\"])\n", muster.Internal, `cannot run "/nonexistent/x"`},
		{"install", "def install():\n    run(\"exit 3\", shell = True)\n", muster.Internal, "ended with exit status 3"},
		{"install", "def install():\n    run(\"echo a | cat\")\n", muster.Internal, "needs a shell"},
		{"install", "def install():\n    registry_set(HKEY_LOCAL_MACHINE, \"a\", \"b\", 1)\n", muster.Internal, "registry_set is for windows; this is linux"},
		{"install", "def install():\n    remove_tree(\"/etc\")\n", muster.Internal, "not for removal"},
	}
	for _, c := range cases {
		_, err := runHook(t, Request{Hook: c.hook}, c.source)
		if muster.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: kind %s, %.200v", c.source, muster.KindOf(err), err)
		}
	}
}

func TestExitReboot(t *testing.T) {
	for code, want := range map[int]bool{0: false, 3010 % 256: false} {
		got := mustRun(t, Request{}, fmt.Sprintf("def install():\n    run(\"exit %d\", shell = True, accept_returncodes = [%d])\n", code, code))
		if got.ExitReboot != want {
			t.Errorf("code %d: reboot %t", code, got.ExitReboot)
		}
	}
	// Unix codes end at 255, so that 3010 itself is tested on the judgement.
	s := newSession(&wireRequest{}, &frameWriter{w: discard{}})
	if err := s.accept("setup.exe", 3010, []int{0, 3010, 1641}, "exit status 3010"); err != nil || !s.reboot {
		t.Errorf("3010: %v, reboot %t", err, s.reboot)
	}
	if err := s.accept("setup.exe", 3010, []int{0}, "exit status 3010"); err == nil {
		t.Error("3010 was accepted though not listed")
	}
}

func TestFacts(t *testing.T) {
	got := mustRun(t, Request{}, `
uninstallkey = ["{A}", "Tool_is1"]
def install():
    write_audit_data("disk", "free", 17)
    write_audit_data("disk", "free", 18)
    write_audit_data("net", "ok", {"a": [True, None]})
`)
	if fmt.Sprint(got.UninstallKeys) != "[{A} Tool_is1]" || fmt.Sprint(got.AuditData) != "map[disk:map[free:18] net:map[ok:map[a:[true <nil>]]]]" {
		t.Errorf("got %v, %v", got.UninstallKeys, got.AuditData)
	}
	got = mustRun(t, Request{}, "def install():\n    uninstallkey.append(\"K\")\n")
	if fmt.Sprint(got.UninstallKeys) != "[K]" {
		t.Errorf("got %v", got.UninstallKeys)
	}
	_, err := runHook(t, Request{}, "def install():\n    for i in range(30):\n        write_audit_data(\"s\", str(i), \"x\" * 100000)\n")
	if err == nil || !strings.Contains(err.Error(), "bytes of audit data") {
		t.Errorf("unbounded audit data: %v", err)
	}
}

func TestConcurrentRuns(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			got, err := Run(context.Background(), Request{
				File: "demo", Hook: "audit", Source: fmt.Appendf(nil, "def audit():\n    return run([\"echo\", \"%d\"]).strip()\n", i),
			})
			if err != nil || got.Value != fmt.Sprint(i) {
				t.Errorf("run %d: %v, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

func TestChildKilledFromOutside(t *testing.T) {
	result, err := runHook(t, Request{}, "def install():\n    print(\"so far\")\n    run(\"kill -KILL $PPID; sleep 5\", shell = True)\n")
	var e *Error
	if !errors.As(err, &e) || e.Kind != Killed || muster.KindOf(err) != muster.Unavailable {
		t.Fatalf("got %v", err)
	}
	if !bytes.Contains(result.Output, []byte("so far")) {
		t.Errorf("output %q", result.Output)
	}
}

// TestScratchIsRemoved: nothing of HOME and TMPDIR stays, even what cannot be
// written.
func TestScratchIsRemoved(t *testing.T) {
	got := mustRun(t, Request{}, `
def install():
    home = getenv("HOME")
    write_file(makepath(home, "mod/cache/x"), "1")
    chmod(makepath(home, "mod/cache"), 0o555)
    write_file(makepath(getenv("TMPDIR"), "y"), "1")
    return home
`)
	home := got.Value.(string)
	if !strings.Contains(home, "muster-script-") {
		t.Fatalf("home is %s", home)
	}
	if _, err := os.Stat(filepath.Dir(home)); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", home, err)
	}
}

// TestParentDies: when muster is killed, the script and its program die too,
// so that a restarted muster does not run a hook beside its former self.
func TestParentDies(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), parentEnv+"="+dir)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pid")
	await(t, func() bool { _, err := os.Stat(file); return err == nil })
	pid := readPid(t, file)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	await(t, func() bool { return !alive(pid) })
}

func TestHooks(t *testing.T) {
	hooks, err := Hooks("a.star", []byte("def audit():\n    pass\ndef build():\n    bring(1)\nif True:\n    def install():\n        pass\ndef helper():\n    def test():\n        pass\n"), "bring")
	if err != nil || fmt.Sprint(hooks) != "[build install audit]" {
		t.Errorf("got %v, %v", hooks, err)
	}
	for source, want := range map[string]string{
		"def install(x):\n    pass\n":      "a.star:1:1: install() must take no arguments",
		"x = nowhere\ny = elsewhere\n":     "a.star:1:5: undefined: nowhere\na.star:2:5: undefined: elsewhere",
		"def install():\n  if\n":           "a.star:2:5: got newline, want primary expression",
		"load(\"a\", \"b\")\n":             "a.star:1:1: no load here: a package's actions are one file",
		strings.Repeat("(", 100_000):       "a.star:1:78: excessive nesting",
		"install = lambda: fetch(\"x\")\n": "",
	} {
		_, err := Hooks("a.star", []byte(source))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", source, err)
		case want != "" && (err == nil || err.Error() != want || muster.KindOf(err) != muster.Invalid):
			t.Errorf("%.30q: got %v, want %s", source, err, want)
		}
	}
	_, err = Hooks("a.star", []byte("try:\n    x()\nexcept:\n    pass\n"))
	if !strings.Contains(muster.HintOf(err), "catch(fn") {
		t.Errorf("no hint: %v", err)
	}
}

// FuzzHooks: the hooks found stand in the source, and one more is found beside
// them; what is refused is invalid.
func FuzzHooks(f *testing.F) {
	f.Add([]byte("def install():\n    run([\"x\"])\n"))
	f.Add([]byte("x = [[[[({1: lambda: 0})]]]]\nif x:\n  def audit(): pass\n"))
	f.Add([]byte("\xff\x00'''"))
	f.Add([]byte("x = 1\n\x00\ndef install():\n    pass\n")) // what stands behind a zero byte was passed over
	f.Fuzz(func(t *testing.T, source []byte) {
		hooks, err := Hooks("f", source)
		if err != nil && muster.KindOf(err) != muster.Invalid {
			t.Errorf("kind of %v", err)
		}
		for _, h := range hooks {
			if !bytes.Contains(source, []byte("def")) || !bytes.Contains(source, []byte(h)) {
				t.Errorf("%q has no %s", source, h)
			}
		}
		if err != nil || slices.Contains(hooks, "audit") {
			return
		}
		again, err := Hooks("f", append(slices.Clip(source), "\n\ndef audit():\n    pass\n"...))
		if err == nil && (len(again) != len(hooks)+1 || !slices.Contains(again, "audit")) {
			t.Errorf("%v, and with one more %v", hooks, again)
		}
	})
}

// FuzzReceive: a hostile child can send what it likes.
func FuzzReceive(f *testing.F) {
	var b bytes.Buffer
	w := &frameWriter{w: &b}
	_ = w.send(&message{Call: &call{Name: "fetch", Args: []byte(`["x"]`), Kwargs: []byte(`{}`)}})
	_, _ = w.Write([]byte("output"))
	_ = w.send(&message{End: &ending{Value: []byte("1.0")}})
	f.Add(b.Bytes())
	f.Add(binary.BigEndian.AppendUint32(nil, maxFrame))
	f.Add(binary.BigEndian.AppendUint32(nil, logFrame|maxFrame+1))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			m, err := receive(r)
			if err != nil {
				return
			}
			if m.End != nil {
				_ = m.End.fill(new(Result))
			}
			if m.Call != nil {
				req := &Request{}
				if a := req.answer(context.Background(), m.Call); a.Error == "" {
					t.Errorf("an unknown function answered %+v", a)
				}
			}
		}
	})
}
