package archive

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// smallTar is an archive of one file.
func smallTar(name, text string) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644})
	w.Write([]byte(text))
	w.Close()
	return buf.Bytes()
}

// arMember writes one member of an ar archive.
func arMember(name string, data []byte) []byte {
	head := bytes.Repeat([]byte(" "), arHeader)
	copy(head, name)
	copy(head[48:], itoa(uint32(len(data))))
	copy(head[58:], "`\n")
	if out := slices.Concat(head, data); len(data)%2 == 0 {
		return out
	}
	return slices.Concat(head, data, []byte("\n"))
}

func smallDeb() []byte {
	return slices.Concat([]byte(arMagic), arMember("debian-binary", []byte("2.0\n")),
		arMember("control.tar", smallTar("./control", "Package: x\n")), arMember("data.tar", smallTar("./usr/x", "x")))
}

// smallRPM is a package of one file, uncompressed, with the least that a reader
// needs.
func smallRPM() []byte {
	lead := make([]byte, leadSize)
	copy(lead, rpmMagic+"\x03")
	empty := []byte(headerMagic + "\x00\x00\x00\x00\x00\x00\x00\x00")
	cpio := "07070100000001000081a40000000000000000000000010000000000000001000000000000000000000000000000000000000600000000./usr\x00x\x00\x00\x00" +
		"07070100000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000B00000000TRAILER!!!\x00\x00\x00\x00"
	return slices.Concat(lead, empty, empty, []byte(cpio))
}

// FuzzUnpack holds that no archive writes outside of its folder or makes more
// than it has: what comes out is bounded by the limits, and nothing panics.
func FuzzUnpack(f *testing.F) {
	f.Add(smallTar("a/b", "hello"))
	f.Add(smallDeb())
	f.Add(smallRPM())
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	for _, name := range []string{"gz", "xz", "lzma", "zst", "bz2", "zip"} {
		data, err := os.ReadFile(filepath.Join("testdata", "small."+name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		inner := filepath.Join(outer, "inner")
		file := filepath.Join(outer, "file")
		os.Mkdir(inner, 0o755)
		os.WriteFile(file, data, 0o600)
		root, err := os.OpenRoot(inner)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		metas, err := Unpack(t.Context(), file, root, Options{})
		left, _ := os.ReadDir(outer)
		if len(left) != 2 {
			t.Errorf("outside lies %v", left)
		}
		for _, m := range metas {
			if _, serr := root.Lstat(m.Path); err == nil && serr != nil {
				t.Errorf("meta of %q: %v", m.Path, serr)
			}
		}
	})
}

// FuzzMeta reads what packages say of themselves.
func FuzzMeta(f *testing.F) {
	f.Add(smallDeb())
	f.Add(smallRPM())
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := OpenDeb(bytes.NewReader(data)); err == nil && d.Control == nil {
			t.Error("a Debian package without control")
		}
		p, err := OpenRPM(bytes.NewReader(data))
		if err != nil {
			return
		}
		if len(p.owners) > len(data) || len(p.flags) > len(data) {
			t.Errorf("%d owners out of %d bytes", len(p.owners), len(data))
		}
	})
}

// FuzzConffiles holds that each line that comes out is a path of the text.
func FuzzConffiles(f *testing.F) {
	f.Add("/etc/a\nremove-on-upgrade /etc/b\n/etc/c d  \r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range parseConffiles(text) {
			if name[0] != '/' || !bytes.Contains([]byte(text), []byte(name)) {
				t.Errorf("%q", name)
			}
		}
	})
}
