package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Child()
	playParent()
	playInstaller()
	os.Exit(m.Run())
}

// runHook runs a hook named install with the given body.
func runHook(t *testing.T, r Request, source string) (*Result, error) {
	t.Helper()
	if r.Hook == "" {
		r.Hook = "install"
	}
	r.File, r.Source = "demo 1.0: actions.star", []byte(source)
	if r.BaseDir == "" {
		r.BaseDir = t.TempDir()
	}
	return Run(context.Background(), r)
}

// mustRun is runHook for a script that succeeds.
func mustRun(t *testing.T, r Request, source string) *Result {
	t.Helper()
	result, err := runHook(t, r, source)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			t.Log(e.Backtrace)
		}
		if result != nil {
			t.Logf("output:\n%s", result.Output)
		}
		t.Fatal(err)
	}
	return result
}

func TestReturnValue(t *testing.T) {
	got := mustRun(t, Request{}, `
def install():
    print("hello")
    print("from", "print")
    return {"a": [1, 2.0, None, True, "x"]}
`)
	if out := string(got.Output); !strings.Contains(out, "hello\n") || !strings.Contains(out, "from print\n") {
		t.Errorf("output %q", out)
	}
	text, err := encode(got.Value)
	if err != nil || string(text) != `{"a":[1,2.0,null,true,"x"]}` {
		t.Errorf("value %s, %v", text, err)
	}
}

func TestBacktrace(t *testing.T) {
	_, err := runHook(t, Request{}, `def install():
    inner()

def inner():
    fail("no", "way")
`)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an Error", err)
	}
	const back = "  demo 1.0: actions.star:2:10: in install\n  demo 1.0: actions.star:5:9: in inner\n  <builtin>: in fail\n"
	if e.Kind != Failed || e.Message != "no way" || e.Position != "demo 1.0: actions.star:5:9" || e.Backtrace != back {
		t.Errorf("got %+v", e)
	}
}

// parentEnv makes the test binary play a parent that will be killed.
const parentEnv = "SCRIPT_TEST_PARENT"

func playParent() {
	dir := os.Getenv(parentEnv)
	if dir == "" {
		return
	}
	_, err := Run(context.Background(), Request{
		File: "demo", Hook: "install", BaseDir: dir,
		Source: []byte("def install():\n    run(\"echo $$ > new; mv new pid; trap '' TERM HUP; while :; do sleep 1; done\", shell = True)\n"),
	})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// await polls until done, on a ticker, for what another process does.
func await(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("waited in vain")
		}
	}
}
