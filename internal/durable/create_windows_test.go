package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// TestPrivate: what is for its owner alone by its mode is so by its access list, also when
// it is written anew; the rest is as its folder has it.
func TestPrivate(t *testing.T) {
	d, dir := new(Disk), t.TempDir()
	for name, perm := range map[string]os.FileMode{"key": 0o600, "list": 0o644} {
		file := filepath.Join(dir, name)
		for range 2 {
			if err := d.WriteFile(file, []byte("x"), perm); err != nil {
				t.Fatal(err)
			}
			sd, err := windows.GetNamedSecurityInfo(file, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
			if err != nil {
				t.Fatal(err)
			}
			text := sd.String()
			if private := strings.HasPrefix(text, "D:P") && !strings.Contains(text, ";;;BU)") && !strings.Contains(text, ";;;WD)"); private != (perm == 0o600) {
				t.Errorf("%s, %o: %s", name, perm, text)
			}
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != "x" {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	f, err := d.CreateAgain(filepath.Join(dir, "again"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Error(err)
	}
}
