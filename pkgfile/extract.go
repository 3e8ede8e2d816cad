package pkgfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"muster"
)

// A Job is what to extract from one package.
type Job struct {
	Package *Package
	// Want chooses among the regular files.
	Want func(*File) bool
	// Create is called once for each wanted file; what it returns is written
	// and closed. A nil writer leaves the file out.
	Create func(*File) (io.WriteCloser, error)
	// Contents has each content compared with its own hash, besides the frames
	// that it comes from, before Close: it finds a packager's mistake, which
	// repositories refuse. The bytes are those that were signed without it.
	Contents bool
}

// Extract takes files out of packages with so many workers, each with buffers
// for one frame. Frames that hold no wanted file are not read. Each frame is
// compared with its hash in the manifest before it is decompressed, and
// decompression with the checksum inside the frame. With several workers calls
// of Create and Write for different files come at the same time. On error some
// files have been written and others not: the caller throws them away.
func Extract(ctx context.Context, workers int, jobs ...Job) error {
	next := make(chan group)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(next)
		for i := range jobs {
			for _, files := range jobs[i].groups() {
				select {
				case next <- group{&jobs[i], files}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	for range max(1, workers) {
		g.Go(func() error {
			x := extractors.Get().(*extractor)
			defer extractors.Put(x)
			for todo := range next {
				if err := x.group(todo); err != nil {
					return fmt.Errorf("%s: %w", &todo.job.Package.Manifest.Control, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// A group is the wanted files that start in the same frame.
type group struct {
	job   *Job
	files []*File
}

// groups lists the wanted files by the frame in which they start, in the order
// of the frames.
func (j *Job) groups() [][]*File {
	byFrame := map[int][]*File{}
	files := j.Package.Manifest.Files
	for i := range files {
		if f := &files[i]; f.Type == Regular && j.Want(f) {
			byFrame[f.Frame] = append(byFrame[f.Frame], f)
		}
	}
	groups := make([][]*File, 0, len(byFrame))
	for _, n := range slices.Sorted(maps.Keys(byFrame)) {
		groups = append(groups, byFrame[n])
	}
	return groups
}

// An extractor holds the buffers of one worker: one compressed and one
// decompressed frame, whatever the size of the files.
type extractor struct {
	in, out []byte
	dec     *zstd.Decoder
	hash    hash.Hash
}

var extractors = sync.Pool{New: func() any {
	// DecodeAll refuses to decompress beyond the limit; a frame says its size.
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxFrame+MaxHeader))
	if err != nil {
		panic(err) // only for options out of range
	}
	return &extractor{dec: dec, hash: sha256.New()}
}}

// group extracts files that start in one frame.
func (x *extractor) group(g group) error {
	p := g.job.Package
	if err := x.load(p, g.files[0].Frame); err != nil {
		return err
	}
	for i, f := range g.files {
		if err := x.file(g.job, f); err != nil {
			return fmt.Errorf("%q: %w", f.Path, err)
		}
		spans := f.Offset+f.Size > p.Manifest.Frames[f.Frame].Raw
		if spans && i < len(g.files)-1 {
			if err := x.load(p, f.Frame); err != nil {
				return err
			}
		}
	}
	return nil
}

// load reads, checks and decompresses frame n into x.out.
func (x *extractor) load(p *Package, n int) (err error) {
	if x.in, err = p.frame(n, x.in); err != nil {
		return err
	}
	if x.out, err = x.dec.DecodeAll(x.in, x.out[:0]); err != nil {
		return muster.Errorf(muster.Invalid, "frame %d: %w", n, err)
	}
	if want := p.Manifest.Frames[n].Raw; int64(len(x.out)) != want {
		return muster.Errorf(muster.Invalid, "frame %d has %d bytes, its manifest says %d", n, len(x.out), want)
	}
	return nil
}

func (x *extractor) file(j *Job, f *File) (err error) {
	w, err := j.Create(f)
	if err != nil || w == nil {
		return err
	}
	defer func() {
		if cerr := w.Close(); err == nil {
			err = cerr
		}
	}()
	if !j.Contents {
		return x.copy(j.Package, f, w)
	}
	return x.content(j.Package, f, w)
}

// content writes the content of f, whose first frame is loaded, and checks its
// hash.
func (x *extractor) content(p *Package, f *File, w io.Writer) error {
	x.hash.Reset()
	if err := x.copy(p, f, io.MultiWriter(x.hash, w)); err != nil {
		return err
	}
	if sum := hex.EncodeToString(x.hash.Sum(nil)); sum != f.SHA256 {
		return muster.Errorf(muster.Invalid, "content has sha256 %.16s, the manifest says %.16s", sum, f.SHA256)
	}
	return nil
}

// copy writes the content of f, whose first frame is loaded.
func (x *extractor) copy(p *Package, f *File, w io.Writer) error {
	part := x.out[f.Offset:]
	for left, n := f.Size, f.Frame; ; {
		part = part[:min(left, int64(len(part)))]
		if _, err := w.Write(part); err != nil {
			return err
		}
		if left -= int64(len(part)); left == 0 {
			return nil
		}
		n++
		if err := x.load(p, n); err != nil {
			return err
		}
		part = x.out
	}
}

// ReadFile returns the content of one regular file of at most max bytes.
func (p *Package) ReadFile(path string, max int64) ([]byte, error) {
	f := p.Manifest.Find(path)
	if f == nil || f.Type != Regular {
		return nil, muster.Errorf(muster.NotFound, "%s has no file %q", &p.Manifest.Control, path)
	}
	if f.Size > max {
		return nil, muster.Errorf(muster.Invalid, "%q has %d bytes, more than %d", path, f.Size, max)
	}
	var buf bytes.Buffer
	x := extractors.Get().(*extractor)
	defer extractors.Put(x)
	if err := x.load(p, f.Frame); err != nil {
		return nil, err
	}
	if err := x.content(p, f, &buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
