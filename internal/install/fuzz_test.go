package install

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/internal/durable"
	"muster/internal/task"
)

// stateFiles are what a root with a committed change keeps and reads.
var stateFiles = []string{
	".muster/journal/000002/change.json", ".muster/journal/000002/switch.json",
	".muster/journal/000001/change.json", ".muster/journal/000001/switch.json",
	".muster/packages/tool/status.json", ".muster/packages/tool/manifest", ".muster/packages/tool/params.json",
	".muster/packages/other/status.json", ".muster/wanted.json", ".muster/root.json",
}

// committed sets up an area in dir with a change that a crash interrupted right
// behind its commit point.
func committed(t testing.TB, dir string) {
	w := newWorldAt(t, dir, Config{Area: true, Platform: muster.ThisPlatform()})
	wishes, step := new(Wishes), w.pkg("tool", "1", "f usr/bin/tool one", "c etc/conf one", "f gone gone", "l alias usr/bin/tool", "d empty")
	step.Params = map[string]string{"colour": "blue"}
	if _, err := Apply(context.Background(), w.root, []Step{step, w.pkg("other", "1", "f share/other x")}, Options{Kind: "install", Wishes: wishes}); err != nil {
		t.Fatal(err)
	}
	crashed := false
	w.root.Disk = &durable.Disk{Fault: func(c durable.Call) error {
		if !crashed && c.After && c.Op == "rename" && filepath.Base(c.Name) == "change.json" {
			data, err := os.ReadFile(c.Name)
			crashed = err == nil && bytes.Contains(data, []byte(`"state": "committed"`))
		}
		if crashed {
			return errFault
		}
		return nil
	}}
	err := apply(w, w.pkg("tool", "2", "f usr/bin/tool two", "c etc/conf two", "f new/deep/file new", "l alias share/other"))
	if !errors.Is(err, errFault) {
		t.Fatalf("not interrupted: %v", err)
	}
	c, err := w.root.Journal().Unfinished()
	if err != nil || c == nil || c.ID != 2 || c.State != task.Committed {
		t.Fatalf("unfinished: %+v, %v", c, err)
	}
}

// FuzzState replaces a file of the state of an interrupted change by anything:
// cut short, flipped, made up. Every command ends, with an error of a known
// kind or none, and nothing outside of the root changes.
func FuzzState(f *testing.F) {
	outer := f.TempDir()
	committed(f, filepath.Join(outer, "area"))
	for i, name := range stateFiles {
		data, err := os.ReadFile(filepath.Join(outer, "area", name))
		if err != nil {
			continue // wanted.json comes with the change
		}
		f.Add(uint8(i), data)
		f.Add(uint8(i), data[:len(data)/2])
		f.Add(uint8(i), bytes.Replace(data, []byte("usr"), []byte("UsR"), 1))
		f.Add(uint8(i), []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		dir := t.TempDir()
		area := filepath.Join(dir, "area")
		copyTree(t, filepath.Join(outer, "area"), area)
		for _, name := range []string{"precious", "dir/precious", "usr/bin/tool"} {
			plant(t, filepath.Join(dir, name), "precious")
		}
		plant(t, filepath.Join(area, stateFiles[int(which)%len(stateFiles)]), string(data))
		before := outside(t, dir)
		useRoot(t, area)
		if after := outside(t, dir); after != before {
			t.Fatalf("outside was\n%s\nand is\n%s", before, after)
		}
	})
}

// useRoot does to the area what commands do.
func useRoot(t *testing.T, area string) {
	r, err := Open(area, nil)
	if err != nil {
		wantKinds(t, err)
		return
	}
	_, err = Recover(t.Context(), r, Options{})
	wantKinds(t, err)
	_, err = r.Installed()
	wantKinds(t, err)
	_, err = r.Wishes()
	wantKinds(t, err)
	_, err = Check(t.Context(), r, nil, CheckOptions{})
	wantKinds(t, err)
	c, err := r.Undoable()
	wantKinds(t, err)
	if c != nil {
		_, _ = r.Kept(c)
		_, err = Undo(t.Context(), r, c, Options{})
		wantKinds(t, err)
	}
	_, err = Apply(t.Context(), r, []Step{remove("tool"), remove("other")}, Options{Kind: "remove"})
	wantKinds(t, err)
	_, err = r.DropUndo()
	wantKinds(t, err)
}

// wantKinds holds that an error is one that a person can be told of. What the
// system says of a file is internal, and names the file.
func wantKinds(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.Contains(err.Error(), "runtime error") || err.Error() == "" {
		t.Fatal(err)
	}
}

func plant(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyTree copies files, directories with their modes, and links as they stand.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			return os.MkdirAll(at, 0o755)
		case e.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(target, at)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(at, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outside describes what lies in dir beside the area.
func outside(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		if rel == "area" {
			return filepath.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := rel + " " + info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += " " + string(data)
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// FuzzPlace: wherever a package says that a file goes, through whatever
// symlink lies in an area, the place is in the area.
func FuzzPlace(f *testing.F) {
	f.Add("link/a/b", "../../..", "usr/bin")
	f.Add("link/a", "/etc", "x")
	f.Add("link/link/b", "link", "..")
	f.Add("a/../../b", ".", "a")
	f.Add("../x", "usr", "a")
	f.Fuzz(func(t *testing.T, rel, one, two string) {
		if !fs.ValidPath(rel) || rel == "." || strings.ContainsAny(rel+one+two, "\x00\\:") {
			return // package pkgfile refuses them
		}
		dir := t.TempDir()
		r := &Root{Dir: filepath.Join(dir, "area"), Config: Config{Area: true}}
		if err := os.MkdirAll(r.abs("usr"), 0o755); err != nil {
			t.Fatal(err)
		}
		_ = os.Symlink(one, r.abs("link")) // what the system refuses is not there
		_ = os.Symlink(two, r.abs("usr/link"))
		x := newResolver(r)
		for _, resolve := range []func(string) (string, error){x.path, x.dir} {
			at, err := resolve(rel)
			if err != nil {
				continue
			}
			if !filepath.IsLocal(filepath.FromSlash(at)) && at != "" {
				t.Fatalf("%q is %q", rel, at)
			}
			if info, err := os.Lstat(r.abs(path.Dir(at))); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				t.Fatalf("%q is %q, below a symlink", rel, at)
			}
		}
	})
}

// FuzzIDs holds that passwd(5) and group(5) are read line by line as a plain
// reader does: the last line of a name counts, numbers are not negative.
func FuzzIDs(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\n# c\ndaemon:x:1:\nbad\nneg:x:-1:\n")
	f.Add("a:x:1\na:x:2:\n:x:3:\n+::::\nb:x: 4:\n")
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(t.TempDir(), "passwd")
		plant(t, name, text)
		ids, err := readIDs(name)
		if err != nil {
			return // a line of more than 64 KiB
		}
		for user, id := range ids {
			lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return !strings.HasPrefix(l, user+":") })
			if id < 0 || len(lines) == 0 {
				t.Fatalf("%q is %d", user, id)
			}
		}
	})
}
