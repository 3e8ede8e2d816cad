package collect

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/inventory"
)

// BenchmarkCollect is what a whole inventory of this machine takes, with its
// hashes.
func BenchmarkCollect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		r, err := Collect(context.Background(), Options{Root: "/", Now: time.Unix(1, 0)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Document.Hashes(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCat reads the same files with cat(1), in one process: what no
// collector can do without.
func BenchmarkCat(b *testing.B) {
	cat := testneed.Program(b, "cat")
	files := readFiles(b)
	b.ResetTimer()
	for b.Loop() {
		cmd := exec.Command(cat, files...)
		cmd.Dir, cmd.Stdout = "/", io.Discard
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(files)), "files")
}

// readFiles lists what Collect opens and reads of this machine.
func readFiles(b *testing.B) []string {
	spy := &spyFS{FS: os.DirFS("/"), opened: map[string]bool{}}
	h := &host{files: spy, live: true, close: func() {}}
	r := &Report{Document: inventory.New(), Volatile: &inventory.Volatile{}}
	for _, s := range sections {
		r.note(s.name, s.read(h, r))
	}
	var all []string
	for name := range spy.opened {
		f, err := os.Open("/" + name)
		if err != nil {
			continue
		}
		// Some of /sys refuse to be read: no speed of a virtual interface.
		if _, err := io.Copy(io.Discard, f); err == nil {
			all = append(all, name)
		}
		f.Close()
	}
	return all
}

// A spyFS notes what is opened.
type spyFS struct {
	fs.FS
	opened map[string]bool
}

func (s *spyFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err == nil {
		s.opened[name] = true
	}
	return f, err
}
