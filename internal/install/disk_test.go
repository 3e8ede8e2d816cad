package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"muster"
	"muster/internal/testneed"
)

// TestNoSpace: on disks of every size around what is needed, a change succeeds
// or is refused with nothing changed; it never stops half-way.
func TestNoSpace(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("mounts a tmpfs")
	}
	testneed.Root(t)
	big := "f big " + strings.Repeat("0123456789abcdef", 2<<20/16)
	refused, done := 0, 0
	for kib := 10 << 10; kib <= 14<<10; kib += 256 {
		dir := t.TempDir()
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk", kib), "tmpfs", dir).CombinedOutput(); err != nil {
			testneed.Missing(t, fmt.Sprintf("right to mount a tmpfs: %v %s", err, out))
		}
		t.Cleanup(func() { exec.Command("umount", dir).Run() })
		w := newWorldAt(t, filepath.Join(dir, "area"), Config{Area: true, Platform: muster.ThisPlatform()})
		w.apply(w.pkg("p", "1", "f small one"))
		before := w.snapshot()
		_, err := Apply(context.Background(), w.root, []Step{w.pkg("p", "2", "f small two", big)}, Options{})
		if err == nil {
			done++
			w.expect("small", "two")
			w.check()
			continue
		}
		refused++
		if muster.KindOf(err) != muster.Unavailable || muster.HintOf(err) == "" {
			t.Errorf("%d KiB: %v (%s), want unavailable, with a hint", kib, err, muster.KindOf(err))
		}
		w.same(fmt.Sprintf("%d KiB", kib), w.snapshot(), before)
		if left := w.leftovers(); len(left) > 0 {
			t.Errorf("%d KiB: left over: %v", kib, left)
		}
	}
	if refused == 0 || done == 0 {
		t.Errorf("%d refused, %d done: the sizes do not show both", refused, done)
	}
}

// TestFileSystems: a root with a second file system inside gets a stage on
// each, and a bind mount, which looks like the same file system, is copied to.
func TestFileSystems(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("mounts file systems")
	}
	testneed.Root(t)
	w := newWorldAt(t, filepath.Join(t.TempDir(), "area"), Config{Area: true, Platform: muster.ThisPlatform()})
	mount := func(args ...string) {
		t.Helper()
		target := args[len(args)-1]
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			testneed.Missing(t, fmt.Sprintf("right to mount: %v %s", err, out))
		}
		t.Cleanup(func() { exec.Command("umount", target).Run() })
	}
	mount("-t", "tmpfs", "-o", "size=40m", "tmpfs", w.root.abs("usr"))
	elsewhere := filepath.Join(filepath.Dir(w.root.Dir), "elsewhere")
	os.MkdirAll(elsewhere, 0o755)
	mount("--bind", elsewhere, w.root.abs("opt"))
	one := []string{"f usr/bin/tool one", "f opt/tool/data one", "h opt/tool/hard opt/tool/data", "l opt/tool/link data", "f etc/x one"}
	w.apply(w.pkg("p", "1", one...))
	w.check()
	w.apply(w.pkg("p", "2", "f usr/bin/tool two", "f opt/tool/data two", "l opt/tool/link ../tool/data", "f etc/x two"))
	w.check()
	w.expect("opt/tool/data", "two")
	w.undo()
	w.check()
	w.expect("usr/bin/tool", "one")
	w.expect("opt/tool/hard", "one")
	w.apply(remove("p"))
	for _, dir := range []string{"usr/bin", "opt/tool", "etc"} {
		if _, err := os.Stat(w.root.abs(dir)); err == nil {
			t.Errorf("removal left %s", dir)
		}
	}
	if _, err := w.root.DropUndo(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(w.root.abs("usr")); len(entries) > 0 {
		t.Errorf("the stage of the second file system was left: %v", entries)
	}
}

// TestRunningProgram: a program that runs is replaced; the process goes on
// with the old one.
func TestRunningProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("uses cat")
	}
	cat, err := os.ReadFile(testneed.Program(t, "cat"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldAt(t, filepath.Join(t.TempDir(), "area"), Config{Area: true, Platform: muster.ThisPlatform()})
	w.apply(w.pkg("p", "1", "f bin/prog "+string(cat)))
	cmd := exec.Command(w.root.abs("bin/prog"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.apply(w.pkg("p", "2", "f bin/prog #!/bin/sh"))
	w.expect("bin/prog", "#!/bin/sh")
	fmt.Fprint(in, "still here")
	in.Close()
	if err := cmd.Wait(); err != nil || out.String() != "still here" {
		t.Errorf("the running program: %v, %q", err, out.String())
	}
}
