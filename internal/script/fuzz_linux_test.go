package script

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzStat: whatever a program calls itself, its parent and its start are read
// (proc_pid_stat(5)); and a damaged file is none.
func FuzzStat(f *testing.F) {
	if own, err := os.ReadFile("/proc/self/stat"); err == nil {
		f.Add("x", own)
	}
	f.Add(") Z 1 1 (", []byte("1 (x) R"))
	f.Add("a b) (c", []byte(")"))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		file := filepath.Join(t.TempDir(), "stat")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, ok := readStat(file); ok && !strings.Contains(string(raw), fmt.Sprint(s.start)) {
			t.Errorf("%q starts at %d", raw, s.start)
		}
		text := "42 (" + name + ") S 7 " + strings.Repeat("0 ", 17) + "99 0 0\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, ok := readStat(file); !ok || s != (stat{pid: 42, parent: 7, start: 99}) {
			t.Errorf("%q is read as %+v, %t", text, s, ok)
		}
	})
}
