package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/internal/durable"
	"muster/internal/task"
)

// A host is a root under test.
type host struct {
	testing.TB
	dir string
}

// A scenario is a command to be disturbed, and those that led to its beginning.
type scenario struct {
	name   string
	before []string
	do     string
}

var scenarios = []scenario{
	{"install", nil, "install tool=1"},
	{"upgrade", []string{"install tool=1"}, "upgrade"},
	{"undo", []string{"install tool=1", "upgrade"}, "undo 2"},
	{"remove", []string{"install tool=1"}, "remove tool"},
}

// each runs a test for every scenario, several at a time.
func each(t *testing.T, test func(*testing.T, scenario)) {
	needSite(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func (h *host) command(args ...string) *exec.Cmd {
	args = slices.Concat(args, []string{"--root", h.dir, "--quiet"})
	cmd := exec.Command(inSite("muster"), args...)
	cmd.Env = append(os.Environ(), "HOME="+site.dir, "TZ=UTC", "MUSTER_ROOT=")
	return cmd
}

// run runs the program undisturbed.
func (h *host) run(line string) result {
	h.Helper()
	var out bytes.Buffer
	cmd := h.command(strings.Fields(line)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	return finished(cmd.Run(), out.String(), 0)
}

// must runs the program and fails the test unless it succeeds.
func (h *host) must(line string) string {
	h.Helper()
	r := h.run(line)
	if r.code != 0 {
		h.Fatalf("muster %s: exit code %d\n%s", line, r.code, r.output)
	}
	return r.output
}

// prepare sets the root up and brings it to where the scenario begins.
func (h *host) prepare(s scenario) {
	h.Helper()
	// Folders that are there already have files come and go one by one.
	for _, name := range []string{"usr/bin/other", "usr/lib/tool/other", "srv/other"} {
		name = filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			h.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("not of a package"), 0o644); err != nil {
			h.Fatal(err)
		}
	}
	h.must("setup --trust " + inSite("ca.crt") + " --repo " + inSite("repo"))
	h.must("update")
	for _, line := range s.before {
		h.must(line)
	}
}

var templates struct {
	sync.Mutex
	all map[string]*template
}

// A template is the root before and after an undisturbed scenario.
type template struct {
	dir      string
	old, new string
}

// template makes the template of a scenario at the first call.
func (s scenario) template(t testing.TB) *template {
	t.Helper()
	templates.Lock()
	defer templates.Unlock()
	if tm := templates.all[s.name]; tm != nil {
		return tm
	}
	tm := &template{dir: inSite("from-" + s.name)}
	h := &host{t, tm.dir}
	h.prepare(s)
	tm.old = h.snapshot()
	after := &host{t, inSite("after-" + s.name)}
	after.copyOf(tm.dir)
	after.must(s.do)
	tm.new = after.snapshot()
	if tm.old == tm.new {
		t.Fatalf("%s changes nothing", s.name)
	}
	if templates.all == nil {
		templates.all = map[string]*template{}
	}
	templates.all[s.name] = tm
	return tm
}

// newHost is a fresh copy of where the scenario begins.
func newHost(t testing.TB, s scenario, name string) *host {
	t.Helper()
	h := &host{t, inSite(s.name + "-" + name)}
	h.copyOf(s.template(t).dir)
	return h
}

func (h *host) copyOf(dir string) {
	h.Helper()
	if err := os.RemoveAll(h.dir); err != nil {
		h.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", dir, h.dir).CombinedOutput(); err != nil {
		h.Fatalf("%v: %s", err, out)
	}
}

// state names a file of the state of the root.
func (h *host) state(name ...string) string {
	return filepath.Join(append([]string{h.dir, "var/lib/muster"}, name...)...)
}

// walk calls do with every file of the root, by its path in it.
func (h *host) walk(do func(rel string, e fs.DirEntry) error) {
	h.Helper()
	err := filepath.WalkDir(h.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(h.dir, name)
		if err != nil {
			return err
		}
		return do(rel, e)
	})
	if err != nil {
		h.Fatal(err)
	}
}

// apart is what of the state differs from run to run, or is checked otherwise.
var apart = []string{"journal", "cache", "stage", "repos", "persistent", "lock", "wanted.json", "root.json"}

// snapshot describes what a change must leave all old or all new: every file
// with its type, mode, owner and content; of records what they are of.
func (h *host) snapshot() string {
	h.Helper()
	var all []string
	h.walk(func(rel string, e fs.DirEntry) error {
		if inner, ok := strings.CutPrefix(rel, "var/lib/muster/"); ok && slices.Contains(apart, inner) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		line, err := describe(filepath.Join(h.dir, rel), e)
		all = append(all, rel+" "+line)
		return err
	})
	return strings.Join(all, "\n")
}

func describe(name string, e fs.DirEntry) (string, error) {
	info, err := e.Info()
	if err != nil {
		return "", err
	}
	line := info.Mode().String()
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return line + " -> " + target, err
	case !info.Mode().IsRegular():
		return line, nil
	}
	data, err := os.ReadFile(name)
	if filepath.Base(name) == "status.json" {
		var rec struct {
			Control struct{ Package, Version string }
			Status  string
		}
		if json.Unmarshal(data, &rec) == nil {
			return fmt.Sprintf("%s %+v", line, rec), nil
		}
	}
	return fmt.Sprintf("%s %q", line, data), err
}

// leftovers lists what no finished change leaves: files under temporary names,
// staged files, and stages of changes that came to nothing.
func (h *host) leftovers() []string {
	h.Helper()
	var all []string
	h.walk(func(rel string, e fs.DirEntry) error {
		parts := strings.Split(strings.TrimPrefix(rel, "var/lib/muster/"), "/")
		staged := parts[0] == "stage" && (len(parts) == 3 && parts[2] != "o" || len(parts) == 2 && !h.done(parts[1]))
		if staged || durable.IsTemp(rel) || strings.HasPrefix(e.Name(), ".muster-stage-") {
			all = append(all, rel)
		}
		return nil
	})
	return all
}

// done reports whether the journal has the change as done.
func (h *host) done(id string) bool { return h.change(id).State == task.Done }

// change reads the record of a change; one that cannot be read is empty.
func (h *host) change(id string) (c task.Change) {
	if data, err := os.ReadFile(h.state("journal", id, "change.json")); err == nil {
		json.Unmarshal(data, &c)
	}
	return c
}

// differences lists lines of one snapshot that the other does not have.
func differences(got, want string) string {
	var all []string
	only := func(sign, a, b string) {
		for line := range strings.SplitSeq(a, "\n") {
			if !slices.Contains(strings.Split(b, "\n"), line) {
				all = append(all, sign+line[:min(len(line), 100)])
			}
		}
	}
	only("+ ", got, want)
	only("- ", want, got)
	return strings.Join(all, "\n")
}

// recovered checks the root after a disturbance: recovery leaves it all old or
// all new, with records that agree and nothing left over; the same command
// completes what did not happen. It returns what recovery had left.
func (h *host) recovered(s scenario, what string) string {
	h.Helper()
	tm := s.template(h)
	if r := h.run("resume"); r.code != 0 {
		h.Errorf("%s: resume: exit code %d\n%s", what, r.code, r.output)
		return ""
	}
	state := h.whole(s, what)
	if state == "old" {
		h.must(s.do)
		if got := h.snapshot(); got != tm.new {
			h.Errorf("%s: after the same command again:\n%s", what, differences(got, tm.new))
		}
		h.clean(what + ", and the same command again")
	}
	return state
}

// whole checks that the root is all old or all new, and says which.
func (h *host) whole(s scenario, what string) string {
	h.Helper()
	tm := s.template(h)
	got := h.snapshot()
	h.clean(what)
	switch got {
	case tm.old:
		return "old"
	case tm.new:
		return "new"
	}
	against := differences(got, tm.old)
	if other := differences(got, tm.new); len(other) < len(against) {
		against = other
	}
	h.Errorf("%s: neither old nor new, but one of them with:\n%s", what, against)
	return ""
}

// clean checks that manifests agree with the files, and that nothing is left over.
func (h *host) clean(what string) {
	h.Helper()
	if r := h.run("check"); r.code != 0 {
		h.Errorf("%s: check: exit code %d\n%s", what, r.code, r.output)
	}
	if left := h.leftovers(); len(left) > 0 {
		h.Errorf("%s: left over: %v", what, left)
	}
}
