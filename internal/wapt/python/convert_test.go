package python

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/script"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden converts each testdata/*.py; what becomes of it lies beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.py")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := Convert(src, Options{Original: "files/setup.py.orig"})
			if _, err := script.Hooks("actions.star", r.Source); err != nil {
				t.Error(err)
			}
			golden(t, strings.TrimSuffix(file, ".py")+".star", string(r.Source))
			golden(t, strings.TrimSuffix(file, ".py")+".txt", report(r))
		})
	}
}

func report(r *Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		fmt.Fprintf(&b, "%s: ", h.Name)
		if h.Reason == "" {
			b.WriteString("converted\n")
		} else {
			fmt.Fprintf(&b, "by hand, line %d: %s\n", h.Line, h.Reason)
		}
	}
	for _, n := range r.Notes {
		b.WriteString(n + "\n")
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", file, got, want)
	}
}

// TestRefused: what has no counterpart, with its line.
func TestRefused(t *testing.T) {
	for body, want := range map[string]string{
		"try:\n        run('a')\n    finally:\n        pass": "line 2: try",
		"with lock():\n        pass":                         "line 2: with",
		"import requests":                                    "line 2: import of requests",
		"from bs4 import *":                                  "line 2: import of bs4",
		"os.walk('.')":                                       "line 2: os.walk has no counterpart",
		"os.environ.putenv('a')":                             `line 2: values have no ".putenv"`,
		"WAPT.restart()":                                     "line 2: WAPT.restart",
		"control.save_control_to_wapt()":                     "line 2: control.save_control_to_wapt",
		"control.version = '2'":                              "line 2: control cannot be changed",
		"print(control)":                                     "line 2: control as a whole",
		"wget('https://example.org')":                        "line 2: wget",
		"x = nowhere(1)":                                     "line 2: undefined: nowhere",
		"run('a', shell_mode=1)":                             `line 2: run has no parameter "shell_mode"`,
		"isfile('a', 'b')":                                   "line 2: isfile has only 1 parameters",
		"isfile()":                                           "line 2: isfile has 1 parameters that must",
		"x = 2 ** 3":                                         "line 2: the operator **",
		"yield 1":                                            "line 2: yield",
		"f = open('a')":                                      "line 2: a file is opened and not closed",
		"with open('a', 'rb') as f:\n        f.read()":       `line 2: open with mode "rb"`,
		"with open('a') as f:\n        g(f)":                 "line 3: what is done with the open file f",
		"with open('a', 'w') as f:\n        return":          "line 2: a file is written in a block that returns",
		"with open(p, 'w') as f:\n        p = 'b'\n        f.write(p)": "line 2: a file is written in a block that returns, breaks or changes",
		"print('%5d' % 3)":         "line 2: a format with width",
		"print('{:>5}'.format(3))": "line 2: a format with more",
		"print(f'{3:>5}')":         "line 2: the format",
		"print(f'{x=}')":           "line 2: the field",
		"print(b'x')":              "line 2: bytes",
		"x = type('a')":            "line 2: type()",
		"for i in []:\n        pass\n    else:\n        pass": "line 4: else behind a loop",
		"class A: pass":                 "line 2: class",
		"@decorated\n    def f(): pass": "line 2: a decorator",
		"global x\n    x = 1":           "line 2: global x",
		"del x":                         "line 2: del",
		"raise":                         "line 2: raise alone",
		"x = 1 < 2 < 3":                 "line 2: ",
		"print('a' if x := 1 else 'b')": "line 2: the operator :=",
		"x = 3j":                        "line 2: a complex number",
		"print('\\ud800')":              "line 2: a string with the escape",
		"[].sort()":                     `line 2: values have no ".sort"`,
		"json.dumps(1)":                 "line 2: values have no",
		"def inner(a: int): pass":       "line 2: ",
	} {
		r := Convert([]byte("def install():\n    "+body+"\n"), Options{Original: "o"})
		if len(r.Hooks) != 1 {
			t.Fatalf("%s: hooks %v", body, r.Hooks)
		}
		if h := r.Hooks[0]; !strings.HasPrefix(fmt.Sprintf("line %d: %s", h.Line, h.Reason), want) || h.Reason == "" {
			t.Errorf("%q: line %d: %s, want %s", body, h.Line, h.Reason, want)
		}
		if _, err := script.Hooks("actions.star", r.Source); err != nil {
			t.Errorf("%q: %v\n%s", body, err, r.Source)
		}
	}
}

// TestWhole: what keeps a whole file from being converted.
func TestWhole(t *testing.T) {
	for src, line := range map[string]int{
		"def install():\n    pass\nrun('at once', 1, 2, 3, 4, 5, 6, 7, 8, 9)\n":  3,
		"def install():\n    pass\n  x = 1\n":                                    3,
		"def install():\npass\n":                                                 1,
		"def install():\n    x = 'no end\n":                                      2,
		"def install():\n    x = (1]\n":                                          2,
		"def install():\n    x = $\n":                                            2,
		"def install():\n    x = \xff\n":                                         1,
		"def install():\n    x = '''\n\n":                                        2,
		"def install():\n" + strings.Repeat("(", 100) + strings.Repeat(")", 100): 2,
	} {
		r := Convert([]byte(src), Options{Original: "o"})
		if len(r.Hooks) != 1 || r.Hooks[0].Line != line || r.Hooks[0].Reason == "" {
			t.Errorf("%.60q: %+v, want line %d", src, r.Hooks, line)
		}
	}
}

func TestNoHooks(t *testing.T) {
	for _, src := range []string{"", "# nothing\n", "def update_package():\n    pass\n"} {
		if r := Convert([]byte(src), Options{Original: "o"}); r.Source != nil || len(r.Hooks) > 0 {
			t.Errorf("%q: %+v", src, r)
		}
	}
}

func TestPersistent(t *testing.T) {
	for _, src := range []string{"def install():\n    pass\n", "x = 1\n"} {
		r := Convert([]byte(src), Options{Original: "o", Persistent: "WAPT/persistent"})
		if !strings.Contains(string(r.Source), "def install():\n    copytree2(\"WAPT/persistent\", persistent_dir)\n") {
			t.Errorf("%q: %s", src, r.Source)
		}
	}
}

// FuzzConvert: the result is accepted, and every hook of the source is told of.
func FuzzConvert(f *testing.F) {
	files, err := filepath.Glob("testdata/*.py")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Add("\\\n")
	f.Add("\\\n# c\ndef install():\n    \\\n    run('x')\n")
	f.Fuzz(func(t *testing.T, src string) {
		r := Convert([]byte(src), Options{Original: "files/setup.py.orig"})
		if r.Source != nil {
			if _, err := script.Hooks("actions.star", r.Source); err != nil {
				t.Fatalf("%v\n%s", err, r.Source)
			}
		}
		for _, h := range r.Hooks {
			if h.Reason != "" && h.Line < 1 {
				t.Fatalf("%s has no line: %s", h.Name, h.Reason)
			}
			if !strings.Contains(string(r.Source), h.Name) {
				t.Fatalf("%s is not in what was written", h.Name)
			}
		}
	})
}
