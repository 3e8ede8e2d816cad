package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/internal/testneed"
)

// unpack unpacks file into a fresh folder and lists what lies there.
func unpack(t testing.TB, file string, o Options) (string, []Meta, error) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	metas, err := Unpack(t.Context(), file, root, o)
	return listing(t, dir), metas, err
}

// listing has a line a file: path, mode, and content or target.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		info, _ := d.Info()
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			link, _ := os.Readlink(name)
			lines = append(lines, rel+" -> "+link)
		case d.IsDir():
			lines = append(lines, fmt.Sprintf("%s/ %o", rel, info.Mode().Perm()))
		default:
			data, _ := os.ReadFile(name)
			lines = append(lines, fmt.Sprintf("%s %o %s", rel, info.Mode().Perm(), data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// tree makes the files that every format is tested with.
func tree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tool-1.0")
	os.MkdirAll(filepath.Join(dir, "bin"), 0o755)
	os.MkdirAll(filepath.Join(dir, "etc"), 0o755)
	os.WriteFile(filepath.Join(dir, "bin/tool"), []byte("#!/bin/sh"), 0o755)
	os.WriteFile(filepath.Join(dir, "etc/tool.conf"), []byte("a=1"), 0o640)
	os.Symlink("tool", filepath.Join(dir, "bin/alias"))
	os.Link(filepath.Join(dir, "bin/tool"), filepath.Join(dir, "bin/twin"))
	return dir
}

const treeListing = `bin/ 755
bin/alias -> tool
bin/tool 755 #!/bin/sh
bin/twin 755 #!/bin/sh
etc/ 755
etc/tool.conf 640 a=1`

func run(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	testneed.Program(t, name)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// TestTar unpacks what the real tar and compressors made.
func TestTar(t *testing.T) {
	dir := tree(t)
	parent := filepath.Dir(dir)
	run(t, parent, "tar", "-cf", "plain.tar", "tool-1.0")
	for _, compressor := range []string{"", "gzip -k", "bzip2 -k", "xz -k", "lzma -k", "zstd -q"} {
		t.Run(strings.Fields(compressor + " none")[0], func(t *testing.T) {
			file := "plain.tar"
			if args := strings.Fields(compressor); len(args) > 0 {
				run(t, parent, args[0], append(args[1:], file)...)
				file += map[string]string{"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz", "lzma": ".lzma", "zstd": ".zst"}[args[0]]
			}
			got, _, err := unpack(t, filepath.Join(parent, file), Options{Strip: 1})
			if err != nil || got != treeListing {
				t.Errorf("%v, got\n%s", err, got)
			}
		})
	}
}

func TestHardLinksStayOne(t *testing.T) {
	dir := tree(t)
	run(t, filepath.Dir(dir), "tar", "-cf", "t.tar", "tool-1.0")
	out := t.TempDir()
	root, _ := os.OpenRoot(out)
	defer root.Close()
	if _, err := Unpack(t.Context(), filepath.Join(filepath.Dir(dir), "t.tar"), root, Options{}); err != nil {
		t.Fatal(err)
	}
	a, _ := os.Stat(filepath.Join(out, "tool-1.0/bin/tool"))
	b, _ := os.Stat(filepath.Join(out, "tool-1.0/bin/twin"))
	if !os.SameFile(a, b) {
		t.Error("two files")
	}
}

func TestZip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.zip")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, e := range []struct {
		name, text string
		mode       fs.FileMode
	}{
		{"t/bin/", "", fs.ModeDir | 0o755}, {"t/bin/tool", "#!/bin/sh", 0o755},
		{"t/bin/alias", "tool", fs.ModeSymlink | 0o777}, {"t/readme", "hello", 0o644},
	} {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		part, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte(e.text))
	}
	w.Close()
	f.Close()
	got, _, err := unpack(t, file, Options{Strip: 1})
	want := "bin/ 755\nbin/alias -> tool\nbin/tool 755 #!/bin/sh\nreadme 644 hello"
	if err != nil || got != want {
		t.Errorf("%v, got\n%s", err, got)
	}
}

// TestDeb unpacks a package that the real dpkg-deb built.
func TestDeb(t *testing.T) {
	for _, compression := range []string{"xz", "gzip", "zstd", "none"} {
		t.Run(compression, func(t *testing.T) {
			dir := tree(t)
			os.Mkdir(filepath.Join(dir, "DEBIAN"), 0o755)
			os.WriteFile(filepath.Join(dir, "DEBIAN/control"), []byte("Package: tool\nVersion: 1.0\nArchitecture: all\n"+
				"Maintainer: A <a@example.org>\nDescription: x\n y\n"), 0o644)
			os.WriteFile(filepath.Join(dir, "DEBIAN/conffiles"), []byte("/etc/tool.conf\n"), 0o644)
			os.Chmod(filepath.Join(dir, "bin/tool"), fs.ModeSetuid|0o755)
			file := filepath.Join(t.TempDir(), "t.deb")
			run(t, dir, "dpkg-deb", "--root-owner-group", "-Z"+compression, "-b", dir, file)
			got, metas, err := unpack(t, file, Options{})
			if err != nil || got != treeListing {
				t.Fatalf("%v, got\n%s", err, got)
			}
			want := "[{bin/tool  4755 false} {etc/tool.conf  640 true}]"
			if got := describe(metas); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			f, _ := os.Open(file)
			defer f.Close()
			deb, err := OpenDeb(f)
			if err != nil || deb.Control.Get("Package") != "tool" {
				t.Errorf("%v: %+v", err, deb)
			}
		})
	}
}

func describe(metas []Meta) string {
	var all []string
	for _, m := range metas {
		if m.Path != "bin/twin" { // which of two names tar calls the link is its affair
			all = append(all, fmt.Sprintf("{%s %s %o %v}", m.Path, m.Owner, m.Mode, m.Config))
		}
	}
	slices.Sort(all)
	return "[" + strings.Join(all, " ") + "]"
}

const spec = `Name: tool
Version: 1.0
Release: 2
Epoch: 3
Summary: a tool
License: MIT
URL: https://example.org
BuildArch: noarch
%description
Does things.
%install
cp -a TREE/. %{buildroot}/
%files
/bin/tool
/bin/twin
/bin/alias
%attr(0640, root, daemon) %config(noreplace) /etc/tool.conf
`

// buildRPM makes a package with the real rpmbuild.
func buildRPM(t *testing.T, payload string) string {
	t.Helper()
	dir, top := tree(t), t.TempDir()
	specFile := filepath.Join(top, "tool.spec")
	if err := os.WriteFile(specFile, []byte(strings.ReplaceAll(spec, "TREE", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, top, "rpmbuild", "--quiet", "-bb", "--define", "_topdir "+top, "--define", "_binary_payload "+payload, specFile)
	found, _ := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if len(found) != 1 {
		t.Fatalf("rpmbuild made %v", found)
	}
	return found[0]
}

func TestRPM(t *testing.T) {
	for _, payload := range []string{"w9.gzdio", "w6.xzdio", "w3.zstdio", "w9.bzdio"} {
		t.Run(payload, func(t *testing.T) {
			file := buildRPM(t, payload)
			got, metas, err := unpack(t, file, Options{})
			want := "bin/ 755\nbin/alias -> tool\nbin/tool 755 #!/bin/sh\nbin/twin 755 #!/bin/sh\netc/ 755\netc/tool.conf 640 a=1"
			if err != nil || got != want {
				t.Fatalf("%v, got\n%s", err, got)
			}
			if got := describe(metas); got != "[{etc/tool.conf root:daemon 640 true}]" {
				t.Errorf("got %s", got)
			}
			f, _ := os.Open(file)
			defer f.Close()
			p, err := OpenRPM(f)
			if err != nil || p.Name != "tool" || p.Version != "1.0" || p.Release != "2" || p.Epoch != "3" || p.Arch != "noarch" {
				t.Errorf("%v: %+v", err, p)
			}
		})
	}
}

// TestTraversal holds that nothing is written outside of the folder.
func TestTraversal(t *testing.T) {
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	hard := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink}
	}
	file := func(name string) tar.Header { return tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg} }
	for name, headers := range map[string][]tar.Header{
		"upwards":              {file("../evil")},
		"upwards inside":       {file("a/../../evil")},
		"backslash":            {file(`..\evil`)},
		"through link up":      {link("d", ".."), file("d/evil")},
		"through absolute":     {link("d", "OUTSIDE"), file("d/evil")},
		"hard link upwards":    {hard("evil", "../secret")},
		"hard link through":    {link("d", ".."), hard("evil", "d/secret")},
		"link chain":           {link("a", "b"), link("b", ".."), file("a/evil")},
		"device":               {{Name: "dev", Typeflag: tar.TypeChar}},
		"pipe":                 {{Name: "pipe", Typeflag: tar.TypeFifo}},
		"directory through up": {link("d", ".."), {Name: "d/evil/", Typeflag: tar.TypeDir, Mode: 0o755}},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600)
			inside := filepath.Join(outside, "inside")
			os.Mkdir(inside, 0o755)
			archive := filepath.Join(t.TempDir(), "t.tar")
			writeTar(t, archive, outside, headers)
			root, _ := os.OpenRoot(inside)
			defer root.Close()
			if _, err := Unpack(t.Context(), archive, root, Options{}); err == nil {
				t.Error("unpacked without an error")
			}
			left, _ := os.ReadDir(outside)
			if len(left) != 2 {
				t.Errorf("outside lies %v", left)
			}
			if data, _ := os.ReadFile(filepath.Join(inside, "evil")); len(data) > 0 {
				t.Errorf("read %q from outside", data)
			}
		})
	}
}

func writeTar(t *testing.T, name, outside string, headers []tar.Header) {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		h.Linkname = strings.ReplaceAll(h.Linkname, "OUTSIDE", outside)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if err := os.WriteFile(name, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReplacesLinks holds that a file of an archive takes the place of a
// symlink, and is not written through it.
func TestReplacesLinks(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "victim"), []byte("old"), 0o644)
	os.Symlink("victim", filepath.Join(dir, "f"))
	archive := filepath.Join(t.TempDir(), "t.tar")
	writeTar(t, archive, "", []tar.Header{{Name: "f", Mode: 0o644, Typeflag: tar.TypeReg}})
	root, _ := os.OpenRoot(dir)
	defer root.Close()
	if _, err := Unpack(t.Context(), archive, root, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); got != "f 644 \nvictim 644 old" {
		t.Errorf("got\n%s", got)
	}
}

func TestNoArchive(t *testing.T) {
	for name, data := range map[string]string{
		"text": strings.Repeat("no archive at all\n", 100), "short": "x", "empty": "", "empty gzip": "\x1f\x8b",
		"cut zip": "PK\x03\x04", "cut deb": arMagic, "cut rpm": rpmMagic + "\x03",
	} {
		file := filepath.Join(t.TempDir(), "f")
		os.WriteFile(file, []byte(data), 0o644)
		if got, _, err := unpack(t, file, Options{}); err == nil || got != "" {
			t.Errorf("%s: %v, got %q", name, err, got)
		}
	}
}
