package install

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/task"
	"muster/internal/testneed"
)

// log has every hook write its name, the version and the version before to a
// file of the root, so that tests see what ran in which order.
func logging(hooks ...string) []string {
	lines := []string{`a def note(hook):`,
		`a     path = makepath(root, "log")`,
		`a     old = read_file(path) if isfile(path) else ""`,
		`a     write_file(path, old + "%s %s%s; " % (hook, control.version, " over " + old_version if old_version else ""))`}
	for _, h := range hooks {
		lines = append(lines, "a def "+h+"():", `a     note("`+h+`")`)
	}
	return lines
}

var allHooks = []string{"pre_install", "install", "post_install", "pre_remove", "uninstall", "post_remove"}

func TestHookOrder(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("p", "1", append(logging(allHooks...), "f x 1")...))
	w.expect("log", "pre_install 1; install 1; post_install 1; ")
	w.write("log", "")
	w.apply(w.pkg("p", "2", append(logging(allHooks...), "f x 2")...))
	w.expect("log", "pre_install 2 over 1; install 2 over 1; post_install 2 over 1; ")
	w.write("log", "")
	w.undo()
	w.expect("log", "pre_install 1 over 2; install 1 over 2; post_install 1 over 2; ")
	w.write("log", "")
	w.apply(remove("p"))
	w.expect("log", "pre_remove 1; uninstall 1; post_remove 1; ")
}

// TestHookSees: install() finds its payload and the new files, uninstall() the
// files that are about to go; output is kept with the change.
func TestHookSees(t *testing.T) {
	w := newWorld(t)
	res := w.apply(w.pkg("p", "1", "f share/data new", "p setup/inner.txt payload",
		`a def install():`, `a     print(read_file("setup/inner.txt"), read_file(makepath(root, "share/data")))`,
		`a def uninstall():`, `a     print("leaving " + read_file(makepath(root, "share/data")))`))
	log, err := w.root.HookLog(res.Change.ID, "p", "install")
	if err != nil || !strings.Contains(string(log), "payload new") {
		t.Errorf("log %q, %v", log, err)
	}
	res = w.apply(remove("p"))
	log, err = w.root.HookLog(res.Change.ID, "p", "uninstall")
	if err != nil || !strings.Contains(string(log), "leaving new") {
		t.Errorf("log %q, %v", log, err)
	}
}

// TestHookFails: everything is as before, what had run is taken back, and the
// failure is kept for the next upgrade.
func TestHookFails(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("good", "1", append(logging("install", "uninstall"), "f good 1")...))
	w.write("log", "")
	before := w.snapshot()
	steps := []Step{
		w.pkg("good", "2", append(logging("install", "uninstall"), "f good 2")...),
		w.pkg("fresh", "1", append(logging("install", "uninstall"), "f fresh 1")...),
		w.pkg("bad", "1", "f bad 1", "a def install():", `a     fail("no licence")`),
	}
	res, err := Apply(context.Background(), w.root, steps, Options{Kind: "install"})
	if err == nil || !strings.Contains(err.Error(), "no licence") {
		t.Fatalf("error %v, want the script's", err)
	}
	if res.Change.State != task.Failed {
		t.Errorf("the change is %s", res.Change.State)
	}
	w.expect("log", "install 2 over 1; install 1; uninstall 1; install 1; ")
	w.write("log", "")
	w.same("after the failure", w.snapshot(), before)
	w.check()
	wishes, _ := w.root.Wishes()
	if len(wishes.Failed) != 1 || wishes.Failed[0].Name != "bad" || wishes.Failed[0].Status != muster.NeedInstall ||
		!strings.Contains(wishes.Failed[0].Error, "no licence") {
		t.Errorf("failures: %+v", wishes.Failed)
	}
	if left := w.leftovers(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	res, err = Apply(context.Background(), w.root, []Step{w.pkg("bad", "1", "f bad 1", "a def install():", `a     fail("no licence")`)}, Options{})
	if err == nil {
		t.Fatal("it works now")
	}
	if wishes, _ = w.root.Wishes(); wishes.Failed[0].Count != 2 {
		t.Errorf("failures: %+v", wishes.Failed)
	}
	steps[2] = w.pkg("bad", "1", "f bad 1")
	if _, err := Apply(context.Background(), w.root, steps, Options{Wishes: wishes}); err != nil {
		t.Fatal(err)
	}
	if wishes, _ = w.root.Wishes(); len(wishes.Failed) != 0 {
		t.Errorf("failures after success: %+v", wishes.Failed)
	}
}

// TestPreHookFails: nothing was decided yet.
func TestPreHookFails(t *testing.T) {
	w := newWorld(t)
	before := w.snapshot()
	_, err := Apply(context.Background(), w.root, []Step{w.pkg("p", "1", "f x x", "a def pre_install():", `a     fail("not here")`)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "not here") {
		t.Errorf("error %v", err)
	}
	w.same("after the failure", w.snapshot(), before)
	if left := w.leftovers(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestHookInterrupted: a machine that goes down in install() finds the change
// committed at the next start, runs the hook again with attempt 2, and gives
// up after three, taking everything back.
func TestHookInterrupted(t *testing.T) {
	w := newWorld(t)
	code := []string{"f x 1", "a def install():", `a     write_file(makepath(root, "attempt"), str(attempt))`}
	w.apply(w.pkg("p", "1", code...))
	w.expect("attempt", "1")
	c, err := w.root.Journal().Load(1)
	if err != nil {
		t.Fatal(err)
	}
	interrupted := func(attempts int) {
		t.Helper()
		w.apply(w.pkg("p", "1", code...))
		ids, _ := w.root.Journal().IDs()
		if c, err = w.root.Journal().Load(ids[len(ids)-1]); err != nil {
			t.Fatal(err)
		}
		// What a crash in the hook leaves: begun so often, not ended, its files
		// still unpacked.
		c.State = task.Committed
		for _, tk := range c.Tasks {
			if tk.Kind == "hook" {
				tk.State, tk.Attempts = task.Doing, attempts
			}
		}
		restage(t, w, c)
		if err := w.root.Journal().Save(c); err != nil {
			t.Fatal(err)
		}
	}
	interrupted(1)
	if err := recoverRoot(w); err != nil {
		t.Fatal(err)
	}
	w.expect("attempt", "2")
	interrupted(task.MaxAttempts)
	if err := recoverRoot(w); err == nil || !strings.Contains(err.Error(), "interrupted 3 times") {
		t.Errorf("recovery: %v", err)
	}
	if got, _ := w.root.Journal().Load(c.ID); got.State != task.Failed {
		t.Errorf("the change is %s", got.State)
	}
	w.check()
}

// restage unpacks the actions of a finished change again.
func restage(t *testing.T, w *world, c *task.Change) {
	t.Helper()
	for _, tk := range c.Tasks {
		var h hook
		if tk.Kind != "hook" || json.Unmarshal(tk.Data, &h) != nil {
			continue
		}
		code, err := w.root.Actions(h.Package)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(w.root.stageDir(c.ID), "p", h.Package, "new", "payload")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		os.MkdirAll(filepath.Join(w.root.stageDir(c.ID), "n"), 0o700)
		if err := os.WriteFile(filepath.Join(dir, "..", "actions.star"), code, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSystemRoot: a tree with owners, set-user-ID and capabilities, as root.
func TestSystemRoot(t *testing.T) {
	testneed.Root(t)
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "etc"), 0o755)
	os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\nservice:x:123:45::/:/bin/false\n"), 0o644)
	os.WriteFile(filepath.Join(dir, "etc/group"), []byte("root:x:0:\nstaff:x:50:\n"), 0o644)
	w := newWorldAt(t, dir, Config{Platform: muster.ThisPlatform()})
	step := w.special("1", "service:staff")
	w.apply(step)
	w.check()
	info, err := os.Stat(filepath.Join(dir, "usr/bin/su"))
	if err != nil || info.Mode() != 0o755|os.ModeSetuid {
		t.Errorf("su: %v, %v", info.Mode(), err)
	}
	info, err = os.Stat(filepath.Join(dir, "var/service"))
	if a := attrOf(info); err != nil || a.UID != 123 || a.GID != 50 || a.Mode != 0o750 {
		t.Errorf("var/service: %+v, %v", a, err)
	}
	if err := os.Chown(filepath.Join(dir, "usr/bin/su"), 1, 1); err != nil {
		t.Fatal(err)
	}
	c, err := Check(context.Background(), w.root, nil, CheckOptions{})
	if err != nil || len(c.Findings) == 0 {
		t.Errorf("a changed owner goes unnoticed: %v, %v", c, err)
	}
	_, err = Apply(context.Background(), w.root, []Step{w.special("2", "nobody:staff")}, Options{})
	if muster.KindOf(err) != muster.NotFound {
		t.Errorf("an owner that does not exist: %v", err)
	}
	w.apply(remove("special"))
	if _, err := os.Stat(filepath.Join(dir, "var/service")); err == nil {
		t.Error("removal left var/service")
	}
}
