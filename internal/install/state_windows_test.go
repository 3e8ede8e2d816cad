package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"muster"
	"muster/internal/testneed"
)

// TestMakeState: nobody but administrators, and who made it, adds to the folder of the
// state, also where it was there before and open to all; one that somebody else made is
// not taken.
func TestMakeState(t *testing.T) {
	temp, err := os.MkdirTemp("", "state") // which Wine cannot remove as t.TempDir wants to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) })
	for name, before := range map[string]bool{"new": false, "old": true} {
		dir := filepath.Join(temp, name)
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
		list := sd.String()
		for _, who := range []string{";;;WD)", ";;;BU)", ";;;AU)"} {
			if strings.Contains(strings.ReplaceAll(list, "0x1200a9"+who, ""), who) {
				t.Errorf("%s: others may write: %s", name, list)
			}
		}
		if !testneed.OnWine() && (!strings.HasPrefix(list, "D:P") || !strings.Contains(list, "0x1200a9;;;BU)")) {
			t.Errorf("%s: %s", name, list)
		}
	}
}

// TestStateOfOthers: a folder that somebody made who is no administrator is not taken, and
// left as it is.
func TestStateOfOthers(t *testing.T) {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		t.Fatal(err)
	}
	if owner.String() == administrators {
		t.Skip("what this user makes is the administrators'")
	}
	access, own, err := stateAccess()
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := windows.SecurityDescriptorFromString(access)
	if err != nil {
		t.Fatal(err)
	}
	if err := guardState(dir, "S-1-5-21-7-8-9-1", wanted); muster.KindOf(err) != muster.Denied || muster.HintOf(err) == "" {
		t.Errorf("to another user the folder of %s: %v", own, err)
	}
}
