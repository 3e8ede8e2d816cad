package python

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"muster/internal/script"
	"muster/internal/testneed"
)

func TestMain(m *testing.M) {
	script.Child()
	os.Exit(m.Run())
}

// stub is as much of setuphelpers as same.py needs.
const stub = `
import sys, types, os, glob, shutil
m = types.ModuleType("setuphelpers")
m.os, m.glob, m.shutil = os, glob, shutil
m.mkdirs = lambda p: os.makedirs(p, exist_ok=True)
sys.modules["setuphelpers"] = m
scope = {}
import warnings
warnings.simplefilter("ignore")
exec(compile(open(sys.argv[1], encoding="utf-8").read(), "same.py", "exec"), scope)
try:
    scope["install"]()
except Exception as e:
    print("FAILED", e)
`

// TestSame runs a hook in Python, and converted: both must say the same.
func TestSame(t *testing.T) {
	python := testneed.Program(t, "python3")
	src, err := os.ReadFile("testdata/same.py")
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/same.py"
	if err := os.WriteFile(file, src, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", stub, file)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "PYTHONIOENCODING=utf-8")
	want, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, want)
	}
	if got := runConverted(t, src); strings.TrimSpace(got) != strings.TrimSpace(string(want)) {
		t.Errorf("converted:\n%s\nPython:\n%s", got, want)
	}
}

// runConverted runs install() and returns what it printed, and why it failed.
func runConverted(t *testing.T, src []byte) string {
	t.Helper()
	r := Convert(src, Options{Original: "o"})
	if len(r.Hooks) != 1 || r.Hooks[0].Reason != "" {
		t.Fatalf("not converted: %+v", r.Hooks)
	}
	var out bytes.Buffer
	_, err := script.Run(context.Background(), script.Request{Source: r.Source, Hook: "install", BaseDir: t.TempDir(), Log: &out})
	var failed *script.Error
	if !errors.As(err, &failed) {
		t.Fatalf("%v\n%s", err, r.Source)
	}
	return out.String() + "FAILED " + failed.Message + "\n"
}

// TestTables holds the tables of names against what scripts have.
func TestTables(t *testing.T) {
	const source = `
def install():
    values = ["", [], {}, set([])]
    print(" ".join([n for v in values for n in dir(v)]))
    print(" ".join(dir(control)))
    for name, module in {"os": os, "os.path": os.path, "shutil": shutil, "glob": glob, "json": json}.items():
        print(" ".join([name + "." + n for n in dir(module)]))
`
	var out bytes.Buffer
	if _, err := script.Run(context.Background(), script.Request{Source: []byte(source), Hook: "install", Log: &out}); err != nil {
		t.Fatal(err)
	}
	there := strings.Fields(out.String())
	for m := range methods {
		if !slices.Contains(there, m) {
			t.Errorf("no value has the method %s", m)
		}
	}
	for f := range controlFields {
		if !slices.Contains(there, f) {
			t.Errorf("control has no %s", f)
		}
	}
	for name, m := range members {
		if strings.Contains(m.to, ".") && !slices.Contains(there, m.to) {
			t.Errorf("%s becomes %s, which is not there", name, m.to)
		}
		if m.helper != "" && helpers()[m.helper] == nil {
			t.Errorf("%s has the parameters of %s, which is no helper", name, m.helper)
		}
	}
	for name := range agent {
		if helpers()[name] == nil {
			t.Errorf("WAPT.%s becomes %s, which is no helper", name, name)
		}
	}
	for name, m := range bare {
		if m.helper != "" && helpers()[m.helper] == nil {
			t.Errorf("%s becomes %s, which is no helper", name, m.helper)
		}
	}
}
