package recipe

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/testneed"
	"muster/pkgfile"
)

// command runs a real program in dir.
func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	testneed.Program(t, name)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// fromNew makes a recipe and builds it as it is.
func fromNew(t *testing.T, name, from string, o NewOptions) (*Recipe, *pkgfile.Manifest) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	o.Cache = t.TempDir()
	err := New(t.Context(), dir, name, from, o)
	if muster.KindOf(err) == muster.Unavailable {
		testneed.Missing(t, "network: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	draft, _, err := Build(t.Context(), r, Options{Work: t.TempDir(), Cache: o.Cache, Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, r.Source, &log)
	}
	t.Cleanup(func() { draft.Close() })
	return r, draft.Manifest
}

func has(t *testing.T, m *pkgfile.Manifest, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if m.Find(p) == nil {
			t.Errorf("there is no %q in the package", p)
		}
	}
}

func actions(t *testing.T, r *Recipe, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(string(r.Source), p) {
			t.Errorf("actions.star lacks %q:\n%s", p, r.Source)
		}
	}
}

func TestNewEmpty(t *testing.T) {
	r, m := fromNew(t, "tool", "", NewOptions{Maintainer: "Alice Martin <alice@example.org>"})
	has(t, m, "actions.star", "root/usr/share/doc/tool/README")
	if r.Control.Maintainer != "Alice Martin <alice@example.org>" || r.Control.Version != "1.0-1" {
		t.Errorf("control: %+v", r.Control)
	}
}

func TestNewGroup(t *testing.T) {
	r, m := fromNew(t, "everyone", "", NewOptions{Kind: muster.Group})
	if r.Control.Kind != muster.Group || len(m.Files) > 0 {
		t.Errorf("kind %s, files %v", r.Control.Kind, m.Files)
	}
}

func TestNewRefuses(t *testing.T) {
	used := write(t, t.TempDir(), map[string]string{"control": plain})
	for name, tc := range map[string]struct {
		dir, name, from string
		kind            muster.Kind
		want            muster.ErrorKind
	}{
		"name":        {t.TempDir(), "Tool", "", "", muster.Invalid},
		"kind":        {t.TempDir(), "tool", "", "thing", muster.Invalid},
		"not empty":   {used, "tool", "", "", muster.Conflict},
		"group of":    {t.TempDir(), "tool", "x.deb", muster.Group, muster.Invalid},
		"text":        {t.TempDir(), "tool", "new_test.go", "", muster.Invalid},
		"folder":      {t.TempDir(), "tool", t.TempDir(), "", muster.Invalid},
		"unreachable": {t.TempDir(), "tool", "http://127.0.0.1:1/x.tar", "", muster.Unavailable},
	} {
		err := New(t.Context(), tc.dir, tc.name, tc.from, NewOptions{Kind: tc.kind, Cache: t.TempDir()})
		if muster.KindOf(err) != tc.want {
			t.Errorf("%s: %v, kind %s", name, err, muster.KindOf(err))
		}
	}
}

func TestNewDeb(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{
		"p/DEBIAN/control": "Package: tool\nVersion: 1:2.0-3\nArchitecture: amd64\nMaintainer: M <m@example.org>\n" +
			"Depends: libc6 (>= 2.34), foo | bar\nHomepage: https://example.org\nDescription: does things\n Quite a lot.\n .\n More.\n",
		"p/DEBIAN/conffiles": "/etc/tool.conf\n", "p/etc/tool.conf": "a=1\n",
		"!p/bin/tool": "#!/bin/sh\n", "p/lib/systemd/system/tool.service": "[Unit]\n",
	})
	os.Symlink("/etc/tool.conf", filepath.Join(dir, "p/lib/tool.conf"))
	command(t, dir, "dpkg-deb", "--root-owner-group", "-b", "p", "tool.deb")
	r, m := fromNew(t, "tool", filepath.Join(dir, "tool.deb"), NewOptions{})
	c := r.Control
	if c.Version != "1:2.0-3" || c.Homepage != "https://example.org" || c.Description != "does things\nQuite a lot.\n\nMore." || c.Architecture[0] != "amd64" {
		t.Errorf("control: %+v", c)
	}
	has(t, m, "root/usr/bin/tool", "root/usr/lib/systemd/system/tool.service")
	if f := m.Find("root/etc/tool.conf"); f == nil || f.Config != "keep" {
		t.Errorf("configuration: %+v", f)
	}
	if f := m.Find("root/usr/lib/tool.conf"); f == nil || f.Link != "../../etc/tool.conf" {
		t.Errorf("link: %+v", f)
	}
	actions(t, r, "libc6 (>= 2.34), foo | bar")
}

func TestNewRPM(t *testing.T) {
	top := write(t, t.TempDir(), map[string]string{"t.spec": "Name: tool\nVersion: 1.0\nRelease: 2\nSummary: a \"tool\"\nLicense: MIT\nBuildArch: noarch\n" +
		"%description\nDoes things.\n%install\nmkdir -p %{buildroot}/usr/bin\necho x > %{buildroot}/usr/bin/tool\nchmod 755 %{buildroot}/usr/bin/tool\n%files\n" +
		"%caps(cap_net_raw=ep) /usr/bin/tool\n"})
	command(t, top, "rpmbuild", "--quiet", "-bb", "--define", "_topdir "+top, "t.spec")
	found, _ := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	r, m := fromNew(t, "tool", found[0], NewOptions{})
	if c := r.Control; c.Version != "1.0-2" || c.Licence != "MIT" || c.Architecture[0] != "all" || c.Summary("en") != `a "tool"` {
		t.Errorf("control: %+v", c)
	}
	if f := m.Find("root/usr/bin/tool"); f == nil || f.Mode != 0o755 || len(f.Xattrs) > 0 {
		t.Errorf("file: %+v", f)
	}
}

func TestNewMSI(t *testing.T) {
	r, m := fromNew(t, "tool", "installer/testdata/small.msi", NewOptions{})
	has(t, m, "payload/small.msi", "actions.star")
	actions(t, r, `install_msi_if_needed(MSI)`, `KEY = "{11111111-2222-3333-4444-555555555555}"`, `min_version = "1.0.0"`)
	if c := r.Control; c.OS[0] != "windows" || c.Architecture[0] != "amd64" || c.Version != "1.0.0-1" {
		t.Errorf("control: %+v", c)
	}
}

func TestNewExe(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"t.nsi": "Unicode true\nName \"Tool\"\nOutFile \"setup 1.exe\"\nVIProductVersion \"1.2.3.0\"\n" +
		"VIAddVersionKey \"ProductName\" \"Tool\"\nVIAddVersionKey \"ProductVersion\" \"1.2.3\"\nVIAddVersionKey \"FileVersion\" \"1.2.3\"\n" +
		"VIAddVersionKey \"LegalCopyright\" \"c\"\nVIAddVersionKey \"FileDescription\" \"d\"\nSection\nSectionEnd\n"})
	command(t, dir, "makensis", "-V2", "t.nsi")
	r, m := fromNew(t, "tool", filepath.Join(dir, "setup 1.exe"), NewOptions{})
	has(t, m, "payload/setup 1.exe")
	actions(t, r, `SETUP = "setup 1.exe"`, `KEY = "Tool"`, `SILENT = "/S"`, `min_version = "1.2.3"`, "made with NSIS")
}

func TestNewTar(t *testing.T) {
	const makefile = "all:\n\tprintf '#!/bin/sh\\n' > tool; chmod +x tool\ninstall:\n\tmkdir -p $(DESTDIR)$(PREFIX)/bin; cp tool $(DESTDIR)$(PREFIX)/bin/\n"
	here := muster.ThisPlatform().String()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
		is    string // the platform
	}{
		"prebuilt":  {map[string]string{"!tool-1.2/bin/tool": "#!/bin/sh\n"}, "root/opt/tool/bin/tool", "all/all"},
		"make":      {map[string]string{"tool-1.2/Makefile": makefile}, "root/usr/bin/tool", here},
		"configure": {map[string]string{"!tool-1.2/configure": "#!/bin/sh\nprefix=${1#--prefix=}; sed \"s,[$](PREFIX),$prefix,g\" < in > Makefile\n", "tool-1.2/in": makefile}, "root/usr/bin/tool", here},
		"go":        {map[string]string{"tool-1.2/go.mod": "module example.org/tool\n", "tool-1.2/main.go": "package main\n\nfunc main() {}\n"}, "root/usr/bin/tool", here},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, t.TempDir(), tc.files)
			command(t, dir, "tar", "-czf", "tool-1.2.tar.gz", "tool-1.2")
			r, m := fromNew(t, "tool", filepath.Join(dir, "tool-1.2.tar.gz"), NewOptions{})
			if r.Control.Version != "1.2-1" {
				t.Errorf("version %q", r.Control.Version)
			}
			if c := m.Control; c.OS[0]+"/"+c.Architecture[0] != tc.is {
				t.Errorf("it is for %v, %v", c.OS, c.Architecture)
			}
			if f := m.Find(tc.want); f == nil || f.Mode != 0o755 {
				t.Errorf("%s is %+v", tc.want, f)
			}
		})
	}
}

// TestNewURL makes a recipe from an address, with the checksum of what came.
func TestNewURL(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"tool-1.2/x": "x"})
	command(t, dir, "tar", "-czf", "tool-1.2.tar.gz", "tool-1.2")
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	r, m := fromNew(t, "tool", server.URL+"/tool-1.2.tar.gz", NewOptions{})
	has(t, m, "root/opt/tool/x")
	actions(t, r, "sha256 = ", server.URL)
	if s := m.Provenance.Sources; len(s) != 1 || s[0].URL != server.URL+"/tool-1.2.tar.gz" {
		t.Errorf("sources: %+v", s)
	}
}

func TestNewAppImage(t *testing.T) {
	program := testneed.Program(t, "true")
	data, err := os.ReadFile(program)
	if err != nil || string(data[:4]) != "\x7fELF" {
		testneed.Missing(t, "program true that is ELF")
	}
	copy(data[8:], "AI\x02")
	file := filepath.Join(t.TempDir(), "Tool-2.0.AppImage")
	os.WriteFile(file, data, 0o644)
	r, m := fromNew(t, "tool", file, NewOptions{})
	if f := m.Find("root/opt/tool/tool"); f == nil || f.Mode != 0o755 {
		t.Errorf("program: %+v", f)
	}
	has(t, m, "root/usr/bin/tool")
	if r.Control.Version != "2.0-1" {
		t.Errorf("version %q", r.Control.Version)
	}
}

// TestNewFromGo uses what this module depends on, so that it is mostly there.
func TestNewFromGo(t *testing.T) {
	testneed.Program(t, "go")
	dir := filepath.Join(t.TempDir(), "shell")
	err := New(t.Context(), dir, "shell", "go:golang.org/x/term@v0.47.0", NewOptions{Cache: t.TempDir()})
	if muster.KindOf(err) == muster.Unavailable {
		testneed.Missing(t, "network: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Control.Version != "0.47.0-1" {
		t.Errorf("version %q", r.Control.Version)
	}
	actions(t, r, `src = fetch("go:golang.org/x/term@v0.47.0")`, "go_build(src")
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"a\nb": "a b", " a\t b ": "a b", "a\x00\xffb": "a b", strings.Repeat("é", 2000): strings.Repeat("é", 1000)} {
		if got := oneLine(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}
