package archive

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
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

// linkTar is an archive of links that lead out, and of a file behind one.
func linkTar() []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []tar.Header{
		{Name: "up", Typeflag: tar.TypeSymlink, Linkname: ".."},
		{Name: "up/file", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "hard", Typeflag: tar.TypeLink, Linkname: "../file"},
		{Name: "dev", Typeflag: tar.TypeChar},
		{Name: "deep/" + string(bytes.Repeat([]byte("d/"), 150)) + "x", Typeflag: tar.TypeReg, Mode: 0o4755},
	} {
		w.WriteHeader(&h)
	}
	w.Close()
	return buf.Bytes()
}

// manyLinks is a cpio archive, as in an RPM package, of so many names of one
// file whose content never comes.
func manyLinks(n int) []byte {
	lead := make([]byte, leadSize)
	copy(lead, rpmMagic+"\x03")
	empty := []byte(headerMagic + "\x00\x00\x00\x00\x00\x00\x00\x00")
	one := []byte("07070100000001000081a40000000000000000ffffffff0000000000000000000000000000000000000000000000000000000200000000x\x00")
	for len(one)%4 != 0 {
		one = append(one, 0)
	}
	return slices.Concat(lead, empty, empty, bytes.Repeat(one, n))
}

// longNames is an RPM package of so many files in one directory with a name of
// so many bytes.
func longNames(files, dir int) []byte {
	data := append(bytes.Repeat([]byte("d"), dir), 0)
	names := len(data)
	data = append(data, bytes.Repeat([]byte{'x', 0}, files)...)
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	indexes := len(data)
	data = append(data, make([]byte, 4*files)...)
	entry := func(tag, kind, offset, count int) (b []byte) {
		for _, n := range []int{tag, kind, offset, count} {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	header := []byte(headerMagic[:8])
	header = binary.BigEndian.AppendUint32(header, 3)
	header = binary.BigEndian.AppendUint32(header, uint32(len(data)))
	lead := make([]byte, leadSize)
	copy(lead, rpmMagic+"\x03")
	return slices.Concat(lead, []byte(headerMagic+"\x00\x00\x00\x00\x00\x00\x00\x00"), header,
		entry(tagDirNames, 8, 0, 1), entry(tagBaseNames, 8, names, files), entry(tagDirIndexes, 4, indexes, files), data)
}

// TestBounds: what grows with an archive's claims is refused.
func TestBounds(t *testing.T) {
	for name, data := range map[string][]byte{"links": manyLinks(maxWaiting + 2), "names": longNames(100_000, 1000)} {
		file := filepath.Join(t.TempDir(), "x.rpm")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Names(t.Context(), file, 10); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzUnpack holds that no archive writes outside of its folder, and that no
// file has more than the archive could hold.
func FuzzUnpack(f *testing.F) {
	f.Add(smallTar("a/b", "hello"))
	f.Add(linkTar())
	f.Add(manyLinks(3))
	f.Add(longNames(3, 10))
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
		if after, err := os.ReadFile(file); len(left) != 2 || err != nil || !bytes.Equal(after, data) {
			t.Errorf("outside lies %v, and the archive has %d bytes, %v", left, len(after), err)
		}
		if err != nil && muster.KindOf(err) == "" {
			t.Errorf("an error of no kind: %v", err)
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

// FuzzCapability holds that each capability of a value was named, each name is
// one of them, and that the value, spelled out, reads as the same.
func FuzzCapability(f *testing.F) {
	f.Add("cap_net_raw,cap_net_admin+ep")
	f.Add("CAP_CHOWN=i checkpoint_restore+ip")
	f.Add("cap_setfcap+p cap_setuid+ep")
	f.Add("=ep")
	f.Fuzz(func(t *testing.T, text string) {
		value, err := Capability(text)
		if err != nil {
			return
		}
		if len(value) != 20 {
			t.Fatalf("%q has %d bytes", text, len(value))
		}
		words := make([]uint64, 5)
		for i := range words {
			words[i] = uint64(binary.LittleEndian.Uint32(value[4*i:]))
		}
		sets := map[string]uint64{"p": words[1] | words[3]<<32, "i": words[2] | words[4]<<32}
		var clauses []string
		for i, name := range capabilities {
			flags := ""
			for flag, set := range sets {
				if set>>i&1 == 1 {
					flags += flag
				}
			}
			if flags == "" {
				continue
			}
			if !strings.Contains(strings.ToLower(text), name) {
				t.Fatalf("%q has %s", text, name)
			}
			if words[0]&1 == 1 {
				flags += "e"
			}
			clauses = append(clauses, name+"+"+flags)
		}
		if sets["p"]>>len(capabilities) != 0 || sets["i"]>>len(capabilities) != 0 {
			t.Fatalf("%q has capabilities without names: %x", text, sets)
		}
		if len(clauses) == 0 {
			return // effective alone
		}
		again, err := Capability(strings.Join(clauses, " "))
		if err != nil || !bytes.Equal(again, value) {
			t.Fatalf("%q is %x, spelled out as %q %x, %v", text, value, clauses, again, err)
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
