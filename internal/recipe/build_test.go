package recipe

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"muster"
	"muster/internal/testneed"
	"muster/pkgfile"
)

// tryBuild builds a recipe of these files.
func tryBuild(t *testing.T, files map[string]string, o Options) (*pkgfile.Manifest, *Report, error) {
	t.Helper()
	r, err := Load(write(t, t.TempDir(), files))
	if err != nil {
		t.Fatal(err)
	}
	if o.Work == "" {
		o.Work = t.TempDir()
	}
	if o.Cache == "" {
		o.Cache = t.TempDir()
	}
	draft, report, err := Build(t.Context(), r, o)
	if err != nil {
		return nil, report, err
	}
	t.Cleanup(func() { draft.Close() })
	return draft.Manifest, report, nil
}

// built is tryBuild of one build() that must do.
func built(t *testing.T, more, script string, files map[string]string) (*pkgfile.Manifest, *Report) {
	t.Helper()
	all := map[string]string{"control": plain + more, "actions.star": "def build():\n" + script}
	for name, text := range files {
		all[name] = text
	}
	m, report, err := tryBuild(t, all, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m, report
}

func TestAttributes(t *testing.T) {
	m, report := built(t, "setuid: usr/bin/ping, usr/bin/su\n", `
    for name in ["ping", "su", "other"]:
        mkdirs("root/usr/bin")
        write_file("root/usr/bin/" + name, name, mode = 0o755)
    mkdirs("root/var/lib/tool")
    set_owner("root/var/lib/tool", "tool:tool")
    set_mode("root/var/lib/tool", 0o700)
    set_mode("root/usr/bin/su", 0o4755)
    set_mode("root/usr/bin/other", 0o4755)
    set_capability("root/usr/bin/ping", "cap_net_raw+ep")
    set_xattr(makepath(basedir, "root/usr/bin/other"), "user.note", "x")
    write_file("root/tool.conf", "a")
    config_file("root/tool.conf")
`, nil)
	file := func(name string) *pkgfile.File {
		t.Helper()
		f := m.Find("root/" + name)
		if f == nil {
			t.Fatalf("no %q", name)
		}
		return f
	}
	if f := file("var/lib/tool"); f.Owner != "tool:tool" || f.Mode != 0o700 {
		t.Errorf("%+v", f)
	}
	if f := file("usr/bin/su"); f.Mode != 0o4755 {
		t.Errorf("%+v", f)
	}
	if f := file("usr/bin/other"); f.Mode != 0o755 || f.Xattrs["user.note"] != "eA==" {
		t.Errorf("%+v", f)
	}
	// What setcap cap_net_raw+ep writes: getfattr -e base64 -n security.capability
	if f := file("usr/bin/ping"); f.Xattrs[pkgfile.Capability] != "AQAAAgAgAAAAAAAAAAAAAAAAAAA=" {
		t.Errorf("%+v", f)
	}
	if f := file("tool.conf"); f.Config != "keep" {
		t.Errorf("%+v", f)
	}
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "root/usr/bin/other: its set-user-ID") {
		t.Errorf("warnings: %q", report.Warnings)
	}
}

func TestMistakesInBuild(t *testing.T) {
	for script, want := range map[string]string{
		`set_mode("root/nothing", 0o644)`:         `there is no "root/nothing"`,
		`set_mode("../out", 0o644)`:               "does not lie in the build folder",
		`set_mode("files", 0o644)`:                "neither below root/ nor below payload/",
		`set_mode("root/f")`:                      "mode -01 is out of range",
		`set_mode(path = 1, mode = 2)`:            "path must be a string",
		`set_mode("root/f", "0644")`:              "mode must be an integer",
		`set_owner("root/f", "tool")`:             "not user:group",
		`set_owner("root/f", owner = "a:b", x=1)`: "there is no argument x",
		`set_capability("root/f", "cap_fly+ep")`:  `no capability "cap_fly"`,
		`config_file("root/g*")`:                  "means no file",
		`config_file("payload/x")`:                "does not lie below root/",
		`unpack("root/f")`:                        "cannot unpack",
		`unpack("root/f", "../x")`:                "does not lie in the build folder",
		`fetch("ftp://x")`:                        "unknown source",
		`fetch("https://localhost/x")`:            "nothing says what the file must be",
		`make(["x"])`:                             "actions.star:3:9: build()",
		`symlink("../../x", "root/link")`:         "leads out of root/",
		`run(["mkfifo", "root/pipe"])`:            "only files, directories and links",
		`fail("enough")`:                          "enough",
	} {
		if runtime.GOOS != "linux" && strings.Contains(script, "mkfifo") {
			continue
		}
		_, _, err := tryBuild(t, map[string]string{"control": plain, "actions.star": "def build():\n    write_file(\"root/f\", \"\")\n    " + script + "\n"}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

// TestEnvironment holds that build() sees nothing of the builder's account.
func TestEnvironment(t *testing.T) {
	t.Setenv("MY_SECRET", "secret")
	t.Setenv("LANG", "fr_FR.UTF-8")
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("GOFLAGS", "-tags=mine")
	work := t.TempDir()
	m, _, err := tryBuild(t, map[string]string{"control": plain + "os: windows\narchitecture: arm64\n",
		"actions.star": "def build():\n    write_file(\"payload/env\", run([\"env\"]))\n    run([\"sh\", \"-c\", \"umask > payload/umask\"])\n"},
		Options{Work: work, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := filepath.Glob(filepath.Join(work, "*/build/payload/env"))
	if len(kept) != 1 {
		t.Fatalf("kept %v", kept)
	}
	env, _ := os.ReadFile(kept[0])
	lines := "\n" + string(env)
	for _, want := range []string{"\nLANG=C.UTF-8\n", "\nTZ=UTC\n", "\nSOURCE_DATE_EPOCH=315532800\n", "\nGOFLAGS=-trimpath -buildvcs=false\n",
		"\nGOOS=windows\n", "\nGOARCH=arm64\n", "\nCGO_ENABLED=0\n", "\nHOME=" + work} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in %s", want, lines)
		}
	}
	if strings.Contains(lines, "MY_SECRET") {
		t.Error("the secret is there")
	}
	if mask, _ := os.ReadFile(filepath.Join(filepath.Dir(kept[0]), "umask")); strings.TrimSpace(string(mask)) != "0022" {
		t.Errorf("umask %s", mask)
	}
	if m.Control.OS[0] != "windows" {
		t.Errorf("control: %+v", m.Control)
	}
}

// TestSameBytesBuilt builds C and Go twice, in different folders and years.
func TestSameBytesBuilt(t *testing.T) {
	testneed.Program(t, "gcc")
	testneed.Program(t, "go")
	files := map[string]string{
		"control": plain + "os: linux\narchitecture: " + runtime.GOARCH + "\n",
		"actions.star": `def build():
    mkdirs("root/usr/bin")
    configure(cwd = "files")
    make(cwd = "files")
    make_install(cwd = "files")
    src = fetch("file:go")
    go_build(src)
`,
		"!files/configure": "#!/bin/sh\necho \"CFLAGS=$CFLAGS\" > config.mk\n",
		"files/Makefile":   "include config.mk\nall: hello\nhello: $(CURDIR)/hello.c\n\t$(CC) $(CFLAGS) -o $@ $<\ninstall:\n\tcp hello $(DESTDIR)/usr/bin/\n",
		"files/hello.c":    "#include <stdio.h>\nint main(void) { puts(__FILE__); return 0; }\n",
		"go/go.mod":        "module example.org/tool\n", "go/main.go": "package main\n\nfunc main() { println(\"x\") }\n",
	}
	var first []byte
	for range 2 {
		m, report, err := tryBuild(t, files, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Sources) != 1 || report.Sources[0].URL != "file:go" {
			t.Errorf("sources: %+v", report.Sources)
		}
		encoded, _ := m.Encode()
		if first == nil {
			first = encoded
		} else if !bytes.Equal(first, encoded) {
			t.Errorf("manifests differ:\n%s\n%s", first, encoded)
		}
	}
}

// TestSourceFolder holds that root/ means the package also in a fetched folder,
// and that the links for it do not get into the package.
func TestSourceFolder(t *testing.T) {
	m, _ := built(t, "", `
    src = fetch("file:data")
    run(["cp", "x", "root/from-inside"], cwd = src)
    run(["cp", "-a", src, "root/whole"])
`, map[string]string{"data/x": "x", "data/payload/kept": "theirs"})
	has(t, m, "root/from-inside", "root/whole/x", "root/whole/payload/kept")
	for _, name := range []string{"root/whole/root", "root/whole/files"} {
		if m.Find(name) != nil {
			t.Errorf("%q is in the package", name)
		}
	}
}

func TestPatch(t *testing.T) {
	m, _ := built(t, "", `
    patch("files/fix.patch", cwd = "root")
`, map[string]string{"root/f": "one\ntwo\n", "files/fix.patch": "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"})
	if f := m.Find("root/f"); f == nil || f.Size != int64(len("one\nthree\n")) {
		t.Errorf("%+v", f)
	}
	_, _, err := tryBuild(t, map[string]string{"control": plain, "actions.star": "def build():\n    patch(\"files/fix.patch\", cwd = \"root\")\n",
		"root/f": "other\n", "files/fix.patch": "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"}, Options{})
	if err == nil {
		t.Error("a patch that does not fit was taken")
	}
}

func TestHostsHaveNoFetch(t *testing.T) {
	_, _, err := tryBuild(t, map[string]string{"control": plain, "actions.star": "def install():\n    set_mode(\"x\", 0)\n"}, Options{})
	if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "actions.star:2:5: undefined: set_mode") || muster.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}

// TestOwnHelper holds that a recipe's function takes the place of ours.
func TestOwnHelper(t *testing.T) {
	m, _ := built(t, "", "    make()\n\ndef make():\n    write_file(\"root/mine\", \"\")\n", nil)
	has(t, m, "root/mine")
}

func TestMergeUsr(t *testing.T) {
	m, _ := built(t, "", "    set_owner(\"root/lib/x/y\", \"a:b\")\n    merge_usr()\n", map[string]string{"root/lib/x/y": "1", "root/usr/lib/x/z": "2", "!root/bin/sh": ""})
	has(t, m, "root/usr/lib/x/y", "root/usr/lib/x/z", "root/usr/bin/sh")
	if m.Find("root/lib") != nil || m.Find("root/usr/lib/x/y").Owner != "a:b" {
		t.Errorf("%+v", m.Files)
	}
	_, _, err := tryBuild(t, map[string]string{"control": plain, "actions.star": "def build():\n    merge_usr()\n", "root/lib/x": "1", "root/usr/lib/x": "2"}, Options{})
	if muster.KindOf(err) == "" || !strings.Contains(err.Error(), "there twice") {
		t.Errorf("got %v", err)
	}
}

func TestGitProvenance(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"r/control": plain, "r/root/f": "1"})
	git := func(args ...string) {
		command(t, dir, "git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
	}
	t.Setenv("GIT_COMMITTER_DATE", "2026-02-03T04:05:06Z")
	git("init", "-q")
	git("remote", "add", "origin", "https://bob:secret@example.org/recipes.git")
	git("add", ".")
	git("commit", "-qm", "one")
	draft, report := build(t, filepath.Join(dir, "r"), Options{})
	p := draft.Manifest.Provenance
	if p.Recipe != "https://example.org/recipes.git" || len(p.Commit) != 40 {
		t.Errorf("%+v", p)
	}
	if got := report.Date.Format("2006-01-02T15:04:05Z"); got != "2026-02-03T04:05:06Z" {
		t.Errorf("date %s", got)
	}
	write(t, dir, map[string]string{"r/root/f": "2"})
	draft, report = build(t, filepath.Join(dir, "r"), Options{})
	if p := draft.Manifest.Provenance; !strings.HasSuffix(p.Commit, "+dirty") || report.Date != noDate {
		t.Errorf("%+v, %s", p, report.Date)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	if _, report = build(t, filepath.Join(dir, "r"), Options{}); report.Date.Unix() != 86400 {
		t.Errorf("date %s", report.Date)
	}
}

func TestWithoutCredentials(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@h/x.git": "https://h/x.git", "https://h/x?token=1": "https://h/x", "ssh://git@h/x": "ssh://git@h/x",
		"ssh://git:p@h/x": "ssh://git@h/x", "git@h:x.git": "git@h:x.git", "/srv/git/x": "/srv/git/x",
	} {
		if got := withoutCredentials(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestLint(t *testing.T) {
	_, report := built(t, "", `
    mkdirs("root/usr/local/bin")
    write_file("root/usr/local/bin/x", "")
    write_file("root/open", "")
    chmod("root/open", 0o666)
    symlink("/etc/x", "root/link")
    mkdirs("root/lib")
    write_file("root/lib/y", "")
    write_file("root/tool", "\x7fELF....", mode = 0o755)
`, nil)
	all := strings.Join(report.Warnings, "\n")
	for _, want := range []string{"root/tool: it runs on one kind of machine, and control says os all, architecture all", "usr/local/bin/x: /usr/local", "root/open: everyone may write", `root/link: the link to "/etc/x"`, "root/lib: "} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
	}
	_, report = built(t, "os: linux\narchitecture: amd64\n", `
    write_file("root/tool", "\x7fELF....", mode = 0o755)
`, nil)
	if all := strings.Join(report.Warnings, "\n"); strings.Contains(all, "machine") {
		t.Errorf("a package for one platform has programs of one: %s", all)
	}
	r, err := parse("package: x\nversion: 1.0-rc1\n")
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(Lint(r), "\n"); !strings.Contains(all, "no description") || !strings.Contains(all, "rc1") {
		t.Errorf("got:\n%s", all)
	}
}

// FuzzControl holds that a control that is read has one meaning: printed with
// its parameters in place it is read again as the same.
func FuzzControl(f *testing.F) {
	f.Add(plain + "build-params: a=1, b=x y\ntitle: ${a} ${b}\nconfig-files: etc/*.conf, etc/d/\n")
	f.Add("package: ${n}\nversion: ${v}-1\nbuild-params: n=x,\n v=1\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parse(text)
		if err != nil {
			return
		}
		again, err := parse(r.Control.Stanza().String())
		if err != nil && !strings.Contains(r.Control.Stanza().String(), "${") {
			t.Fatalf("%v\n%s", err, r.Control.Stanza())
		}
		if err == nil && again.Control.Stanza().String() != r.Control.Stanza().String() {
			t.Errorf("%s\nbecame\n%s", r.Control.Stanza(), again.Control.Stanza())
		}
		for _, p := range r.ConfigFiles {
			if strings.HasPrefix(p, "/") || strings.Contains(p, "..") && matches(p, "../x") {
				t.Errorf("pattern %q", p)
			}
		}
	})
}

// FuzzHostSource holds that what hosts get has the lines of the recipe or
// nothing, and can be parsed.
func FuzzHostSource(f *testing.F) {
	f.Add(bothSides)
	f.Add("x = 1\n\ndef build():\n    a\x00b\n    c")
	f.Add("def audit(): return 1\ndef build(): return fetch(1)")
	f.Fuzz(func(t *testing.T, source string) {
		got, err := hostSource([]byte(source))
		if err != nil {
			return
		}
		before, after := strings.Split(source, "\n"), strings.Split(string(got), "\n")
		for i, line := range after {
			if line != "" && (i >= len(before) || line != before[i]) {
				t.Fatalf("line %d: %q", i+1, line)
			}
		}
		if _, err := dialect.Parse("x", got, 0); err != nil {
			t.Errorf("%v\n%s", err, got)
		}
	})
}
