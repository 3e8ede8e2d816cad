package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/glpi"
)

const someHost = "9b2e4a1c-0d3f-4f5a-8b6c-7d8e9fa0b1c2"

// write cuts what is written anywhere.
func writeParts(w *inventoryFolder, data []byte, size int) error {
	for len(data) > 0 {
		n := min(size, len(data))
		if _, err := w.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return w.end()
}

func TestInventoryFolder(t *testing.T) {
	first, second := `{"deviceid":"`+someHost+`"}`+"\n", `{"deviceid":"`+strings.Replace(someHost, "9b", "00", 1)+`","x":1}`+"\n"
	for _, size := range []int{1, 7, 1000} {
		dir := t.TempDir()
		w := &inventoryFolder{dir: dir}
		if err := writeParts(w, []byte(first+second), size); err != nil || w.files != 2 {
			t.Fatal(w.files, err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, someHost+".json")); err != nil || string(data) != first {
			t.Errorf("%s (%v)", data, err)
		}
	}
	for text, want := range map[string]muster.ErrorKind{
		`{"deviceid":"../../etc/passwd"}` + "\n": muster.Invalid, "{}\n": muster.Invalid, "\n": muster.Invalid, "<html>\n": muster.Invalid,
		`{"deviceid":"` + someHost + `"}`: muster.Unavailable, strings.Repeat("x", glpi.MaxInventory+1): muster.Invalid,
	} {
		if err := writeParts(&inventoryFolder{dir: t.TempDir()}, []byte(text), 1<<20); muster.KindOf(err) != want {
			t.Errorf("%.40q: %v, not %s", text, err, want)
		}
	}
}

// Whatever a server sends, there are files of hosts in the folder and no others, and
// they have the lines that were sent.
func FuzzInventoryFolder(f *testing.F) {
	f.Add([]byte(`{"deviceid":"`+someHost+`"}`+"\n"), 3)
	f.Add([]byte(`{"deviceid":"../x"}`+"\n"+`{"DeviceID":"`+someHost+`"}`+"\n"), 100)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		dir := filepath.Join(t.TempDir(), "in", "here")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		writeParts(&inventoryFolder{dir: dir}, data, max(size, 1)) //nolint:errcheck // whether it fails or not
		for _, up := range []string{"../..", ".."} {
			if all, err := os.ReadDir(filepath.Join(dir, up)); err != nil || len(all) != 1 {
				t.Fatalf("%v (%v)", all, err)
			}
		}
		all, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			got, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil || !hostUUID.MatchString(strings.TrimSuffix(e.Name(), ".json")) || !bytes.Contains(append([]byte("\n"), data...), append([]byte("\n"), got...)) {
				t.Fatalf("%s has %q (%v)", e.Name(), got, err)
			}
		}
	})
}
