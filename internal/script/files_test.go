//go:build unix

package script

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check runs lines of a script in which assert(x, y) compares.
func check(t *testing.T, dir, body string) {
	t.Helper()
	mustRun(t, Request{BaseDir: dir}, "def equal(got, want):\n    if got != want:\n        fail(\"got %r, want %r\" % (got, want))\n"+
		"def refused(part, fn, *args, **kwargs):\n    _, err = catch(fn, *args, **kwargs)\n    if not err or part not in err:\n        fail(\"got error %r, want %r\" % (err, part))\n"+
		"def install():\n    "+strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ")+"\n")
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	check(t, dir, `
write_file("a/b/c.txt", "one\n", mode = 0o600)
equal(read_file("a/b/c.txt"), "one\n")
equal(file_info("a/b/c.txt").mode, 0o600)
equal([isfile("a/b/c.txt"), isdir("a/b"), isfile("a/b"), exists("x"), islink("a")], [True, True, False, False, False])
equal(filecopyto("a/b/c.txt", "a"), "a/c.txt")
equal(file_info("a/c.txt").mode, 0o600)
equal(listdir("a"), ["b", "c.txt"])
equal(filesize("a/c.txt"), 4)
equal(sha256sum("a/c.txt"), "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806")
rename("a/c.txt", "d.txt")
equal(exists("a/c.txt"), False)
symlink("d.txt", "l")
symlink("nowhere", "l")
equal([readlink("l"), islink("l"), exists("l"), isfile("l")], ["nowhere", True, True, False])
refused("is no link", symlink, "x", "d.txt")
link("d.txt", "e.txt")
chmod("e.txt", 0o755)
equal(file_info("d.txt").mode, 0o755)
copytree2("a", "copy")
write_file("copy/b/more", "x")
copytree2("a", "copy")
equal(glob("copy/**"), ["copy/b", "copy/b/c.txt", "copy/b/more"])
equal(glob("**/*.txt"), ["a/b/c.txt", "copy/b/c.txt", "d.txt", "e.txt"])
equal(glob.glob("?.txt"), ["d.txt", "e.txt"])
refused("into itself", copytree2, "a", "a/b/z")
remove_file("*.txt")
remove_file("not there")
equal(glob("*.txt"), [])
refused("use remove_tree", remove_file, "a")
write_file("odd[1]", "")
remove_file("odd[1]")
equal(exists("odd[1]"), False)
remove_tree("copy")
remove_tree("copy")
equal(isdir("copy"), False)
for bad in ["/", "/usr", "/home", "", "/usr/.."]:
    refused("not for removal", remove_tree, bad)
refused("no such file", read_file, "missing")
equal([basename("a/b.c"), dirname("a/b.c"), splitext("a/b.tar.gz"), splitext(".profile")], ["b.c", "a", ("a/b.tar", ".gz"), (".profile", "")])
equal(makepath("a", "/b", "..", "c"), "a/c")
equal(abspath("q"), basedir + "/q")
equal(expandvars("$LANG ${LANG} %LANG% $NOPE 100%"), "C.UTF-8 C.UTF-8 C.UTF-8 $NOPE 100%")
equal([Version("1.2") < Version("1.10"), ensure_list("a, b,,"), ensure_list(["x"]), ensure_list("a b", separator = " ")], [True, ["a", "b"], ["x"], ["a", "b"]])
equal(catch(lambda: 3), (3, None))
equal(os.path.join("a", "b"), "a/b")
shutil.copy("l2", "x") if isfile("l2") else None
mkdirs("m/n")
os.makedirs("m/o")
shutil.rmtree("m")
equal(isdir("m"), False)
equal([which("sh") != "", which("no-such-program")], [True, ""])
`)
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestReadIsBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "big"), maxRead+1); err != nil {
		t.Fatal(err)
	}
	check(t, dir, `
refused("more than 16777216 bytes", read_file, "big")
refused("more than", inifile_readstring, "big", "a", "b")
`)
}

func TestIniHelpers(t *testing.T) {
	check(t, t.TempDir(), `
inifile_writestring("a.ini", "net", "port", 80)
inifile_writestring("a.ini", "net", "on", True)
chmod("a.ini", 0o600)
inifile_writestring("a.ini", "NET", "PORT", "81")
equal(read_file("a.ini"), "[net]\nport = 81\non = True\n")
equal(file_info("a.ini").mode, 0o600)
equal([inifile_readstring("a.ini", "net", "port"), inifile_readstring("a.ini", "net", "x"), inifile_readstring("none.ini", "net", "x", "d")], ["81", None, "d"])
equal([inifile_hasoption("a.ini", "net", "on"), inifile_hassection("a.ini", "x")], [True, False])
equal([inifile_deleteoption("a.ini", "net", "on"), inifile_deleteoption("a.ini", "net", "on")], [True, False])
equal([inifile_deletesection("a.ini", "net"), inifile_deletesection("a.ini", "net")], [True, False])
equal(read_file("a.ini"), "")
refused("cannot be written", inifile_writestring, "a.ini", "s", "k", "a\n[other]")
`)
}

// zipFile makes a zip file of entries "name" or "name -> link".
func zipFile(t *testing.T, file string, entries ...string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, e := range entries {
		name, link, isLink := strings.Cut(e, " -> ")
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		if isLink {
			h.SetMode(os.ModeSymlink | 0o777)
		} else {
			link = "text of " + name
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, link)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	zipFile(t, filepath.Join(dir, "good.zip"), "a.txt", "sub/b.txt", "sub/c.bin")
	for i, bad := range []string{"../out", "/abs", `..\out`, "a/../../out", "l -> /etc"} {
		zipFile(t, filepath.Join(dir, fmt.Sprintf("bad%d.zip", i)), bad)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "trap")); err != nil {
		t.Fatal(err)
	}
	zipFile(t, filepath.Join(dir, "through.zip"), "inner/x")
	check(t, dir, `
equal(unzip("good.zip"), ["good/a.txt", "good/sub/b.txt", "good/sub/c.bin"])
equal(read_file("good/sub/b.txt"), "text of sub/b.txt")
equal(unzip("good.zip", "some", filenames = "*.txt"), ["some/a.txt", "some/sub/b.txt"])
equal(exists("some/sub/c.bin"), False)
for i in range(5):
    refused("cannot unpack", unzip, "bad%d.zip" % i, "t")
mkdirs("host")
symlink("/tmp", "host/inner")
refused("cannot unpack", unzip, "through.zip", "host")
refused("cannot read", unzip, "good/a.txt")
`)
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("a name led out of the folder")
	}
}
