package install

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/internal/durable"
	"muster/internal/script"
	"muster/pkgfile"
)

func TestMain(m *testing.M) {
	script.Child()
	os.Exit(m.Run())
}

// A world is a root under test and the packages made for it.
type world struct {
	testing.TB
	root *Root
}

// newWorld sets up an area in memory where there is such a place: the tests
// sync thousands of times.
func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	if shm, err := os.MkdirTemp("/dev/shm", "muster-test-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(shm) })
		dir = shm
	}
	return newWorldAt(t, filepath.Join(dir, "area"), Config{Area: true, Platform: muster.ThisPlatform()})
}

func newWorldAt(t testing.TB, dir string, cfg Config) *world {
	t.Helper()
	r, err := Setup(dir, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	r.Now = func() time.Time { return clock }
	return &world{t, r}
}

// pkg packs lines such as "f usr/bin/tool content", "c etc/tool.conf content"
// (configuration), "l usr/bin/alias tool", "h usr/bin/hard usr/bin/tool",
// "d var/lib/tool", "m 0555 var/lib/tool"; "a code" is a line of actions.star, "p name content" payload.
func (w *world) pkg(name, version string, lines ...string) Step {
	w.Helper()
	spec := pkgfile.Spec{
		Control: control.Control{Name: name, Version: version, Kind: muster.Base, OS: []string{"all"}, Architecture: []string{"all"}},
		Date:    time.Unix(1700000000, 0),
	}
	code := ""
	for _, line := range lines {
		kind, rest, _ := strings.Cut(line, " ")
		path, arg, _ := strings.Cut(rest, " ")
		e := pkgfile.Entry{File: pkgfile.File{Path: "root/" + path, Type: pkgfile.Regular, Mode: 0o644}, Open: content(arg)}
		switch kind {
		case "f":
			if strings.Contains(path, "bin/") {
				e.Mode = 0o755
			}
		case "c":
			e.Config = "keep"
		case "d":
			e = pkgfile.Entry{File: pkgfile.File{Path: "root/" + path, Type: pkgfile.Directory, Mode: 0o755}}
		case "m": // mode of a directory
			mode, _ := strconv.ParseUint(path, 8, 12)
			e = pkgfile.Entry{File: pkgfile.File{Path: "root/" + arg, Type: pkgfile.Directory, Mode: uint32(mode)}}
		case "l":
			e = pkgfile.Entry{File: pkgfile.File{Path: "root/" + path, Type: pkgfile.Symlink, Link: arg}}
		case "h":
			e = pkgfile.Entry{File: pkgfile.File{Path: "root/" + path, Type: pkgfile.Hardlink, Link: "root/" + arg}}
		case "p":
			e.Path = "payload/" + path
		case "a":
			code += rest + "\n"
			continue
		}
		spec.Entries = append(spec.Entries, e)
	}
	if code != "" {
		hooks, err := script.Hooks(name, []byte(code))
		if err != nil {
			w.Fatal(err)
		}
		slices.Sort(hooks)
		spec.Actions = hooks
		spec.Entries = append(spec.Entries, pkgfile.Entry{Open: content(code),
			File: pkgfile.File{Path: pkgfile.ActionsPath, Type: pkgfile.Regular, Mode: 0o644}})
	}
	return Step{Name: name, Op: "install", Package: w.pack(fmt.Sprint(name, version, lines), spec)}
}

func content(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// packed keeps packages: the fault tests install the same ones hundreds of times.
var packed = map[string]*pkgfile.Package{}

func (w *world) pack(key string, spec pkgfile.Spec) *pkgfile.Package {
	w.Helper()
	if p := packed[key]; p != nil {
		return p
	}
	d, err := pkgfile.Build(spec, w.TempDir())
	if err != nil {
		w.Fatal(err)
	}
	defer d.Close()
	var buf bytes.Buffer
	if err := d.Write(&buf, []byte("signed")); err != nil {
		w.Fatal(err)
	}
	p, err := pkgfile.Open(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		w.Fatal(err)
	}
	packed[key] = p
	return p
}

func remove(name string) Step { return Step{Name: name, Op: "remove"} }

// apply carries out steps and fails the test on error.
func (w *world) apply(steps ...Step) *Result {
	w.Helper()
	res, err := Apply(context.Background(), w.root, steps, Options{Kind: "install"})
	if err != nil {
		w.Fatal(err)
	}
	return res
}

func (w *world) undo() *Result {
	w.Helper()
	c, err := w.root.Undoable()
	if err != nil {
		w.Fatal(err)
	}
	res, err := Undo(context.Background(), w.root, c, Options{})
	if err != nil {
		w.Fatal(err)
	}
	return res
}

func (w *world) write(path, content string) {
	w.Helper()
	name := w.root.abs(path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		w.Fatal(err)
	}
}

// read returns the content of a file, "-> target" of a symlink, "" of what is
// not there.
func (w *world) read(path string) string {
	name := w.root.abs(path)
	if target, err := os.Readlink(name); err == nil {
		return "-> " + target
	}
	data, _ := os.ReadFile(name)
	return string(data)
}

func (w *world) expect(path, want string) {
	w.Helper()
	if got := w.read(path); got != want {
		w.Errorf("%s holds %q, want %q", path, got, want)
	}
}

// versions lists what is installed: "a 1, b 2".
func (w *world) versions() string {
	w.Helper()
	recs, err := w.root.Installed()
	if err != nil {
		w.Fatal(err)
	}
	var all []string
	for _, rec := range recs {
		all = append(all, rec.Control.String())
	}
	return strings.Join(all, ", ")
}

// snapshot describes everything in the root but the journal and what the lock
// and caches leave: the state that a change must leave all old or all new.
func (w *world) snapshot() string {
	w.Helper()
	var all []string
	err := filepath.WalkDir(w.root.Dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(w.root.rel(name))
		if slices.Contains([]string{".muster/journal", ".muster/cache", ".muster/persistent"}, rel) {
			return filepath.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %v", rel, info.Mode())
		switch {
		case rel == ".muster/stage" || rel == ".muster/lock" || rel == ".muster/wanted.json" || strings.HasPrefix(rel, ".muster/stage/") && e.IsDir():
			return nil
		case strings.HasPrefix(rel, ".muster/stage/"):
			line = "" // replaced files, kept for undo: see leftovers
		case strings.HasSuffix(rel, "/"+statusFile):
			rec := new(Record)
			if err := readJSON(name, rec); err != nil {
				return err
			}
			line += " " + rec.Control.String()
		case info.Mode().IsRegular() || info.Mode()&fs.ModeSymlink != 0:
			line += " " + w.read(rel)
		}
		if line != "" {
			all = append(all, line)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// leftovers lists files that no finished change should leave: staged files,
// temporary files.
func (w *world) leftovers() []string {
	w.Helper()
	var all []string
	filepath.WalkDir(w.root.Dir, func(name string, e fs.DirEntry, err error) error {
		rel := w.root.rel(name)
		staged := strings.HasPrefix(rel, ".muster/stage/") && (strings.Contains(rel, "/n/") || strings.Contains(rel, "/p/") || strings.HasSuffix(rel, padName))
		if err == nil && (staged || durable.IsTemp(name)) {
			all = append(all, rel)
		}
		return nil
	})
	return all
}

// check fails the test when the root differs from its manifests.
func (w *world) check() {
	w.Helper()
	c, err := Check(context.Background(), w.root, nil, CheckOptions{})
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range c.Findings {
		if f.Damage() {
			w.Errorf("check: %v", f)
		}
	}
}

// same fails the test when two snapshots differ, and says in which lines.
func (w *world) same(what, got, want string) {
	w.Helper()
	if got == want {
		return
	}
	lines := func(a, b string) (only []string) {
		for line := range strings.SplitSeq(a, "\n") {
			if !slices.Contains(strings.Split(b, "\n"), line) {
				only = append(only, line)
			}
		}
		return only
	}
	w.Errorf("%s: unexpected:\n%s\nmissing:\n%s", what, strings.Join(lines(got, want), "\n"), strings.Join(lines(want, got), "\n"))
}

// special packs what only root can install.
func (w *world) special(version, owner string) Step {
	spec := pkgfile.Spec{Date: time.Unix(1700000000, 0), Control: control.Control{Name: "special", Version: version, Kind: muster.Base,
		OS: []string{"linux"}, Architecture: []string{"all"}, Setuid: []string{"usr/bin/su", "usr/bin/ping"}}}
	spec.Entries = []pkgfile.Entry{
		{File: pkgfile.File{Path: "root/usr/bin/su", Type: pkgfile.Regular, Mode: 0o4755}, Open: content("su")},
		{File: pkgfile.File{Path: "root/usr/bin/ping", Type: pkgfile.Regular, Mode: 0o755,
			// struct vfs_cap_data, revision 2: cap_net_raw effective and permitted
			Xattrs: map[string]string{pkgfile.Capability: "AQAAAgAgAAAAAAAAAAAAAAAAAAA="}}, Open: content("ping")},
		{File: pkgfile.File{Path: "root/var/service", Type: pkgfile.Directory, Mode: 0o750, Owner: owner}},
		{File: pkgfile.File{Path: "root/var/service/data", Type: pkgfile.Regular, Mode: 0o640, Owner: owner}, Open: content("data")},
	}
	return Step{Name: "special", Op: "install", Package: w.pack("special"+version+owner, spec)}
}
