package script

import (
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/testneed"
)

// realMsi makes an .msi file with the program msibuild, of msitools.
func realMsi(t testing.TB) string {
	t.Helper()
	msibuild := testneed.Program(t, "msibuild")
	dir := t.TempDir()
	table := "Property\tValue\r\ns72\tl0\r\nProperty\tProperty\r\n" +
		"ProductCode\t{12345678-ABCD-4321-9876-0123456789AB}\r\nProductName\tLe petit outil\r\n" +
		"ProductVersion\t2.5.1\r\nLong\t" + strings.Repeat("x", 70_000) + "\r\n"
	if err := os.WriteFile(filepath.Join(dir, "Property.idt"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tool.msi")
	out, err := exec.Command(msibuild, file, "-i", filepath.Join(dir, "Property.idt")).CombinedOutput()
	if err != nil {
		t.Fatalf("msibuild: %v\n%s", err, out)
	}
	return file
}

func TestMsi(t *testing.T) {
	got, err := readMsi(realMsi(t))
	if err != nil {
		t.Fatal(err)
	}
	if got["ProductCode"] != "{12345678-ABCD-4321-9876-0123456789AB}" || got["ProductVersion"] != "2.5.1" || got["ProductName"] != "Le petit outil" {
		t.Errorf("got %.200v", got)
	}
	if len(got["Long"]) != 70_000 {
		t.Errorf("a long text has %d bytes", len(got["Long"]))
	}
}

func TestNoMsi(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.msi")
	for _, text := range []string{"", "PK", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600)} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := readMsi(file); err == nil {
			t.Errorf("%d bytes: got %v", len(text), got)
		}
	}
}

// FuzzMsiTables: pool, data and table are foreign; what is read never holds
// more than was in the data.
func FuzzMsiTables(f *testing.F) {
	pool := binary.LittleEndian.AppendUint32(nil, 1252)
	pool = append(pool, 4, 0, 1, 0, 3, 0, 1, 0)
	f.Add(pool, []byte("Nameabc"), []byte{1, 0, 2, 0})
	f.Add([]byte{0, 0, 0, 0x80, 0, 0, 1, 0, 2, 0, 0, 0}, []byte("xy"), []byte{1, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, pool, data, table []byte) {
		texts, wide, err := msiStrings(pool, data)
		if err != nil {
			return
		}
		total := 0
		for _, s := range texts {
			total += len(s)
		}
		if total > 3*len(data) { // Windows-1252 grows in UTF-8
			t.Errorf("%d bytes of text out of %d", total, len(data))
		}
		fields, err := msiPairs(table, texts, wide)
		if err == nil && len(fields) > len(table)/4 {
			t.Errorf("%d fields out of %d bytes", len(fields), len(table))
		}
	})
}

// FuzzMsi reads whole files, the same each time; no text is larger than the
// file could hold.
func FuzzMsi(f *testing.F) {
	f.Add([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
	if _, err := exec.LookPath("msibuild"); err == nil {
		if seed, err := os.ReadFile(realMsi(f)); err == nil {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fields, err := msiTable(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := msiTable(bytes.NewReader(data))
		if err != nil || !maps.Equal(fields, again) {
			t.Errorf("%d fields, then %d, %v", len(fields), len(again), err)
		}
		for key, value := range fields { // one text may be the value of many keys
			if len(key)+len(value) > 6*len(data) {
				t.Errorf("%d bytes out of %d", len(key)+len(value), len(data))
			}
		}
	})
}
