package recipe

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/script"
	"muster/pkgfile"
)

func TestMain(m *testing.M) {
	script.Child()
	os.Exit(m.Run())
}

// write makes a folder of files: names ending in a slash are directories, a
// leading ! makes a file that can be run.
func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		mode := os.FileMode(0o644)
		if rest, ok := strings.CutPrefix(name, "!"); ok {
			name, mode = rest, 0o755
		}
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const plain = `package: hello
version: 1.0-1
maintainer: Alice Martin <alice@example.org>
description: says hello
`

func build(t *testing.T, dir string, o Options) (*pkgfile.Draft, *Report) {
	t.Helper()
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if o.Work == "" {
		o.Work = t.TempDir()
	}
	if o.Cache == "" {
		o.Cache = t.TempDir()
	}
	draft, report, err := Build(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { draft.Close() })
	return draft, report
}

func TestLoadErrors(t *testing.T) {
	for name, tc := range map[string]struct{ control, want string }{
		"unknown field": {plain + "colour: red\n", `control: line 5: field "colour": unknown field`},
		"bad version":   {"package: x\nversion: a b\n", `line 2: field "version"`},
		"no name":       {"version: 1\n", `field "package": empty package name`},
		"two stanzas":   {plain + "\n" + plain, "2 stanzas"},
		"bad param":     {plain + "build-params: Version=1\n", `line 5: field "build-params"`},
		"twice":         {plain + "build-params: a=1, a=2\n", `"a" stands twice`},
		"no such param": {plain + "title: ${colour}\n", `field "title": ${colour: no such parameter`},
		"not closed":    {plain + "title: ${a\nbuild-params: a=1\n", `no such parameter`},
		"pattern":       {plain + "config-files: /etc/x\n", `"/etc/x" is not a path relative to the root`},
		"climbing":      {plain + "config-files: ../x\n", `not a path relative`},
		"bad pattern":   {plain + "config-files: etc/[\n", `syntax error in pattern`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, t.TempDir(), map[string]string{"control": tc.control}))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("kind %s", muster.KindOf(err))
			}
		})
	}
}

func TestLoadNothing(t *testing.T) {
	_, err := Load(t.TempDir())
	if muster.KindOf(err) != muster.NotFound || muster.HintOf(err) == "" {
		t.Fatalf("got %v, kind %s, hint %q", err, muster.KindOf(err), muster.HintOf(err))
	}
}

func TestParams(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{
		"control": "package: x\nversion: ${version}-1\ntitle: X $ {version} ${version}\nbuild-params: version=1.3.2, note=\n"})
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Control.Version != "1.3.2-1" || r.Control.Title != "X $ {version} 1.3.2" {
		t.Errorf("got %q, %q", r.Control.Version, r.Control.Title)
	}
	older, err := r.With(map[string]string{"version": "1.3.1"})
	if err != nil {
		t.Fatal(err)
	}
	if older.Control.Version != "1.3.1-1" || r.Control.Version != "1.3.2-1" {
		t.Errorf("got %q beside %q", older.Control.Version, r.Control.Version)
	}
	for name, params := range map[string]map[string]string{
		"unknown":   {"colour": "red"},
		"two lines": {"version": "1\nkind: host"},
		"bad field": {"version": "a b"},
	} {
		if _, err := r.With(params); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestPlain builds a recipe of files only, with whatever umask it was checked
// out.
func TestPlain(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{
		"control":              plain + "config-files: etc/*.conf\n",
		"!root/usr/bin/hello":  "#!/bin/sh\necho hello\n",
		"root/etc/hello.conf":  "greeting = hello\n",
		"root/etc/other":       "x",
		"payload/data.txt":     "data",
		"files/not-packed.txt": "only for build()",
	})
	os.Chmod(filepath.Join(dir, "root/usr/bin/hello"), 0o775)
	os.Chmod(filepath.Join(dir, "root/etc/hello.conf"), 0o600)
	draft, report := build(t, dir, Options{})
	m := draft.Manifest
	want := map[string]uint32{
		"root/usr": 0o755, "root/usr/bin": 0o755, "root/usr/bin/hello": 0o755,
		"root/etc": 0o755, "root/etc/hello.conf": 0o644, "root/etc/other": 0o644, "payload/data.txt": 0o644,
	}
	for i := range m.Files {
		f := &m.Files[i]
		if mode, ok := want[f.Path]; !ok || mode != f.Mode {
			t.Errorf("%s has mode %#o, want %#o", f.Path, f.Mode, mode)
		}
		if (f.Config == "keep") != (f.Path == "root/etc/hello.conf") {
			t.Errorf("%s has config policy %q", f.Path, f.Config)
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if report.Files != len(m.Files) || report.Size == 0 || report.Packed == 0 {
		t.Errorf("report: %+v", report)
	}
}

func TestPatternWithoutFile(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"control": plain + "config-files: etc/typo.conf\n", "root/etc/hello.conf": ""})
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if _, _, err = Build(t.Context(), r, Options{Work: work}); muster.KindOf(err) != muster.Invalid {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(work); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSameBytes builds one recipe twice, from different folders, and compares
// what would be signed.
func TestSameBytes(t *testing.T) {
	files := map[string]string{
		"control": plain, "!root/usr/bin/hello": "#!/bin/sh\n", "root/a/b/c": "1", "root/a/b/d": "1",
	}
	first, _ := build(t, write(t, t.TempDir(), files), Options{})
	second, _ := build(t, write(t, t.TempDir(), files), Options{})
	if !bytes.Equal(first.Encoded, second.Encoded) {
		t.Errorf("manifests differ:\n%s\n%s", first.Encoded, second.Encoded)
	}
	later, _ := build(t, write(t, t.TempDir(), files), Options{Date: time.Unix(1700000000, 0)})
	if bytes.Equal(first.Encoded, later.Encoded) {
		t.Error("the date changed nothing")
	}
}

func TestTargets(t *testing.T) {
	linux := muster.Platform{OS: "linux", Arch: "amd64"}
	for _, tc := range []struct {
		control, actions string
		this             muster.Platform
		want             string
	}{
		{"os: linux, windows\narchitecture: amd64\n", "", linux, "[all/all]"},
		{"", "def build():\n    pass\n", linux, "[all/all]"},
		{"os: linux, windows\narchitecture: amd64, arm64\n", "def build():\n    pass\n", linux, "[linux/amd64]"},
		{"os: linux, windows\n", "def build():\n    pass\n", linux, "[linux/all]"},
		{"os: darwin, freebsd\narchitecture: arm64\n", "def build():\n    pass\n", linux, "[darwin/arm64 freebsd/arm64]"},
		{"os: linux, windows\narchitecture: amd64\n", "def build():\n    pass\n", muster.Platform{}, "[linux/amd64 windows/amd64]"},
	} {
		r, err := parse(plain + tc.control)
		if err != nil {
			t.Fatal(err)
		}
		if tc.actions != "" {
			r.Hooks = []string{"build"}
		}
		var got []string
		for _, p := range r.Targets(tc.this) {
			got = append(got, p.String())
		}
		if s := "[" + strings.Join(got, " ") + "]"; s != tc.want {
			t.Errorf("%q: got %s, want %s", tc.control, s, tc.want)
		}
	}
}
