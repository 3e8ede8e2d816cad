package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"muster/internal/testneed"
)

// folder is a new one. Wine cannot remove it as [testing.T.TempDir] wants to.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "durable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// open reports whether people other than the owner and administrators may read a file.
func open(t *testing.T, file string) bool {
	t.Helper()
	sd, err := windows.GetNamedSecurityInfo(file, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	list := sd.String()
	if !testneed.OnWine() && strings.HasPrefix(list, "D:P") != (filepath.Base(file) != "list") {
		t.Errorf("%s: %s", file, list)
	}
	return strings.Contains(list, ";;;BU)") || strings.Contains(list, ";;;WD)") || strings.Contains(list, ";;;AU)")
}

// TestPrivate: what is for its owner alone by its mode is so by its access list, also when
// it is written anew; the rest is as its folder has it.
func TestPrivate(t *testing.T) {
	d, dir := new(Disk), folder(t)
	for name, perm := range map[string]os.FileMode{"key": 0o600, "list": 0o644} {
		file := filepath.Join(dir, name)
		for range 2 {
			if err := d.WriteFile(file, []byte("x"), perm); err != nil {
				t.Fatal(err)
			}
			if open(t, file) && perm == 0o600 {
				t.Errorf("others may read %s", name)
			}
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != "x" {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	for range 2 {
		f, err := d.CreateAgain(filepath.Join(dir, "again"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if open(t, f.Name()) {
			t.Error("others may read what is being written")
		}
		if err := f.Commit(); err != nil {
			t.Error(err)
		}
	}
}
