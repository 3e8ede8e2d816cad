package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errFault = errors.New("injected")

// TestWriteFileFaults fails every change of a replacement, before and after it
// happens, and crashes there: a reader must see the old or the new content.
func TestWriteFileFaults(t *testing.T) {
	calls := 0
	count := &Disk{Fault: func(Call) error { calls++; return nil }}
	if err := count.WriteFile(filepath.Join(t.TempDir(), "f"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if calls < 10 {
		t.Fatalf("only %d calls of Fault: create, write, sync, rename and syncdir make 10", calls)
	}
	for _, crash := range []bool{false, true} {
		for n := range calls {
			writeWithFault(t, n, crash)
		}
	}
}

func writeWithFault(t *testing.T, n int, crash bool) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	i := 0
	disk := &Disk{Fault: func(c Call) error {
		if i++; i-1 != n {
			return nil
		}
		if crash {
			panic(errFault)
		}
		return errFault
	}}
	err := func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = r.(error)
			}
		}()
		return disk.WriteFile(name, []byte("new"), 0o644)
	}()
	if !errors.Is(err, errFault) {
		t.Fatalf("call %d: error %v, want the injected one", n, err)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != "old" && string(got) != "new" {
		t.Fatalf("call %d: the file holds %q, %v", n, got, err)
	}
	entries, _ := os.ReadDir(filepath.Dir(name))
	for _, e := range entries {
		if e.Name() != "f" && !(crash && IsTemp(e.Name())) {
			t.Errorf("call %d: %q was left behind", n, e.Name())
		}
	}
}

func TestTree(t *testing.T) {
	var d *Disk
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := d.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := d.NewFile(filepath.Join(dir, "x"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("x"))
	f.Close()
	if _, err := d.NewFile(filepath.Join(dir, "x"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("NewFile over a file: %v", err)
	}
	if err := d.SyncTree(filepath.Dir(dir)); err != nil {
		t.Error(err)
	}
	if err := d.Remove(filepath.Join(dir, "absent")); err != nil {
		t.Errorf("Remove of what is not there: %v", err)
	}
	counted := 0
	fault := &Disk{Fault: func(c Call) error { counted++; return nil }}
	if err := fault.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Error(err)
	}
	if counted != 6 {
		t.Errorf("%d calls for 3 removals, want 6", counted)
	}
}

// TestCreateAgain: a writer that was killed and begins again leaves nothing.
func TestCreateAgain(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, strings.Repeat("x", 255)) // the longest
	killed, err := new(Disk).CreateAgain(name, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := killed.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || !IsTemp(entries[0].Name()) {
		t.Fatalf("while it is written there is %v", entries)
	}
	killed.f.Close()
	again, err := new(Disk).CreateAgain(name, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := again.Commit(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if entries, _ := os.ReadDir(dir); err != nil || string(data) != "whole" || len(entries) != 1 {
		t.Errorf("%q, %v; there is %v", data, err, entries)
	}
}
