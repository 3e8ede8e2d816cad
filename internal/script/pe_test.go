package script

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"muster/internal/testneed"
)

// versionInfo makes a VS_VERSIONINFO with numbers and texts.
func versionInfo(fixed bool, texts [][2]string) []byte {
	var strings [][]byte
	for _, kv := range texts {
		value := utf16z16(kv[1])
		strings = append(strings, versionNode(kv[0], 1, len(value)/2, value))
	}
	table := versionNode("040904b0", 1, 0, nil, strings...)
	var value []byte
	if fixed {
		value = make([]byte, 52)
		for i, n := range []uint32{0xfeef04bd, 0x10000, 1<<16 | 2, 3<<16 | 4, 5<<16 | 6, 7<<16 | 8} {
			binary.LittleEndian.PutUint32(value[4*i:], n)
		}
	}
	return versionNode("VS_VERSION_INFO", 0, len(value), value, versionNode("StringFileInfo", 1, 0, nil, table))
}

func utf16z16(s string) []byte {
	var b bytes.Buffer
	put(&b, append(utf16.Encode([]rune(s)), 0))
	return b.Bytes()
}

func versionNode(name string, kind, length int, value []byte, inside ...[]byte) []byte {
	var b bytes.Buffer
	put(&b, uint16(0), uint16(length), uint16(kind))
	b.Write(utf16z16(name))
	pad := func() {
		for b.Len()%4 != 0 {
			b.WriteByte(0)
		}
	}
	pad()
	b.Write(value)
	for _, child := range inside {
		pad()
		b.Write(child)
	}
	out := b.Bytes()
	binary.LittleEndian.PutUint16(out, uint16(len(out)))
	return out
}

// program makes the smallest PE file with a version resource.
func program(info []byte) []byte {
	b := make([]byte, 0x400)
	le := binary.LittleEndian
	copy(b, "MZ")
	le.PutUint32(b[0x3c:], 0x40)
	copy(b[0x40:], "PE\x00\x00")
	le.PutUint16(b[0x46:], 1)      // sections
	le.PutUint16(b[0x54:], 240)    // size of the optional header
	le.PutUint16(b[0x58:], 0x20b)  // PE32+
	le.PutUint32(b[0x58+108:], 16) // directories
	le.PutUint32(b[0x58+112+16:], 0x1000)
	section := b[0x58+240:]
	copy(section, ".rsrc")
	le.PutUint32(section[12:], 0x1000)
	le.PutUint32(section[16:], uint32(0x200+len(info)))
	le.PutUint32(section[20:], 0x200)
	rsrc := b[0x200:]
	for level, at := range []int{0, 0x20, 0x40} {
		le.PutUint16(rsrc[at+14:], 1)
		id, next := uint32(16), uint32(1<<31|0x20)
		if level == 1 {
			id, next = 1, 1<<31|0x40
		} else if level == 2 {
			id, next = 1033, 0x60
		}
		le.PutUint32(rsrc[at+16:], id)
		le.PutUint32(rsrc[at+20:], next)
	}
	le.PutUint32(rsrc[0x60:], 0x1000+0x200)
	le.PutUint32(rsrc[0x64:], uint32(len(info)))
	return append(b, info...)
}

func TestProgramVersion(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		info []byte
		want map[string]string
	}{
		"texts.exe":   {versionInfo(true, [][2]string{{"FileVersion", "1.2.3 beta"}, {"ProductName", "Tööl"}}), map[string]string{"FileVersion": "1.2.3 beta", "ProductVersion": "5.6.7.8", "ProductName": "Tööl"}},
		"numbers.exe": {versionInfo(true, nil), map[string]string{"FileVersion": "1.2.3.4", "ProductVersion": "5.6.7.8"}},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, program(c.info), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := peFile(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for k, v := range c.want {
			if got[k] != v {
				t.Errorf("%s: %s is %q, want %q", name, k, got[k], v)
			}
		}
	}
	for _, bad := range [][]byte{nil, []byte("MZ"), []byte("\x7fELF"), program(nil), program(versionInfo(true, nil))[:0x380]} {
		file := filepath.Join(dir, "bad")
		if err := os.WriteFile(file, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := peFile(file); err == nil {
			t.Errorf("%d bytes: got %v", len(bad), got)
		}
	}
}

// TestRealPrograms reads the libraries of Wine, which have true resources.
func TestRealPrograms(t *testing.T) {
	files, _ := filepath.Glob("/usr/lib/*/wine/x86_64-windows/*.dll")
	if len(files) == 0 {
		testneed.Missing(t, "Wine's libraries")
	}
	read := 0
	for _, file := range files {
		got, err := peFile(file)
		switch {
		case err == nil && got["FileVersion"] != "":
			read++
		case !errors.Is(err, errNoVersion):
			t.Errorf("%s: %v, %v", file, got, err)
		}
		if filepath.Base(file) == "kernel32.dll" && got["ProductName"] != "Wine" { // among 30 languages
			t.Errorf("kernel32 is %q", got["ProductName"])
		}
	}
	if read < 100 {
		t.Errorf("read %d of %d", read, len(files))
	}
}

// FuzzProgram: no file makes the reader fail hard or take much memory, and
// what it reads is stable.
func FuzzProgram(f *testing.F) {
	f.Add(program(versionInfo(true, [][2]string{{"FileVersion", "1.2"}})))
	f.Add(program(versionInfo(false, nil))[:0x300])
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := versionResource(bytes.NewReader(data))
		if err != nil {
			return
		}
		if len(info) > len(data) {
			t.Errorf("%d bytes out of %d", len(info), len(data))
		}
		fields, err := parseVersionInfo(info)
		if err != nil {
			return
		}
		for key, value := range fields {
			if len(key)+len(value) > 3*len(info)+40 { // UTF-16 grows in UTF-8
				t.Errorf("%q has %d bytes out of %d", key, len(value), len(info))
			}
		}
	})
}

// FuzzVersionInfo: texts written into a resource are read from it.
func FuzzVersionInfo(f *testing.F) {
	f.Add("FileVersion", "1.2.3", []byte{8, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, key, value string, raw []byte) {
		_, _ = parseVersionInfo(raw)
		key = string(utf16.Decode(utf16.Encode([]rune(key))))
		value = string(utf16.Decode(utf16.Encode([]rune(value))))
		if key == "" || value == "" || len(key)+len(value) > 1000 || bytes.ContainsRune([]byte(key+value), 0) {
			return
		}
		got, err := parseVersionInfo(versionInfo(false, [][2]string{{key, value}}))
		if err != nil || got[key] != value {
			t.Errorf("%q = %q: got %q, %v", key, value, got, err)
		}
	})
}
