package pkgfile

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"muster"
)

// smallPackage is a package with a file of each type, without noise.
func smallPackage(f *testing.F) []byte {
	spec := testSpec()
	spec.Entries = []Entry{
		fileEntry(ActionsPath, "def install():\n    pass\n"), fileEntry("root/a/b", "content"), fileEntry("root/a/copy", "content"),
		linkEntry(Symlink, "root/c", "a/b"), linkEntry(Hardlink, "root/d", "root/a/b"), fileEntry("payload/x", "y"),
	}
	return write(f, build(f, spec), []byte("s"))
}

// FuzzOpen holds that what opens has the one encoding of its manifest, and is
// written as the same bytes; and that no file has more than it should.
func FuzzOpen(f *testing.F) {
	data := smallPackage(f)
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add([]byte("P*M\x18\x00\x00\x00\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatalf("kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		again, err := p.Manifest.Encode()
		if err != nil || !bytes.Equal(again, p.Encoded) {
			t.Fatalf("encodes as %q, was %q", again, p.Encoded)
		}
		var out bytes.Buffer
		if err := p.WriteSigned(&out, p.Signature); err != nil || !bytes.Equal(out.Bytes(), data) {
			t.Fatalf("writes %d bytes, was %d: %v", out.Len(), len(data), err)
		}
		whole := p.CheckContent() == nil
		for i := range p.Manifest.Files {
			if file := &p.Manifest.Files[i]; file.Type == Regular {
				checkRead(t, p, file, whole)
			}
		}
	})
}

// checkRead reads one file, which must be what the manifest says.
func checkRead(t *testing.T, p *Package, f *File, must bool) {
	got, err := p.ReadFile(f.Path, 1<<20)
	if err != nil {
		if must && f.Size <= 1<<20 {
			t.Fatalf("the content was checked, but %q cannot be read: %v", f.Path, err)
		}
		return
	}
	if sum := sha256.Sum256(got); int64(len(got)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
		t.Fatalf("%q has %d bytes that are not those of the manifest", f.Path, len(got))
	}
}

// FuzzManifest holds that a manifest has one encoding, and what readers rely
// on: every path stays below its tree, under a directory of the package, apart
// from every other; contents lie in frames.
func FuzzManifest(f *testing.F) {
	p, err := Open(bytes.NewReader(smallPackage(f)), int64(len(smallPackage(f))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Encoded)
	f.Add(bytes.ReplaceAll(p.Encoded, []byte("root/a/copy"), []byte("root/a/../x")))
	f.Add(bytes.ReplaceAll(p.Encoded, []byte(`"link":"a/b"`), []byte(`"link":"../b"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("encodes as %q, %v", again, err)
		}
		folded := map[string]bool{}
		for i := range m.Files {
			file := &m.Files[i]
			if m.Find(file.Path) != file {
				t.Fatalf("cannot find %q", file.Path)
			}
			checkLocal(t, file)
			key := strings.ToLower(file.Path)
			if m.Control.FileNames == "" && folded[key] {
				t.Fatalf("%q stands twice where capitals do not count", file.Path)
			}
			folded[key] = true
			if dir := m.Find(filepath.ToSlash(filepath.Dir(file.Path))); dir != nil && dir.Type != Directory {
				t.Fatalf("%q lies below a %s", file.Path, dir.Type)
			}
		}
	})
}

// checkLocal holds a file and its link to the tree that it is in.
func checkLocal(t *testing.T, f *File) {
	top, rest, _ := strings.Cut(f.Path, "/")
	if !filepath.IsLocal(f.Path) || f.Path != ActionsPath && (rest == "" || top != "root" && top != "payload") {
		t.Fatalf("%q is no place for a file", f.Path)
	}
	if f.Type != Symlink || strings.HasPrefix(f.Link, "/") {
		return
	}
	depth := strings.Count(rest, "/") // directories between the link and its tree
	for part := range strings.SplitSeq(f.Link, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
	}
	if depth < 0 {
		t.Fatalf("%q leads to %q, outside of its tree", f.Path, f.Link)
	}
}

// FuzzPath holds that a path that a package may have is one that the standard
// library takes for local, that a portable one is a posix one, and that names
// which differ only by capitals fold to one.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"root/usr/bin/tool", "root/..", "root//a", "a/./b", "root/con.txt", "root/COM¹", "root/a:b", "c:/x", "root/é", "root/e\u0301", "root/x. ", `root\x`, "root/İı"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if checkPath(path, posix) != nil {
			if checkPath(path, portable) == nil {
				t.Fatalf("%q is portable, but not posix", path)
			}
			return
		}
		if !fs.ValidPath(path) || !filepath.IsLocal(filepath.FromSlash(path)) || path == "." {
			t.Fatalf("%q is accepted, but not local", path)
		}
		if again := foldCase(foldCase(path)); again != foldCase(path) {
			t.Fatalf("%q folds to %q, and that to %q", path, foldCase(path), again)
		}
		if foldCase(strings.ToUpper(path)) != foldCase(path) && isASCII(path) {
			t.Fatalf("%q and its capitals fold to different names", path)
		}
		if checkPath(path, portable) != nil {
			return
		}
		for name := range strings.SplitSeq(path, "/") {
			if strings.ContainsAny(name, `<>:"|?*\`) || strings.TrimRight(name, ". ") != name || reservedName(strings.ToUpper(name)) {
				t.Fatalf("component %q is portable", name)
			}
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// framed is a package of the files whose only frame decompresses to raw: what
// a hostile packager can sign.
func framed(t testing.TB, files []File, raw []byte) *Package {
	t.Helper()
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	frame := enc.EncodeAll(raw, nil)
	sum := sha256.Sum256(frame)
	m := &Manifest{Control: testControl(), Format: Format, Files: files,
		Frames: []Frame{{Raw: int64(len(raw)), Size: int64(len(frame)), SHA256: hex.EncodeToString(sum[:])}}}
	encoded, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeHead(&out, encoded, nil); err != nil {
		t.Fatal(err)
	}
	out.Write(frame)
	p, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		return nil
	}
	return p
}

// at is a file of five bytes whose content lies at the offset of raw.
func at(path string, raw []byte, offset int64) File {
	sum := sha256.Sum256(raw[offset : offset+5])
	return File{Path: path, Type: Regular, Mode: 0o644, Size: 5, Offset: offset, SHA256: hex.EncodeToString(sum[:])}
}

// twoFiles is a tar stream of root/a and root/b.
func twoFiles(t testing.TB, edit func(*tar.Header)) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range []string{"root/a", "root/b"} {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 5, Format: tar.FormatPAX}
		edit(h)
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte(name[5:]), int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestTarSaysOtherwise: what stock tools would take out of the tar stream is
// what muster takes out, or the package is refused.
func TestTarSaysOtherwise(t *testing.T) {
	honest := twoFiles(t, func(*tar.Header) {})
	a, b := int64(bytes.Index(honest, []byte("aaaaa"))), int64(bytes.Index(honest, []byte("bbbbb")))
	if err := framed(t, []File{at("root/a", honest, a), at("root/b", honest, b)}, honest).CheckContent(); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*Package{
		"contents swapped": framed(t, []File{at("root/a", honest, b), at("root/b", honest, a)}, honest),
		"name swapped":     framed(t, []File{at("root/a", honest, a), at("root/c", honest, b)}, honest),
		"hidden attribute": withTar(t, func(h *tar.Header) { h.PAXRecords = map[string]string{xattrRecord + Capability: "x"} }),
		"mode of 33 bits":  withTar(t, func(h *tar.Header) { h.Mode |= 1 << 32; h.Format = tar.FormatGNU }),
		"link to the next": withTar(t, func(h *tar.Header) {
			if h.Name == "root/a" {
				h.Typeflag, h.Linkname, h.Size = tar.TypeLink, "root/b", 0
			}
		}),
	} {
		if err := p.CheckContent(); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withTar is a package of two equal files in an edited tar stream.
func withTar(t *testing.T, edit func(*tar.Header)) *Package {
	raw := twoFiles(t, edit)
	b := int64(bytes.Index(raw, []byte("bbbbb")))
	return framed(t, []File{at("root/a", raw, b), at("root/b", raw, b)}, raw)
}

// FuzzTar changes the tar stream below an honest manifest, and where that looks
// for contents: what passes gives the same files to stock tools.
func FuzzTar(f *testing.F) {
	honest := twoFiles(f, func(*tar.Header) {})
	a, b := bytes.Index(honest, []byte("aaaaa")), bytes.Index(honest, []byte("bbbbb"))
	f.Add(honest, uint16(a), uint16(b))
	f.Add(honest, uint16(b), uint16(a))
	f.Add(twoFiles(f, func(h *tar.Header) { h.PAXRecords = map[string]string{xattrRecord + "user.x": "y"} }), uint16(a), uint16(b))
	f.Add(twoFiles(f, func(h *tar.Header) { h.Name = strings.Repeat("long/", 40) + h.Name }), uint16(a), uint16(b))
	f.Fuzz(func(t *testing.T, raw []byte, a, b uint16) {
		if int(a)+5 > len(raw) || int(b)+5 > len(raw) || len(raw) > 1<<16 {
			return
		}
		files := []File{at("root/a", raw, int64(a)), at("root/b", raw, int64(b))}
		p := framed(t, files, raw)
		if p == nil || p.CheckContent() != nil {
			return
		}
		if got := listTar(t, raw); !slices.Equal(got, []string{"root/a " + string(raw[a:a+5]), "root/b " + string(raw[b:b+5])}) {
			t.Fatalf("tar sees %q", got)
		}
	})
}

// listTar lists the names and contents of a stream of files and links.
func listTar(t *testing.T, raw []byte) (all []string) {
	contents := map[string]string{}
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		contents[h.Name] = string(data)
		if h.Typeflag == tar.TypeLink {
			contents[h.Name] = contents[h.Linkname]
		}
		all = append(all, h.Name+" "+contents[h.Name])
	}
}
