package pkgfile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/internal/testneed"
)

func testControl() control.Control {
	return control.Control{Name: "tool", Version: "1.2-1", Kind: muster.Base, OS: []string{"linux"}, Architecture: []string{"amd64"}}
}

func dirEntry(path string) Entry { return Entry{File: File{Path: path, Type: Directory, Mode: 0o755}} }

func fileEntry(path, content string) Entry {
	return Entry{File: File{Path: path, Type: Regular, Mode: 0o644}, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func linkEntry(typ Type, path, target string) Entry {
	return Entry{File: File{Path: path, Type: typ, Link: target}}
}

// noise is content that does not compress, the same for the same seed.
func noise(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// testEntries hold every type of file, contents on both sides of every limit,
// and the same content twice.
func testEntries() []Entry {
	return []Entry{
		fileEntry(ActionsPath, "def install():\n    pass\n"),
		fileEntry("payload/setup.bin", noise(1, 300_000)),
		fileEntry("root/usr/bin/tool", noise(2, 3*MaxFrame+17)),
		fileEntry("root/usr/bin/small", "small"),
		fileEntry("root/usr/share/doc/tool/copy", noise(1, 300_000)),
		fileEntry("root/usr/share/doc/tool/empty", ""),
		fileEntry("root/usr/share/doc/tool/exact", noise(3, smallFrame)),
		linkEntry(Symlink, "root/usr/bin/alias", "tool"),
		linkEntry(Symlink, "root/usr/share/absolute", "/usr/bin/tool"),
		linkEntry(Hardlink, "root/usr/bin/tool-hard", "root/usr/bin/tool"),
		dirEntry("root/var/lib/tool"),
	}
}

func build(t testing.TB, spec Spec) *Draft {
	t.Helper()
	d, err := Build(spec, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func write(t testing.TB, d *Draft, signature []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := d.Write(&buf, signature); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func testSpec() Spec {
	return Spec{Control: testControl(), Actions: []string{"install"}, Date: time.Unix(1700000000, 0), Entries: testEntries()}
}

func TestRoundTrip(t *testing.T) {
	data := write(t, build(t, testSpec()), []byte("signature"))
	p, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if string(p.Signature) != "signature" {
		t.Errorf("signature = %q", p.Signature)
	}
	if err := p.CheckContent(); err != nil {
		t.Fatal(err)
	}
	for _, e := range testEntries() {
		if e.Type != Regular {
			continue
		}
		r, _ := e.Open()
		want, _ := io.ReadAll(r)
		got, err := p.ReadFile(e.Path, 1<<30)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; want %d", e.Path, len(got), err, len(want))
		}
	}
	if a, b := p.Manifest.Find("payload/setup.bin"), p.Manifest.Find("root/usr/share/doc/tool/copy"); a.Frame != b.Frame || a.Offset != b.Offset {
		t.Errorf("equal contents are stored twice: %+v, %+v", a, b)
	}
}

// TestReproducible holds that order of entries, folder and time do not matter.
func TestReproducible(t *testing.T) {
	first := write(t, build(t, testSpec()), nil)
	spec := testSpec()
	for i := range spec.Entries {
		j := len(spec.Entries) - 1 - i
		if i < j {
			spec.Entries[i], spec.Entries[j] = spec.Entries[j], spec.Entries[i]
		}
	}
	if second := write(t, build(t, spec), nil); !bytes.Equal(first, second) {
		t.Errorf("two builds differ: %d and %d bytes", len(first), len(second))
	}
}

// TestStockTools opens a package with zstd and tar, as the format promises.
func TestStockTools(t *testing.T) {
	testneed.Program(t, "zstd")
	testneed.Program(t, "tar")
	name := filepath.Join(t.TempDir(), "x.mpk")
	if err := os.WriteFile(name, write(t, build(t, testSpec()), []byte("signature")), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("set -e -o pipefail; zstd -dc '%s' | tar -t; zstd -dc '%s' | tar -x -C '%s'", name, name, dir)
	out, err := exec.Command("bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, e := range testEntries() {
		path := e.Path
		if e.Type == Directory {
			path += "/"
		}
		if !strings.Contains(string(out), path+"\n") {
			t.Errorf("tar -t does not list %q:\n%s", path, out)
		}
		if e.Type == Regular {
			r, _ := e.Open()
			want, _ := io.ReadAll(r)
			if got, err := os.ReadFile(filepath.Join(dir, e.Path)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("tar -x: %s: %d bytes, %v; want %d", e.Path, len(got), err, len(want))
			}
		}
	}
}

// TestTampered flips one bit at places all over a package: whatever it hits,
// opening or extracting must fail, or the signature must no longer fit.
func TestTampered(t *testing.T) {
	spec := testSpec()
	spec.Entries = append(spec.Entries[:2:2], spec.Entries[3:9]...)
	spec.Entries = append(spec.Entries, fileEntry("root/usr/bin/tool", noise(2, 5000)))
	data := write(t, build(t, spec), nil)
	whole, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += max(1, len(data)/150) {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		p, err := Open(bytes.NewReader(bad), int64(len(bad)))
		if err != nil || !bytes.Equal(p.Encoded, whole.Encoded) {
			continue
		}
		if err := p.CheckContent(); err == nil {
			t.Errorf("a flipped bit at byte %d of %d goes unnoticed", i, len(data))
		}
	}
	for _, n := range []int{0, 1, 7, 8, 100, len(data) - 1} {
		if _, err := Open(bytes.NewReader(data[:n]), int64(n)); err == nil {
			t.Errorf("the first %d bytes open as a package", n)
		}
	}
	if _, err := Open(bytes.NewReader(append(bytes.Clone(data), 0)), int64(len(data)+1)); err == nil {
		t.Error("a byte behind the last frame goes unnoticed")
	}
}

// TestMixed holds that frames of another package are refused before they are
// decompressed.
func TestMixed(t *testing.T) {
	spec := testSpec()
	spec.Entries[2] = fileEntry("root/usr/bin/tool", noise(9, 3*MaxFrame+17))
	other := build(t, spec)
	d := build(t, testSpec())
	d.frames, other.frames = other.frames, d.frames
	data := write(t, d, nil)
	p, err := Open(bytes.NewReader(data), int64(len(data)))
	if err == nil {
		err = p.CheckContent()
	}
	if err == nil {
		t.Error("frames of another package pass")
	}
}

// TestPosixNames: a package of Linux alone may say that its names are for
// systems that tell capitals apart.
func TestPosixNames(t *testing.T) {
	spec := testSpec()
	spec.Actions = nil
	spec.Entries = []Entry{fileEntry("root/xt_MARK.h", "x"), fileEntry("root/xt_mark.h", "y"), fileEntry("root/Pod::Man.3pm", "z")}
	spec.Control.FileNames = "posix"
	build(t, spec)
	spec.Control.OS = []string{"linux", "windows"}
	if _, err := Build(spec, t.TempDir()); err == nil {
		t.Error("posix names pass in a package for windows")
	}
}

// TestBomb gives a frame that decompresses to more than the manifest says.
func TestBomb(t *testing.T) {
	spec := testSpec()
	spec.Entries = []Entry{fileEntry("root/zeros", strings.Repeat("\x00", 2<<20))}
	spec.Actions = nil
	d := build(t, spec)
	d.Manifest.Frames[0].Raw--
	d.Encoded, _ = d.Manifest.Encode()
	data := write(t, d, nil)
	p, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := Extract(context.Background(), 1, toNowhere(p)); err == nil {
		t.Error("a frame larger than announced passes")
	}
}

// toNowhere extracts everything.
func toNowhere(p *Package) Job {
	return Job{Package: p, Contents: true, Want: func(*File) bool { return true },
		Create: func(*File) (io.WriteCloser, error) { return discard{}, nil }}
}

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "root/a"), 0o755)
	os.WriteFile(filepath.Join(dir, "root/a/x"), []byte("content"), 0o755)
	os.WriteFile(filepath.Join(dir, "ignored"), nil, 0o644)
	os.Symlink("a/x", filepath.Join(dir, "root/link"))
	os.Link(filepath.Join(dir, "root/a/x"), filepath.Join(dir, "root/a-hard"))
	entries, err := Walk(dir)
	if err != nil {
		t.Fatal(err)
	}
	spec := testSpec()
	spec.Actions, spec.Entries = nil, entries
	m := build(t, spec).Manifest
	if f := m.Find("root/a/x"); f == nil || f.Type != Hardlink || f.Link != "root/a-hard" {
		t.Errorf("root/a/x = %+v, want a hardlink to root/a-hard, which sorts before it", f)
	}
	if f := m.Find("root/a-hard"); f == nil || f.Mode != 0o755 || f.Size != 7 {
		t.Errorf("root/a-hard = %+v", f)
	}
	if len(m.Files) != 4 {
		t.Errorf("%d files, want 4", len(m.Files))
	}
}

func BenchmarkExtract(b *testing.B) {
	spec := Spec{Control: testControl(), Date: time.Unix(0, 0)}
	for i := range 64 {
		spec.Entries = append(spec.Entries, fileEntry(fmt.Sprintf("root/f%d", i), strings.Repeat(noise(uint64(i), 1000), 500)))
	}
	data := write(b, build(b, spec), nil)
	p, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(64 * 500_000)
	for b.Loop() {
		if err := Extract(b.Context(), 2, toNowhere(p)); err != nil {
			b.Fatal(err)
		}
	}
}
