package collect

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/inventory"
)

// TestAgainstDpkg holds the packages of this machine against dpkg-query.
func TestAgainstDpkg(t *testing.T) {
	program := testneed.Program(t, "dpkg-query")
	out, err := exec.Command(program, "-W", "-f", "${db:Status-Status} ${Package} ${Architecture} ${Version}\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for l := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(l), "installed "); ok {
			want = append(want, rest)
		}
	}
	rows, err := readDpkg(os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, p := range rows {
		have = append(have, p.Name+" "+p.Architecture+" "+p.Version)
		if p.Installed == 0 {
			t.Errorf("%s has no date", p.Name)
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%d packages, dpkg-query has %d", len(have), len(want))
	}
}

// TestThisMachine collects what runs the test, twice: nothing changes by itself.
func TestThisMachine(t *testing.T) {
	collect := func() *Report {
		r, err := Collect(context.Background(), Options{Root: "/", Now: time.Unix(1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Failures) > 0 {
			t.Errorf("failures: %v", r.Failures)
		}
		if _, err := r.Volatile.Marshal(); err != nil {
			t.Error(err)
		}
		return r
	}
	first, second := collect(), collect()
	// Other work on the machine may install packages, or mount, meanwhile.
	for _, r := range []*Report{first, second} {
		r.Document.Packages, r.Document.Disks = nil, nil
	}
	delta, err := inventory.Diff(first.Document, second.Document)
	if err != nil || !delta.Empty() {
		t.Errorf("%+v, %v", delta, err)
	}
	d := first.Document
	if d.System.OS != runtime.GOOS || d.System.Hostname == "" || d.Hardware.Memory == 0 || len(d.Hardware.CPUs) == 0 || first.Volatile.Boot == 0 {
		t.Errorf("%+v %+v", d.System, d.Hardware)
	}
}

// TestTree holds that links of a tree do not lead out of it, and that a tree
// has no hardware.
func TestTree(t *testing.T) {
	dir, secret := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(secret+"/dpkg", 0o755); err != nil {
		t.Fatal(err)
	}
	status := "Package: outside\nStatus: install ok installed\nVersion: 1\n"
	for name, data := range map[string]string{secret + "/dpkg/status": status, secret + "/passwd": "eve:x:1:1::/:/bin/sh\n"} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"/var/lib", "/etc"} {
		if err := os.MkdirAll(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"/var/lib/dpkg": secret + "/dpkg", "/etc/passwd": secret + "/passwd"} {
		if err := os.Symlink(target, dir+name); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Collect(context.Background(), Options{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	if r.Document.Packages != nil || r.Document.Users != nil || r.Document.Hardware != nil {
		t.Errorf("%+v", r.Document)
	}
	if fmt.Sprint(len(r.Failures)) != "2" {
		t.Errorf("links that lead out are no failures: %v", r.Failures)
	}
}
