package pkgfile

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/parser"
	"go/token"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
)

// Cases of docs/faults.md, mostly 31: what no package may hold. It is refused when a
// package is built, and when one that somebody made by other means, signed or
// not, is opened, by rules that are the same on every system.

// A forbidden is files that no package may have. Names in a package for POSIX
// systems alone are freer; what is portable only concerns the others.
type forbidden struct {
	name     string
	files    []File
	portable bool
}

func regular(path string) File {
	return File{Path: path, Type: Regular, Mode: 0o644, Size: 1, SHA256: hashOfX}
}

var hashOfX = func() string { sum := sha256.Sum256([]byte("x")); return hex.EncodeToString(sum[:]) }()

func with(f File, edit func(*File)) File {
	edit(&f)
	return f
}

func link(t Type, path, target string) File { return File{Path: path, Type: t, Link: target} }

func forbiddenFiles() []forbidden {
	all := []forbidden{
		{"symlink, then a file through it", []File{link(Symlink, "root/a", "etc"), regular("root/a/x")}, false},
		{"symlink, then a directory", []File{link(Symlink, "root/a", "etc"), {Path: "root/a", Type: Directory, Mode: 0o755}}, false},
		{"symlink out", []File{link(Symlink, "root/a", "../../etc")}, false},
		{"symlink out, by a detour", []File{link(Symlink, "root/a", "b/../../../etc")}, false},
		{"symlink to payload", []File{link(Symlink, "root/a", "../payload/x")}, false},
		{"symlink to a drive", []File{link(Symlink, "root/a", "C:/windows")}, false},
		{"symlink with a backslash", []File{link(Symlink, "root/a", `..\..\windows`)}, false},
		{"symlink to nothing", []File{link(Symlink, "root/a", "")}, false},
		{"hard link out", []File{link(Hardlink, "root/a", "../etc/shadow")}, false},
		{"hard link to an absolute path", []File{link(Hardlink, "root/a", "/etc/shadow")}, false},
		{"hard link to what is not in the package", []File{link(Hardlink, "root/a", "root/etc/shadow")}, false},
		{"hard link to a later file", []File{link(Hardlink, "root/a", "root/b"), regular("root/b")}, false},
		{"hard link to a symlink", []File{link(Symlink, "root/a", "x"), link(Hardlink, "root/b", "root/a")}, false},
		{"hard link into the other tree", []File{regular("payload/a"), link(Hardlink, "root/a", "payload/a")}, false},
		{"set-user-ID", []File{with(regular("root/su"), func(f *File) { f.Mode = 0o4755 })}, false},
		{"set-group-ID", []File{with(regular("root/sg"), func(f *File) { f.Mode = 0o2755 })}, false},
		{"sticky file", []File{with(regular("root/st"), func(f *File) { f.Mode = 0o1755 })}, false},
		{"set-group-ID of a directory", []File{{Path: "root/d", Type: Directory, Mode: 0o2755}}, false},
		{"capability", []File{with(regular("root/cap"), func(f *File) { f.Xattrs = map[string]string{Capability: "AQAAAg=="} })}, false},
		{"mode beyond the permissions", []File{with(regular("root/m"), func(f *File) { f.Mode = 0o100644 })}, false},
		{"attribute of the system", []File{with(regular("root/x"), func(f *File) { f.Xattrs = map[string]string{"trusted.overlay": "eA=="} })}, false},
		{"owner by number", []File{with(regular("root/o"), func(f *File) { f.Owner = "0:0" })}, false},
		{"owner without group", []File{with(regular("root/o"), func(f *File) { f.Owner = "daemon" })}, false},
		{"twice", []File{regular("root/a"), regular("root/a")}, false},
		{"twice, as file and directory", []File{{Path: "root/a", Type: Directory, Mode: 0o755}, regular("root/a")}, false},
		{"capitals", []File{regular("root/File"), regular("root/file")}, true},
		{"capitals of a directory", []File{regular("root/Dir/x"), regular("root/dir/y")}, true},
		{"capitals beyond ASCII", []File{regular("root/\u00c9t\u00e9"), regular("root/\u00e9t\u00e9")}, true},
		{"sharp s", []File{regular("root/STRASSE"), regular("root/stra\u00dfe")}, true},
		{"long s", []File{regular("root/s"), regular("root/\u017f")}, true},
		{"two forms of one name", []File{regular("root/e\u0301"), regular("root/\u00e9")}, false},
		{"kelvin sign", []File{regular("root/k"), regular("root/\u212a")}, false},
	}
	for _, typ := range []Type{"device", "char", "block", "fifo", "socket", "whiteout", ""} {
		all = append(all, forbidden{fmt.Sprintf("type %q", typ), []File{{Path: "root/x", Type: typ}}, false})
	}
	for _, path := range []string{
		"", "root", "payload", "root/", "/", "/etc/passwd", "/root/x", "//host/share", "root//x", "./root/x", "root/./x",
		"..", "../x", "root/..", "root/../x", "root/a/../../x", "root/a/..", "other/x", "actions.py", "x",
		"C:/x", "C:x", "root/C:", `root/..\x`, `root\x`, `root/a\..\..\x`, `\\host\share`, `\??\C:\x`,
		"root/nul\x00x", "root/x\x00", "root/tab\t", "root/line\n", "root/bell\a", "root/escape\x1b[2J", "root/del\x7f",
		"root/\xff", "root/\xc0\xaf", "root/\xed\xa0\x80", "root/sep\u2028x",
		"root/" + strings.Repeat("n", 256), "root/" + strings.Repeat("n", 5000), "root/" + strings.Repeat("d/", 600) + "x",
		strings.Repeat("root/", 1000) + "x", "root/" + strings.Repeat("\u00e9", 128),
	} {
		all = append(all, forbidden{fmt.Sprintf("path %.60q", path), []File{regular(path)}, false})
	}
	for _, name := range []string{
		"con", "CON", "Con.txt", "con.", "con .txt", "con.tar.gz", "prn", "aux", "aux.c", "nul", "NUL.", "conin$", "CONOUT$", "clock$",
		"com0", "com1", "COM9.log", "lpt1", "LPT9", "com\u00b9", "COM\u00b2.x", "lpt\u00b3",
		"dot.", "dots...", "space ", "x. ", "a:b", "a:$DATA", "c:evil", "a<b", "a>b", `a"b`, "a|b", "a?b", "a*b",
	} {
		all = append(all,
			forbidden{fmt.Sprintf("name %q", name), []File{regular("root/" + name)}, true},
			forbidden{fmt.Sprintf("directory %q", name), []File{regular("root/" + name + "/x")}, true})
	}
	return all
}

// entries are files for [Build], with the directories that hold them.
func entries(files []File) []Entry {
	var all []Entry
	for _, f := range files {
		e := fileEntry(f.Path, "x")
		e.File = f
		all = append(all, e)
	}
	return all
}

func caseSpec(fileNames string, files []Entry) Spec {
	c := testControl()
	c.FileNames = fileNames
	return Spec{Control: c, Date: time.Unix(1700000000, 0), Entries: files}
}

// forged is harmless, a package of one file, with a manifest that lists files
// instead: what somebody makes who has a key but not this program.
func forged(t testing.TB, harmless *Draft, files []File) []byte {
	t.Helper()
	m := *harmless.Manifest
	m.Files = withDirectories(files)
	d := &Draft{Manifest: &m, frames: harmless.frames}
	var err error
	if d.Encoded, err = d.Manifest.Encode(); err != nil {
		t.Fatal(err)
	}
	return write(t, d, []byte("signature"))
}

// withDirectories adds the directories of files, so that nothing but what a
// case is about is wrong, and sorts.
func withDirectories(files []File) []File {
	all, err := complete(entries(files))
	if err != nil {
		return files
	}
	var out []File
	for _, e := range all {
		if e.Type == Regular && e.Size == 1 {
			e.Frame, e.Offset = 0, 512
		}
		out = append(out, e.File)
	}
	return out
}

func TestCase31ForbiddenFiles(t *testing.T) {
	for _, fileNames := range []string{"", "posix"} {
		harmless := build(t, caseSpec(fileNames, []Entry{fileEntry("root/x", "x")}))
		data := forged(t, harmless, []File{regular("root/usr/share/x")})
		if _, err := Open(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatalf("a harmless forgery is refused: %v", err)
		}
		for _, f := range forbiddenFiles() {
			if f.portable && fileNames == "posix" {
				continue
			}
			if d, err := Build(caseSpec(fileNames, entries(f.files)), t.TempDir()); err == nil {
				d.Close()
				t.Errorf("%s %s: built", fileNames, f.name)
			}
			data := forged(t, harmless, f.files)
			_, err := Open(bytes.NewReader(data), int64(len(data)))
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("%s %s: opened: %v", fileNames, f.name, err)
			}
		}
	}
}

// A package that names other systems besides cannot choose the freer names.
func TestCase31PosixNamesAreForPosix(t *testing.T) {
	spec := caseSpec("posix", []Entry{fileEntry("root/con", "x")})
	build(t, spec)
	for _, os := range []string{"windows", "darwin", "all"} {
		spec.Control.OS = []string{os}
		if d, err := Build(spec, t.TempDir()); err == nil {
			d.Close()
			t.Errorf("built for %s", os)
		}
	}
}

// The rules know neither the system that they run on nor its paths.
func TestCase31SameOnEverySystem(t *testing.T) {
	for _, name := range []string{"check.go", "path.go", "manifest.go", "open.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if slices.Contains([]string{`"runtime"`, `"os"`, `"path/filepath"`, `"syscall"`}, i.Path.Value) {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}

// A million files are refused before they are read into memory.
func TestCase31MillionFiles(t *testing.T) {
	const million = 1_000_000
	spec := caseSpec("", make([]Entry, million))
	for i := range spec.Entries {
		spec.Entries[i] = Entry{File: File{Path: fmt.Sprintf("root/%07d", i), Type: Directory, Mode: 0o755}}
	}
	if d, err := Build(spec, t.TempDir()); err == nil {
		d.Close()
		t.Error("a million files are built")
	}
	data := writeManifest(t, manyFiles(t, million))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Open(bytes.NewReader(data), int64(len(data)))
	runtime.ReadMemStats(&after)
	if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "1000001 files, more than 300000") {
		t.Errorf("error %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(data))+16<<20 {
		t.Errorf("%d MB were allocated for %d MB", n>>20, len(data)>>20)
	}
}

// manyFiles is a manifest that lists n directories.
func manyFiles(t *testing.T, n int) []byte {
	t.Helper()
	d := build(t, caseSpec("", []Entry{dirEntry("root/0")}))
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, `{"path":"root/%07d","type":"dir"},`, i)
	}
	return bytes.Replace(d.Encoded, []byte(`"files":[`), []byte(`"files":[`+list.String()), 1)
}

// writeManifest is the head of a package; the frames are never come to.
func writeManifest(t *testing.T, manifest []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := writeHead(&buf, manifest, nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// What stock tools would unpack is what muster places: a tar stream that says
// something else than the manifest is refused before it is published.
func TestCase31TarStream(t *testing.T) {
	good := tar.Header{Name: "root/x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}
	for name, headers := range map[string][]tar.Header{
		"":                  {good},
		"path traversal":    {{Name: "root/../../x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}},
		"absolute":          {{Name: "/root/x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}},
		"device":            {{Name: "root/x", Typeflag: tar.TypeBlock, Mode: 0o644, Devmajor: 8}},
		"fifo":              {{Name: "root/x", Typeflag: tar.TypeFifo, Mode: 0o644}},
		"symlink":           {{Name: "root/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow", Mode: 0o644}},
		"hard link out":     {{Name: "root/x", Typeflag: tar.TypeLink, Linkname: "../etc/shadow", Mode: 0o644}},
		"set-user-ID":       {{Name: "root/x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o4755}},
		"one more before":   {{Name: "root/w", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}, good},
		"one more behind":   {good, {Name: "root/y", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}},
		"twice":             {good, good},
		"nothing":           {},
		"capability on top": {{Name: "root/x", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr." + Capability: "x"}}},
	} {
		p := streamed(t, headers)
		if err := p.CheckContent(); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// streamed is a package whose manifest lists root/x and whose tar stream has
// these headers, each file with the content "x".
func streamed(t *testing.T, headers []tar.Header) *Package {
	t.Helper()
	var raw bytes.Buffer
	tw := tar.NewWriter(&raw)
	for i := range headers {
		h := headers[i]
		h.ModTime, h.Format = time.Unix(0, 0), tar.FormatPAX
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			tw.Write([]byte("x"))
		}
	}
	tw.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame := enc.EncodeAll(raw.Bytes(), nil)
	sum := sha256.Sum256(frame)
	m := Manifest{Format: Format, Control: testControl(), Files: []File{with(regular("root/x"), func(f *File) {
		f.Offset = int64(max(0, bytes.IndexByte(raw.Bytes(), 'x'))) // where an x is
		if i := bytes.Index(raw.Bytes(), []byte("x\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")); i >= 0 {
			f.Offset = int64(i)
		}
	})}, Frames: []Frame{{Raw: int64(raw.Len()), Size: int64(len(frame)), SHA256: hex.EncodeToString(sum[:])}}}
	encoded, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	data := append(writeManifest(t, encoded), frame...)
	p, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A frame of 131 kB that decompresses to 4 GiB, whatever its manifest says, is
// stopped at the size of a frame: 32,768 blocks of one repeated byte (RFC 8878,
// 3.1.1.2).
func TestCase13FrameBomb(t *testing.T) {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3}
	for i := range 32768 {
		header := uint32(128<<10)<<3 | 1<<1
		if i == 32767 {
			header |= 1
		}
		frame = append(frame, byte(header), byte(header>>8), byte(header>>16), 'x')
	}
	sum := sha256.Sum256(frame)
	for _, raw := range []int64{1 << 20, MaxFrame + MaxHeader} {
		f := regular("root/x")
		f.Offset = 512
		m := Manifest{Format: Format, Control: testControl(), Files: []File{f},
			Frames: []Frame{{Raw: raw, Size: int64(len(frame)), SHA256: hex.EncodeToString(sum[:])}}}
		encoded, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		data := append(writeManifest(t, encoded), frame...)
		p, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = p.ReadFile("root/x", 1)
		runtime.ReadMemStats(&after)
		if muster.KindOf(err) != muster.Invalid {
			t.Errorf("raw size %d: %v", raw, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("raw size %d: %d MB were allocated", raw, n>>20)
		}
	}
}
