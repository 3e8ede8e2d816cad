package collect

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"muster"
)

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// rpmHeaders are the headers of the captured database, which rpm 4.18 wrote.
func rpmHeaders(t testing.TB) (all [][]byte) {
	t.Helper()
	files := one("rpmdb.sqlite", unzip(t, "rpmdb.sqlite.gz"))
	err := eachSQLiteHeader(files, "rpmdb.sqlite", func() { all = nil }, func(h []byte) error {
		all = append(all, append([]byte(nil), h...))
		return nil
	})
	if err != nil || len(all) != 2 {
		t.Fatalf("%d headers, %v", len(all), err)
	}
	return all
}

// ndb lays headers out as rpm's ndb does: Debian's rpm cannot write one.
func ndb(headers [][]byte) []byte {
	le := binary.LittleEndian
	data := make([]byte, 4096)
	copy(data, "RpmP")
	le.PutUint32(data[12:], 1)
	for at := 32; at < 4096; at += 16 {
		copy(data[at:], "Slot")
	}
	for i, h := range headers {
		slot := data[48+32*i:] // a free slot before each
		le.PutUint32(slot[4:], uint32(i+1))
		le.PutUint32(slot[8:], uint32(len(data)/16))
		blob := append([]byte("BlbS"), make([]byte, 12)...)
		le.PutUint32(blob[4:], uint32(i+1))
		le.PutUint32(blob[12:], uint32(len(h)))
		blob = append(blob, h...)
		blob = append(blob, make([]byte, 31-(len(blob)+15)%16)...)
		le.PutUint32(slot[12:], uint32(len(blob)/16))
		data = append(data, blob...)
	}
	return data
}

// signature is the head of an OpenPGP signature packet by the key
// 0123456789abcdef, with the given subpackets unhashed.
func signature(version byte, unhashed ...byte) []byte {
	body := []byte{version, 0, 1, 8, 0, 0, 0, byte(len(unhashed))}
	if version == 3 {
		body = []byte{3, 5, 0, 1, 2, 3, 4, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 8}
	}
	body = append(body, unhashed...)
	return append([]byte{0x88, byte(len(body))}, body...)
}

func TestSigner(t *testing.T) {
	id := []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}
	print := append(append([]byte{22, 33, 4}, make([]byte, 12)...), id...)
	for name, sig := range map[string][]byte{
		"version 3":   signature(3),
		"issuer":      signature(4, append([]byte{9, 16}, id...)...),
		"fingerprint": signature(4, print...),
		"behind time": signature(4, append([]byte{5, 2, 1, 2, 3, 4, 9, 16}, id...)...),
	} {
		if got := pgpKeyID(sig); got != "0123456789abcdef" {
			t.Errorf("%s: %q", name, got)
		}
		for n := range sig {
			pgpKeyID(sig[:n])
		}
	}
	if got := pgpKeyID([]byte("-----BEGIN PGP")); got != "" {
		t.Errorf("text has the key %q", got)
	}
}

// TestSource takes names of source packages apart.
func TestSource(t *testing.T) {
	for file, want := range map[string][2]string{
		"bash-5.1.8-9.el9.src.rpm":                   {"bash", "5.1.8-9.el9"},
		"java-17-openjdk-17.0.13.0.11-4.el9.src.rpm": {"java-17-openjdk", "17.0.13.0.11-4.el9"},
		"fonts-1-1.nosrc.rpm":                        {"fonts", "1-1"},
		"(none)":                                     {}, "": {}, "x.src.rpm": {}, "x-1.src.rpm": {}, "x-1-1.rpm": {},
	} {
		if name, version := rpmSource(file); name != want[0] || version != want[1] {
			t.Errorf("%s: %q, %q", file, name, version)
		}
	}
	for field, want := range map[string][2]string{
		"glibc": {"glibc", ""}, "bash (5.2.15-2)": {"bash", "5.2.15-2"}, "": {}, "gcc-12 (12.2.0-14)": {"gcc-12", "12.2.0-14"},
	} {
		if name, version := dpkgSource(field); name != want[0] || version != want[1] {
			t.Errorf("%s: %q, %q", field, name, version)
		}
	}
}

// TestOverlap holds that slots which all lead to one header are refused.
func TestOverlap(t *testing.T) {
	data := ndb(rpmHeaders(t)[1:])
	for at := 64; at < 4096; at += 16 {
		copy(data[at:], data[48:64])
	}
	n := 0
	err := parseNDB(data, func([]byte) error { n++; return nil })
	if muster.KindOf(err) != muster.Invalid || n > 3 {
		t.Errorf("%d headers, %v", n, err)
	}
}
