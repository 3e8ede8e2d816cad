//go:build unix

package pkgfile

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a folder holds that no package may is refused when it is packed.
func TestCase31Folder(t *testing.T) {
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"fifo": {func(p string) error { return syscall.Mkfifo(p, 0o644) }, "x"},
		"socket": {func(p string) error {
			l, err := net.Listen("unix", p)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}, "x"},
		"set-user-ID": {func(p string) error {
			if err := os.WriteFile(p, []byte("x"), 0o755); err != nil {
				return err
			}
			return os.Chmod(p, 0o755|os.ModeSetuid)
		}, "setuid"},
		"symlink out": {func(p string) error { return os.Symlink("../../etc/shadow", p) }, "leads out"},
		"newline":     {func(p string) error { return os.WriteFile(p+"\n", nil, 0o644) }, "not allowed"},
		"backslash":   {func(p string) error { return os.WriteFile(p+`\..\y`, nil, 0o644) }, "not allowed"},
		"reserved":    {func(p string) error { return os.Mkdir(filepath.Join(filepath.Dir(p), "aux"), 0o755) }, "reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "case31-") // short: paths of sockets are
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			if err := os.Mkdir(filepath.Join(dir, "root"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := test.make(filepath.Join(dir, "root", "x")); err != nil {
				t.Fatal(err)
			}
			all, err := Walk(dir)
			if err == nil {
				var d *Draft
				if d, err = Build(caseSpec("", all), t.TempDir()); err == nil {
					d.Close()
				}
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
