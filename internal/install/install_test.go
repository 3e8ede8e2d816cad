package install

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
)

func TestLife(t *testing.T) {
	w := newWorld(t)
	empty := w.snapshot()
	w.apply(w.pkg("tool", "1", "f usr/bin/tool one", "f usr/share/tool/same same", "l usr/bin/alias tool", "h usr/bin/zhard usr/bin/tool", "d var/empty", "f usr/lib/gone gone"))
	w.expect("usr/bin/tool", "one")
	w.expect("usr/bin/alias", "-> tool")
	w.check()
	first := w.snapshot()
	same, err := os.Stat(w.root.abs("usr/share/tool/same"))
	if err != nil {
		t.Fatal(err)
	}

	up := w.pkg("tool", "2", "f usr/bin/tool two", "f usr/share/tool/same same", "l usr/bin/alias ../bin/tool", "h usr/bin/zhard usr/bin/tool", "d var/empty", "f usr/lib/fresh fresh")
	up.Op = "upgrade"
	w.apply(up)
	w.expect("usr/bin/tool", "two")
	w.expect("usr/bin/zhard", "two")
	w.expect("usr/bin/alias", "-> ../bin/tool")
	w.expect("usr/lib/gone", "")
	w.expect("usr/lib/fresh", "fresh")
	w.check()
	if again, err := os.Stat(w.root.abs("usr/share/tool/same")); err != nil || !os.SameFile(same, again) {
		t.Errorf("a file that did not change was written anew: %v", err)
	}
	second := w.snapshot()

	w.undo()
	w.same("after undo", w.snapshot(), first)
	w.check()
	redo, err := w.root.Journal().Load(3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Undo(context.Background(), w.root, redo, Options{}); err != nil {
		t.Fatal(err)
	}
	w.same("after undoing the undo", w.snapshot(), second)

	w.apply(remove("tool"))
	w.same("after removal", w.snapshot(), empty)
	w.undo()
	w.same("after undoing the removal", w.snapshot(), second)
	if left := w.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestConfig holds the table of placeConfig.
func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name              string
		before, now, next string // "-" is absent
		want, aside       string
	}{
		{"first", "-", "-", "new", "new", ""},
		{"first, the same is there", "-", "new", "new", "new", ""},
		{"first, another is there", "-", "mine", "new", "mine", "new"},
		{"untouched", "old", "old", "new", "new", ""},
		{"edited, package the same", "old", "mine", "old", "mine", ""},
		{"edited, package differs", "old", "mine", "new", "mine", "new"},
		{"edited to the new", "old", "new", "new", "new", ""},
		{"deleted", "old", "-", "new", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.before != "-" {
				w.apply(w.pkg("p", "1", "c etc/p.conf "+c.before))
			}
			if c.now == "-" {
				os.Remove(w.root.abs("etc/p.conf"))
			} else {
				w.write("etc/p.conf", c.now)
			}
			w.apply(w.pkg("p", "2", "c etc/p.conf "+c.next))
			w.expect("etc/p.conf", c.want)
			w.expect("etc/p.conf.muster-new", c.aside)
			edited := w.read("etc/p.conf")
			w.apply(remove("p"))
			w.expect("etc/p.conf", "")
			w.expect("etc/p.conf.muster-new", "")
			if edited != "" && edited != c.next {
				w.expect("etc/p.conf.muster-save", edited)
			} else {
				w.expect("etc/p.conf.muster-save", "")
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	for _, c := range []struct{ name, first, second, want string }{
		{"same file", "f a/x 1", "f a/x 1", `one and two both have the file "a/x"`},
		{"file and directory", "f a/x 1", "f a/x/y 1", `one has the file "root/a/x" where two has a directory`},
		{"through a symlink", "l a etc", "f a/x 1", "where two has a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.apply(w.pkg("one", "1", c.first))
			before := w.snapshot()
			_, err := Apply(context.Background(), w.root, []Step{w.pkg("two", "1", c.second)}, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || muster.KindOf(err) != muster.Conflict {
				t.Errorf("error %v, want a conflict with %q", err, c.want)
			}
			w.same("the refused change left", w.snapshot(), before)
		})
	}
}

// TestMoves: a file that moves from one package to another, and paths that
// change their type, in one change.
func TestMoves(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("a", "1", "f lib/moved old", "f lib/kind/x deep", "f lib/dir flat"), w.pkg("b", "1", "f b b"))
	before := w.snapshot()
	w.apply(w.pkg("a", "2", "f lib/kind flat", "f lib/dir/x deep"), w.pkg("b", "2", "f lib/moved new"))
	w.expect("lib/moved", "new")
	w.expect("lib/kind", "flat")
	w.expect("lib/dir/x", "deep")
	w.check()
	w.undo()
	w.same("after undo", w.snapshot(), before)
	w.write("lib/kind/mine", "mine")
	_, err := Apply(context.Background(), w.root, []Step{w.pkg("a", "2", "f lib/kind flat")}, Options{})
	if err == nil || !strings.Contains(err.Error(), `"mine" lies in it`) {
		t.Errorf("error %v, want one that names the file in the way", err)
	}
}

// TestForeign: what no package had is replaced, said so, and brought back.
func TestForeign(t *testing.T) {
	w := newWorld(t)
	w.write("usr/bin/tool", "mine")
	res := w.apply(w.pkg("tool", "1", "f usr/bin/tool theirs"))
	if len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "which no package had") {
		t.Errorf("notes %q", res.Notes)
	}
	w.expect("usr/bin/tool", "theirs")
	w.undo()
	w.expect("usr/bin/tool", "mine")
	w.apply(w.pkg("tool", "1", "f usr/share/x x"))
	w.write("usr/share/data", "mine")
	w.apply(remove("tool"))
	w.expect("usr/share/data", "mine")
}

// TestSymlinkedDirectory: a root where lib leads to usr/lib, as on most Linux
// systems, and symlinks that lead out.
func TestSymlinkedDirectory(t *testing.T) {
	w := newWorld(t)
	os.MkdirAll(w.root.abs("usr/lib"), 0o755)
	os.Symlink("usr/lib", w.root.abs("lib"))
	w.apply(w.pkg("a", "1", "f lib/x x"))
	w.expect("usr/lib/x", "x")
	w.check()
	_, err := Apply(context.Background(), w.root, []Step{w.pkg("b", "1", "f usr/lib/x x")}, Options{})
	if muster.KindOf(err) != muster.Conflict {
		t.Errorf("the same file under two names: %v, want a conflict", err)
	}
	w.apply(remove("a"))
	w.expect("usr/lib/x", "")
	w.expect("lib", "-> usr/lib")

	outside := t.TempDir()
	os.Symlink(outside, w.root.abs("out"))
	_, err = Apply(context.Background(), w.root, []Step{w.pkg("c", "1", "f out/x x")}, Options{})
	if muster.KindOf(err) != muster.Conflict {
		t.Errorf("a symlink out of the area: %v, want a conflict", err)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("written outside the area: %v", entries)
	}
	os.Symlink("../../../../../../../../etc", w.root.abs("climb"))
	w.apply(w.pkg("d", "1", "f climb/x x"))
	w.expect("etc/x", "x") // below the root: it cannot climb out
}

func TestAreaModes(t *testing.T) {
	w := newWorldAt(t, filepath.Join(t.TempDir(), "shared"), Config{Area: true, Umask: "0002", Platform: muster.ThisPlatform()})
	w.apply(w.pkg("tool", "1", "f bin/tool x", "f share/doc x", "l abs /share/doc"))
	for path, want := range map[string]os.FileMode{"bin/tool": 0o775, "share/doc": 0o664, "bin": 0o775 | os.ModeDir, ".muster/packages/tool/status.json": 0o664} {
		info, err := os.Stat(w.root.abs(path))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
	w.expect("abs", "-> share/doc")
	w.check()
}

func TestUndoOrder(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("a", "1", "f a 1"))
	w.apply(w.pkg("a", "2", "f a 2"))
	w.apply(w.pkg("b", "1", "f b 1"))
	first, _ := w.root.Journal().Load(1)
	if _, err := Undo(context.Background(), w.root, first, Options{}); err == nil || !strings.Contains(err.Error(), "change 2 changed a after change 1") {
		t.Errorf("undo of a covered change: %v", err)
	}
	second, _ := w.root.Journal().Load(2)
	if _, err := Undo(context.Background(), w.root, second, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := w.versions(); got != "a 1, b 1" {
		t.Errorf("installed: %s", got)
	}
	if _, err := Undo(context.Background(), w.root, second, Options{}); muster.KindOf(err) != muster.Conflict {
		second, _ = w.root.Journal().Load(2)
		_, err = Undo(context.Background(), w.root, second, Options{})
		if muster.KindOf(err) != muster.Conflict {
			t.Errorf("undo of what was undone: %v", err)
		}
	}
	w.root.Config.KeepUndo = 1
	w.apply(w.pkg("c", "1", "f c 1"))
	old, _ := w.root.Journal().Load(3)
	if _, err := Undo(context.Background(), w.root, old, Options{}); muster.KindOf(err) != muster.NotFound {
		t.Errorf("undo of what is not kept: %v", err)
	}
}

func TestBusy(t *testing.T) {
	w := newWorld(t)
	unlock, err := w.root.Lock(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.root.Lock(context.Background(), 0); muster.KindOf(err) != muster.Busy {
		t.Errorf("second lock: %v, want busy", err)
	}
	unlock()
	unlock, err = w.root.Lock(context.Background(), 0)
	if err != nil {
		t.Errorf("after unlock: %v", err)
	}
	unlock()
}

func TestCheckFinds(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("p", "1", "f bin/x content", "f gone x", "l link x", "c etc/conf x", "f type x"))
	w.write("bin/x", "CONTENT")
	os.Remove(w.root.abs("gone"))
	os.Remove(w.root.abs("link"))
	os.Symlink("elsewhere", w.root.abs("link"))
	w.write("etc/conf", "edited")
	os.Remove(w.root.abs("type"))
	os.Mkdir(w.root.abs("type"), 0o755)
	c, err := Check(context.Background(), w.root, nil, CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range c.Findings {
		got[f.Path] = f.What
	}
	want := map[string]string{"bin/x": Changed, "gone": Missing, "link": Linked, "etc/conf": Edited, "type": Type}
	for path, what := range want {
		if got[path] != what {
			t.Errorf("%s: %q, want %q", path, got[path], what)
		}
	}
	if len(c.Findings) != len(want) {
		t.Errorf("findings: %v", c.Findings)
	}
	os.WriteFile(w.root.record("p", manifestFile), []byte("{}"), 0o644)
	if c, err = Check(context.Background(), w.root, []string{"p"}, CheckOptions{}); err != nil || len(c.Findings) != 1 || c.Findings[0].What != Broken {
		t.Errorf("a damaged record: %v, %v", c.Findings, err)
	}
}

// TestMend: a reinstallation writes what differs, and only that.
func TestMend(t *testing.T) {
	w := newWorld(t)
	lines := []string{"f bin/x content", "f same same", "l link x", "c etc/conf shipped", "h zhard bin/x"}
	w.apply(w.pkg("p", "1", lines...))
	same, _ := os.Stat(w.root.abs("same"))
	w.write("bin/x", "CONTENT") // of the same size
	os.Remove(w.root.abs("link"))
	os.Symlink("elsewhere", w.root.abs("link"))
	w.write("etc/conf", "edited")
	step := w.pkg("p", "1", lines...)
	step.Op = "reinstall"
	w.apply(step)
	w.check()
	w.expect("bin/x", "content")
	w.expect("zhard", "content")
	w.expect("link", "-> x")
	w.expect("etc/conf", "edited")
	if now, err := os.Stat(w.root.abs("same")); err != nil || !os.SameFile(same, now) {
		t.Errorf("a file that did not differ was written anew: %v", err)
	}
}
