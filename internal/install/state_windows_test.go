package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// TestMakeState: nobody but administrators, and who made it, adds to the folder of the
// state, also where it was there before and open to all.
func TestMakeState(t *testing.T) {
	for name, before := range map[string]bool{"new": false, "old": true} {
		dir := filepath.Join(t.TempDir(), name)
		if before {
			if err := os.MkdirAll(filepath.Join(dir, "trust.d"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := makeState(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "trust.d"), 0o755); err != nil {
			t.Fatal(err)
		}
		sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			t.Fatal(err)
		}
		if text := sd.String(); !strings.HasPrefix(text, "D:P") || !strings.Contains(text, "0x1200a9;;;BU)") || strings.Contains(text, ";;;WD)") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
