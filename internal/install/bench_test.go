package install

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/control"
	"muster/internal/durable"
	"muster/pkgfile"
)

var (
	benchPackages = flag.String("packages", "", "folder of package files for BenchmarkInstall; default: made ones")
	benchDir      = flag.String("dir", "", "folder on the disk to install to; default: the temporary folder")
	benchKeep     = flag.Bool("keep", false, "keep what was installed: for minutes after many files were deleted ext4 creates files slowly")
)

// BenchmarkInstall installs packages into an empty root on a disk, everything
// verified and journaled, and beside it writes the same files with the same
// bytes from memory and syncs once: the limit. The ratio of both counts.
func BenchmarkInstall(b *testing.B) {
	steps := benchSteps(b)
	var bytes, files int64
	for _, s := range steps {
		bytes += s.Package.Manifest.InstalledSize()
		files += int64(len(s.Package.Manifest.Files))
	}
	b.Run("muster", func(b *testing.B) {
		b.SetBytes(bytes)
		for b.Loop() {
			b.StopTimer()
			r := benchRoot(b)
			b.StartTimer()
			if _, err := Apply(context.Background(), r, steps, Options{Kind: "install"}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(files), "files")
	})
	b.Run("limit", func(b *testing.B) {
		l := newLimit(b, steps)
		b.SetBytes(bytes)
		for b.Loop() {
			b.StopTimer()
			dir := benchRoot(b).Dir
			b.StartTimer()
			l.write(b, dir)
		}
	})
}

func benchRoot(b *testing.B) *Root {
	b.Helper()
	dir, err := os.MkdirTemp(*benchDir, "muster-bench-")
	if err != nil {
		b.Fatal(err)
	}
	if !*benchKeep {
		b.Cleanup(func() { os.RemoveAll(dir) })
	}
	r, err := Setup(dir, Config{Platform: muster.ThisPlatform(), KeepUndo: 1}, nil)
	if err != nil {
		b.Fatal(err)
	}
	new(durable.Disk).SyncTree(dir)
	return r
}

func benchSteps(b *testing.B) []Step {
	b.Helper()
	names, _ := filepath.Glob(filepath.Join(*benchPackages, "*.mpk"))
	if *benchPackages == "" {
		return madeSteps(b)
	}
	var steps []Step
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			b.Fatal(err)
		}
		p, err := pkgfile.Open(f, info.Size())
		if err != nil {
			b.Fatal(err)
		}
		steps = append(steps, Step{Name: p.Manifest.Control.Name, Op: "install", Package: p})
	}
	return steps
}

// madeSteps makes 20 packages of 100 files of 1 byte to 128 KiB, which
// compress to about half.
func madeSteps(b *testing.B) []Step {
	w := &world{TB: b}
	var steps []Step
	for i := range 20 {
		spec := pkgfile.Spec{Date: time.Unix(1700000000, 0), Control: control.Control{Name: fmt.Sprintf("made%d", i), Version: "1",
			Kind: muster.Base, OS: []string{"all"}, Architecture: []string{"all"}}}
		for j := range 100 {
			data := madeContent(uint64(i*100 + j))
			spec.Entries = append(spec.Entries, pkgfile.Entry{Open: content(string(data)), File: pkgfile.File{
				Path: fmt.Sprintf("root/usr/share/made%d/%d/%d", i, j%10, j), Type: pkgfile.Regular, Mode: 0o644}})
		}
		steps = append(steps, Step{Name: spec.Control.Name, Op: "install", Package: w.pack("bench"+spec.Control.Name, spec)})
	}
	return steps
}

func madeContent(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 1+r.IntN(1<<(r.IntN(17))))
	for i := 0; i+8 < len(data); i += 16 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64())
	}
	return data
}

// A limit is the same files in memory.
type limit struct {
	dirs, links []pkgfile.File
	files       []limitFile
}

type limitFile struct {
	pkgfile.File
	data []byte
}

func newLimit(b *testing.B, steps []Step) *limit {
	l := &limit{}
	seen := map[string]bool{}
	for _, s := range steps {
		for _, f := range s.Package.Manifest.Files {
			rel, ok := f.Installed()
			if !ok || seen[rel] {
				continue
			}
			seen[rel] = true
			f.Path = rel
			switch f.Type {
			case pkgfile.Directory:
				l.dirs = append(l.dirs, f)
			case pkgfile.Regular:
			default:
				l.links = append(l.links, f)
			}
		}
		err := pkgfile.Extract(context.Background(), 1, pkgfile.Job{Package: s.Package, Want: func(*pkgfile.File) bool { return true },
			Create: func(f *pkgfile.File) (io.WriteCloser, error) { return &limitWriter{l: l, f: *f}, nil }})
		if err != nil {
			b.Fatal(err)
		}
	}
	return l
}

type limitWriter struct {
	l    *limit
	f    pkgfile.File
	data []byte
}

func (w *limitWriter) Write(b []byte) (int, error) {
	w.data = append(w.data, b...)
	return len(b), nil
}

func (w *limitWriter) Close() error {
	if rel, ok := w.f.Installed(); ok {
		w.f.Path = rel
		w.l.files = append(w.l.files, limitFile{w.f, w.data})
	}
	return nil
}

// write writes everything with two writers, and one sync.
func (l *limit) write(b *testing.B, dir string) {
	for _, d := range l.dirs {
		if err := os.MkdirAll(filepath.Join(dir, d.Path), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	var g errgroup.Group
	next := make(chan limitFile, 64)
	for range 2 {
		g.Go(func() error {
			for f := range next {
				if err := os.WriteFile(filepath.Join(dir, f.Path), f.data, fs.FileMode(f.Mode&0o777)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, f := range l.files {
		next <- f
	}
	close(next)
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	for _, f := range l.links {
		var err error
		if f.Type == pkgfile.Symlink {
			err = os.Symlink(f.Link, filepath.Join(dir, f.Path))
		} else {
			err = os.Link(filepath.Join(dir, f.Link[len("root/"):]), filepath.Join(dir, f.Path))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := new(durable.Disk).SyncTree(dir); err != nil {
		b.Fatal(err)
	}
}
