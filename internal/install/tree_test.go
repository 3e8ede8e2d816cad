package install

import (
	"context"
	"os"
	"strings"
	"testing"
)

// inTheWay makes a directory that the package is about to bring, with a file,
// after everything was planned.
var inTheWay = []string{"f usr/share/p/one 1", "f usr/share/p/deep/two 2", "l usr/share/p/link one", "f opt/p/three 3",
	`a def pre_install():`, `a     mkdirs(makepath(root, "usr/share/p"))`, `a     write_file(makepath(root, "usr/share/p/foreign"), "mine")`}

// TestDirectoryAppears: what somebody puts where a new directory is to come
// stays, and the rest of the directory still comes.
func TestDirectoryAppears(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("p", "1", inTheWay...))
	w.check()
	w.expect("usr/share/p/foreign", "mine")
	w.expect("usr/share/p/deep/two", "2")
	w.expect("usr/share/p/link", "-> one")
	w.undo()
	w.expect("usr/share/p/foreign", "mine")
	w.expect("usr/share/p/one", "")
	w.expect("opt/p/three", "")
	if left := w.leftovers(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestNewDirectoryTakenBack: a hook that fails takes back a directory that came
// as a whole, but not what others have put into it since.
func TestNewDirectoryTakenBack(t *testing.T) {
	w := newWorld(t)
	step := w.pkg("p", "1", "f usr/share/p/one 1", "f usr/share/p/deep/two 2", "f opt/p/three 3",
		`a def install():`, `a     write_file(makepath(root, "usr/share/p/log"), "kept")`, `a     error("no")`)
	if _, err := Apply(context.Background(), w.root, []Step{step}, Options{Kind: "install"}); err == nil {
		t.Fatal("a failing hook passes")
	}
	w.expect("usr/share/p/log", "kept")
	for _, gone := range []string{"usr/share/p/one", "usr/share/p/deep", "opt"} {
		if _, err := os.Lstat(w.root.abs(gone)); err == nil {
			t.Errorf("%s is left", gone)
		}
	}
	if v := w.versions(); v != "" {
		t.Errorf("installed: %s", v)
	}
}

// TestDirectoryForSymlink: files come into the new directory, not where the
// symlink led that was in its place.
func TestDirectoryForSymlink(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("p", "1", "f real/x same", "l link real"))
	w.apply(w.pkg("p", "2", "f real/x same", "f link/x same", "f link/sub/y new"))
	w.check()
	w.expect("link/x", "same")
	if info, err := os.Lstat(w.root.abs("link")); err != nil || !info.IsDir() {
		t.Errorf("link is %v, %v", info, err)
	}
	w.undo()
	w.expect("link", "-> real")
	w.expect("link/x", "same")
}

// TestClosedDirectory: an area's owner need not be able to write to a
// directory that comes as a whole.
func TestClosedDirectory(t *testing.T) {
	w := newWorld(t)
	w.apply(w.pkg("p", "1", "m 0555 usr/share/p", "m 0500 usr/share/p/deep", "f usr/share/p/deep/two 2"))
	for name, want := range map[string]string{"usr/share/p": "dr-xr-xr-x", "usr/share/p/deep": "dr-x------", "usr/share": "drwxr-xr-x"} {
		if info, err := os.Lstat(w.root.abs(name)); err != nil || info.Mode().String() != want {
			t.Errorf("%s has mode %v, want %s: %v", name, info.Mode(), want, err)
		}
	}
	w.undo()
	if _, err := os.Lstat(w.root.abs("usr")); err == nil {
		t.Error("usr is left")
	}
	if left := strings.Join(w.leftovers(), " "); left != "" {
		t.Error("left over:", left)
	}
}
