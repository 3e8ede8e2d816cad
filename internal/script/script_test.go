//go:build unix

package script

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	Child()
	playParent()
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
    run(["echo", "from echo"])
    return {"a": [1, 2.0, None, True, "x"]}
`)
	if out := string(got.Output); !strings.Contains(out, "hello\n") || !strings.Contains(out, "from echo\n") {
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
