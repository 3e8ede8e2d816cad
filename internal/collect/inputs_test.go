package collect

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestInputs: what a package manager does shows in the stamp of its section, and in
// no other.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	look := func() map[string]string {
		t.Helper()
		stamps, err := Inputs(dir)
		if err != nil {
			t.Fatal(err)
		}
		return stamps
	}
	put("var/lib/dpkg/status", "Package: a\n")
	put("var/lib/rpm/rpmdb.sqlite", "x")
	put("etc/passwd", "root:x:0:0::/:/bin/sh\n")
	put("snap/hello/42/x", "")
	for _, c := range []struct {
		section string
		change  func()
	}{
		{"packages.dpkg", func() { put("var/lib/dpkg/status", "Package: a\nPackage: b\n") }},
		{"packages.rpm", func() { put("var/lib/rpm/rpmdb.sqlite-wal", "y") }},
		{"packages.rpm", func() {
			if err := os.Chtimes(filepath.Join(dir, "var/lib/rpm/rpmdb.sqlite"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}},
		{"packages.pacman", func() { put("var/lib/pacman/local/a-1/desc", "") }},
		{"users", func() { put("etc/passwd", "") }},
	} {
		before := look()
		c.change()
		for section, stamp := range look() {
			if changed := stamp != before[section]; changed != (section == c.section) {
				t.Errorf("after a change of %s: %s changed is %v", c.section, section, changed)
			}
		}
	}
	for section := range inputs() {
		if !isSection(section) {
			t.Errorf("there is no section %q", section)
		}
	}
}

func isSection(name string) bool {
	for _, s := range sections {
		if s.name == name {
			return true
		}
	}
	return false
}
