package muster_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"muster/internal/cli"
	"muster/internal/repo"
	"muster/internal/script"
)

func TestMain(m *testing.M) {
	script.Child()
	testscript.Main(m, map[string]func(){
		"muster": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the whole program over tests/*.txtar: one behaviour each,
// named area_case. Besides the usual commands a script has
//
//	site              an authority (ca), a packager (alice) and a repository (repo)
//	serve DIR         offer a folder on the web; its address is in $URL
//	flip FILE         flip a bit near the end of a file
//	exits N COMMAND   run a command that must end with this exit code
//
// and the condition [needs:PROGRAM], which fails the test in place of skipping
// what needs a program that is missing when MUSTER_TEST_FULL=1.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "tests",
		RequireUniqueNames: true,
		UpdateScripts:      os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("MUSTER_ROOT", filepath.Join(env.WorkDir, "host"))
			env.Setenv("MUSTER_KEY", filepath.Join(env.WorkDir, "alice.key"))
			env.Setenv("MUSTER_CERT", filepath.Join(env.WorkDir, "alice.crt"))
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"site": site, "serve": serve, "flip": flip, "exits": exits,
		},
		Condition: condition,
	})
}

func site(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: site")
	}
	for _, line := range [][]string{
		{"ca", "init", "--name", "Authority", "--out", "ca", "--no-password"},
		{"ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice", "--out", "alice", "--no-password"},
		{"repo", "init", "repo"},
	} {
		ts.Check(ts.Exec("muster", line...))
	}
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve DIR")
	}
	var h http.Handler = repo.Handler(ts.MkAbs(args[0]))
	server := httptest.NewServer(h)
	ts.Defer(server.Close)
	ts.Setenv("URL", server.URL)
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	data[len(data)-len(data)/50-1] ^= 1
	ts.Check(os.WriteFile(name, data, 0o644))
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND ARG...")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code is %d, not %s", code, args[0])
	}
}

func condition(cond string) (bool, error) {
	program, ok := strings.CutPrefix(cond, "needs:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	if _, err := exec.LookPath(program); err == nil {
		return true, nil
	}
	if os.Getenv("MUSTER_TEST_FULL") == "1" {
		return false, fmt.Errorf("%s is missing, and MUSTER_TEST_FULL=1", program)
	}
	return false, nil
}
