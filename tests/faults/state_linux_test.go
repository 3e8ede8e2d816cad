package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/testneed"
)

// A damage is what happens to a file.
type damage struct {
	name string
	do   func([]byte) []byte
}

var damages = []damage{
	{"emptied", func([]byte) []byte { return nil }},
	{"cut", func(b []byte) []byte { return b[:len(b)/2] }},
	{"zeroed", func(b []byte) []byte { return make([]byte, len(b)) }},
	{"flipped", func(b []byte) []byte { return flip(b, len(b)/3) }},
	{"flipped at the end", func(b []byte) []byte { return flip(b, len(b)-2) }},
}

func flip(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	if at >= 0 && at < len(b) {
		b[at] ^= 4
	}
	return b
}

// TestCase28DamagedState damages every file of the state, one at a time, and
// does all one does with a root: each command works, or fails with a message
// that names the file or what is in it. None crashes, and none leaves a root
// that check then finds good though a package is not what was signed. Each day a damage
// is done to every third file, and each file has some.
func TestCase28DamagedState(t *testing.T) {
	needSite(t)
	s := scenario{name: "damaged", before: []string{"install tool=1"}, do: "upgrade"}
	files := stateFiles(newHost(t, s, "list"))
	if len(files) < 8 {
		t.Fatalf("the state has only the files %v", files)
	}
	for i, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			step := testneed.Every(3)
			for n := i % step; n < len(files); n += step {
				h := newHost(t, s, strings.ReplaceAll(d.name, " ", "-"))
				h.damaged(s, files[n], d)
			}
		})
	}
}

// stateFiles lists the files of the state but the lock.
func stateFiles(h *host) (all []string) {
	h.Helper()
	err := filepath.WalkDir(h.state(), func(name string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && e.Name() != "lock" {
			rel, _ := filepath.Rel(h.state(), name)
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return all
}

func (h *host) damaged(s scenario, file string, d damage) {
	h.Helper()
	old, err := os.ReadFile(h.state(file))
	if err != nil {
		h.Fatal(err)
	}
	changed := d.do(old)
	if string(changed) == string(old) {
		return
	}
	if err := os.WriteFile(h.state(file), changed, 0o644); err != nil {
		h.Fatal(err)
	}
	what := fmt.Sprintf("%s %s", file, d.name)
	for _, line := range []string{"list", "history", "check", "update", s.do} {
		h.tellsOf(what, file, line, h.run(line))
	}
	h.mends(s, what, file, old)
}

// tellsOf checks a command on a damaged root.
func (h *host) tellsOf(what, file, line string, r result) {
	h.Helper()
	if strings.Contains(r.output, "goroutine ") || r.code < 0 {
		h.Errorf("%s: %s crashes:\n%s", what, line, r.output)
	}
	if r.code == 0 {
		return
	}
	// The file, the package or change whose record it is, or the authority whose
	// certificate it is.
	for _, name := range []string{filepath.Base(file), filepath.Base(filepath.Dir(file)), "tool", "change 1", "authority"} {
		if strings.Contains(r.output, name) {
			return
		}
	}
	h.Errorf("%s: %s does not name it: %s", what, line, r.output)
}

// mends puts the file back as it was, as from a backup, unless the commands
// went well without: then the root must be new and right.
func (h *host) mends(s scenario, what, file string, old []byte) {
	h.Helper()
	tm := s.template(h)
	if r := h.run("check"); r.code == 0 && h.snapshot() == tm.new {
		return
	}
	if err := os.WriteFile(h.state(file), old, 0o644); err != nil {
		h.Fatal(err)
	}
	h.must("update")
	h.must(s.do)
	if got := h.snapshot(); got != tm.new {
		h.Errorf("%s, and mended: %s", what, differences(got, tm.new))
	}
}
