package reporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/sign"
	"muster/sitereport"
)

// A shell runs docs/report.sh with nothing but the programs that it says it needs.
type shell struct {
	*node
	bin string // all of PATH
	env []string
}

// shellPrograms are what every system has, and what the script names.
var shellPrograms = []string{"sh", "awk", "cat", "cp", "curl", "cut", "date", "grep", "gzip", "head", "hostname", "iconv", "mktemp", "mv", "openssl",
	"rm", "sort", "tr", "uname"}

func newShell(t *testing.T, c *collector, programs ...string) *shell {
	t.Helper()
	s := &shell{node: newNode(t, c), bin: t.TempDir()}
	for _, name := range append(programs, shellPrograms...) {
		if err := os.Symlink(testneed.Program(t, name), filepath.Join(s.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.file(s.path("site.key"), siteKey.Marshal())
	return s
}

// set gives the script a variable.
func (s *shell) set(words ...string) { s.env = append(s.env, words...) }

// replace puts a program of our own in the place of one.
func (s *shell) replace(name, script string) {
	s.t.Helper()
	path := filepath.Join(s.bin, name)
	os.Remove(path) //nolint:errcheck // there may be none
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shell) run(words ...string) []byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "sh"), "../../docs/report.sh")
	cmd.Env = append([]string{"PATH=" + s.bin, "HOME=" + s.dir, "COLLECTOR=" + s.c.URL, "TMPDIR=" + s.dir}, append(s.env, words...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		s.t.Fatalf("%v: %s%s", err, out, stderr.Bytes())
	}
	return out
}

// TestShell reports by the script, sealed and proven in every way that it has.
func TestShell(t *testing.T) {
	for name, c := range map[string]struct {
		alg    string
		change func(s *shell)
		gcm    bool
	}{
		"RSA":             {"rsa-3072", func(*shell) {}, true},
		"EC":              {"ecdsa-p256", func(*shell) {}, true},
		"EC, P-384":       {"ecdsa-p384", func(*shell) {}, true},
		"proof by perl":   {"ecdsa-p256", func(s *shell) { s.link("perl") }, true},
		"openssl is old":  {"rsa-3072", oldOpenSSL, false},
		"not even sealed": {"", func(*shell) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alg := c.alg
			if alg == "" {
				alg = "ecdsa-p256"
			}
			col := newCollector(t, alg)
			col.key = siteKey
			s := newShell(t, col, "dpkg-query")
			c.change(s)
			s.set("SITE=EXAMPLE", "TAG=shell", "KEY="+s.path("site.key"))
			if c.alg != "" {
				s.set("CERT=" + s.path("collector.crt"))
			}
			col.found = []sitereport.Found{{Name: "bash", Version: "1", ID: "CVE-2026-1", Tag: "low"}}
			if out := s.run("MODE=store-and-report"); string(out) != string(sitereport.Answer(col.found)) {
				t.Errorf("it prints %q", out)
			}
			if len(col.got) != 1 || col.got[0].Site != "EXAMPLE" || col.got[0].Tag != "shell" || col.mode[0] != "store-and-report" {
				t.Fatalf("%d arrived", len(col.got))
			}
			if c.alg == "" {
				return
			}
			s.run("OUT=" + s.path("sealed"))
			sealed, err := os.ReadFile(s.path("sealed"))
			if err != nil {
				t.Fatal(err)
			}
			if _, authenticated, err := sign.OpenAny(sealed, col.id); err != nil || authenticated != c.gcm {
				t.Errorf("sealed against changes: %t, %v", authenticated, err)
			}
		})
	}
}

// TestShellBrokenOff: a list that breaks off is no report, and none that is empty is.
func TestShellBrokenOff(t *testing.T) {
	col := newCollector(t, "ecdsa-p256")
	for what, list := range map[string]string{"broken off": "printf 'installed\\tdpkg\\tbash\\t1\\tamd64\\t\\t\\t\\n'; exit 2", "empty": "exit 0"} {
		s := newShell(t, col)
		s.replace("dpkg-query", list)
		cmd := exec.CommandContext(t.Context(), filepath.Join(s.bin, "sh"), "../../docs/report.sh")
		cmd.Env = []string{"PATH=" + s.bin, "HOME=" + s.dir, "COLLECTOR=" + s.c.URL, "TMPDIR=" + s.dir}
		if out, err := cmd.CombinedOutput(); err == nil || len(col.got) != 0 {
			t.Errorf("%s: %v, %s; %d reports arrived", what, err, out, len(col.got))
		}
	}
}

func (s *shell) link(name string) {
	s.t.Helper()
	if err := os.Symlink(testneed.Program(s.t, name), filepath.Join(s.bin, name)); err != nil {
		s.t.Fatal(err)
	}
}

// oldOpenSSL does not know AES-GCM in CMS, as before version 3.
func oldOpenSSL(s *shell) {
	s.t.Helper()
	real := testneed.Program(s.t, "openssl")
	s.replace("openssl", `if [ "$1" = cms ]; then echo "cms: unknown cipher" >&2; exit 1; fi
exec `+real+` "$@"
`)
}

// TestShellSame holds that the script says of this very machine what muster-report
// says.
func TestShellSame(t *testing.T) {
	s := newShell(t, newCollector(t, "ecdsa-p256"), "dpkg-query")
	theirs, err := sitereport.Parse(s.run("OUT=-", "NODE=a"))
	if err != nil {
		t.Fatal(err)
	}
	s.exits(s.node.run("--print", "--host", "a"), 0)
	ours, err := sitereport.Parse(s.out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	other := func(p sitereport.Package) bool { return p.Manager != "dpkg" }
	ours.Packages = slices.DeleteFunc(ours.Packages, other)
	if theirs.SetHash() != ours.SetHash() {
		t.Errorf("the script has %d packages, muster-report %d; they differ", len(theirs.Packages), len(ours.Packages))
	}
	if theirs.System != ours.System {
		t.Errorf("%+v, muster-report %+v", theirs.System, ours.System)
	}
}

// TestShellRPM is TestShellSame for the captured database of rpm.
func TestShellRPM(t *testing.T) {
	s := newShell(t, newCollector(t, "ecdsa-p256"), "rpm")
	packed, err := os.Open("../collect/testdata/rpmdb.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.root, "var/lib/rpm")
	s.file(filepath.Join(dir, "rpmdb.sqlite"), data)
	s.file(s.path(".rpmmacros"), []byte("%_dbpath "+dir+"\n"))
	if err := os.RemoveAll(filepath.Join(s.root, "var/lib/dpkg")); err != nil {
		t.Fatal(err)
	}
	theirs, err := sitereport.Parse(s.run("OUT=-"))
	if err != nil {
		t.Fatal(err)
	}
	s.exits(s.node.run("--print", "--root", s.root), 0)
	ours, err := sitereport.Parse(s.out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(theirs.Packages, ours.Packages) {
		t.Errorf("the script has\n%+v\nmuster-report\n%+v", theirs.Packages, ours.Packages)
	}
}
