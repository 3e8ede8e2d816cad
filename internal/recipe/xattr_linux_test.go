package recipe

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"muster/internal/testneed"
	"muster/pkgfile"
)

// TestCapabilityOfSetcap compares with what the real setcap writes.
func TestCapabilityOfSetcap(t *testing.T) {
	testneed.Root(t)
	file := filepath.Join(t.TempDir(), "f")
	os.WriteFile(file, nil, 0o755)
	for _, text := range []string{"cap_net_raw+ep", "cap_net_raw,cap_net_admin=p", "cap_checkpoint_restore,cap_chown+eip"} {
		command(t, "/", "setcap", text, file)
		want := xattr(t, file, pkgfile.Capability)
		m, _ := built(t, "setuid: f\n", "    write_file(\"root/f\", \"\")\n    set_capability(\"root/f\", \""+text+"\")\n", nil)
		got, err := base64.StdEncoding.DecodeString(m.Find("root/f").Xattrs[pkgfile.Capability])
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, setcap wrote %x", text, got, want)
		}
	}
}

// xattr reads an extended attribute of a file.
func xattr(t *testing.T, file, name string) []byte {
	t.Helper()
	b := make([]byte, 256)
	n, err := unix.Getxattr(file, name, b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}
