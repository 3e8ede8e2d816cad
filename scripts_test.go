package muster_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
			"site": site, "serve": serve, "flip": flip,
		},
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
