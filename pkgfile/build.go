package pkgfile

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sort"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster/control"
)

// An Entry is a file to be packed.
type Entry struct {
	File // Path, Type, and what goes with it; size, hash and place are filled in
	// Open returns the content of a regular file.
	Open func() (io.ReadCloser, error)
}

// A Spec says what to build. The same Spec makes the same bytes.
type Spec struct {
	Control    control.Control
	Actions    []string // hooks that actions.star defines
	Policy     []map[string]string
	Date       time.Time
	Provenance Provenance
	Entries    []Entry // in any order; directories that are missing are added with mode 0755
}

// A Draft is a package without its signature. Its frames lie in a temporary
// file until [Draft.Close].
type Draft struct {
	Manifest *Manifest
	Encoded  []byte // the manifest's bytes: what a signature covers
	frames   *os.File
}

// Build packs spec. Its frames are written to a temporary file in dir ("" is
// the system's). The caller closes the Draft.
func Build(spec Spec, dir string) (*Draft, error) {
	entries, err := complete(spec.Entries)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(&spec, entries); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(dir, ".muster-build-*")
	if err != nil {
		return nil, err
	}
	d := &Draft{frames: tmp, Manifest: &Manifest{
		Actions:    spec.Actions,
		Control:    spec.Control,
		Date:       spec.Date.Unix(),
		Format:     Format,
		Policy:     spec.Policy,
		Provenance: spec.Provenance,
	}}
	if err := d.pack(entries); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// checkEntries refuses what may not be in a package before it is packed, which
// may take minutes.
func checkEntries(spec *Spec, entries []Entry) error {
	if len(entries) > MaxFiles {
		return fmt.Errorf("%d files, more than %d", len(entries), MaxFiles)
	}
	m := Manifest{Control: spec.Control, Policy: spec.Policy, Files: make([]File, len(entries))}
	for i, e := range entries {
		m.Files[i] = e.File
		m.Files[i].clear()
	}
	if err := m.checkPolicy(); err != nil {
		return err
	}
	return m.checkFiles()
}

// clear forgets what is worked out when a file is packed.
func (f *File) clear() { f.Size, f.SHA256, f.Frame, f.Offset = 0, "", 0, 0 }

// complete adds the directories that entries lie in and sorts by path.
func complete(entries []Entry) ([]Entry, error) {
	if len(entries) > MaxFiles {
		return nil, fmt.Errorf("%d files, more than %d", len(entries), MaxFiles)
	}
	all := append([]Entry(nil), entries...)
	have := make(map[string]bool, len(all))
	for _, e := range all {
		have[e.Path] = true
	}
	for _, e := range entries {
		for i := len(e.Path) - 1; i > 0; i-- {
			dir := e.Path[:i]
			if e.Path[i] != '/' || dir == "root" || dir == "payload" || have[dir] {
				continue
			}
			have[dir] = true
			all = append(all, Entry{File: File{Path: dir, Type: Directory, Mode: 0o755}})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Path < all[j].Path })
	return all, nil
}

func (d *Draft) pack(entries []Entry) error {
	p, err := newPacker(d)
	if err != nil {
		return err
	}
	for i := range entries {
		if err := p.add(&entries[i]); err != nil {
			return fmt.Errorf("cannot pack %q: %w", entries[i].Path, err)
		}
	}
	if err := p.finish(); err != nil {
		return err
	}
	if d.Encoded, err = d.Manifest.Encode(); err != nil {
		return err
	}
	_, err = ParseManifest(d.Encoded)
	return err
}

// Write writes the package, with its signature over d.Encoded, to w.
func (d *Draft) Write(w io.Writer, signature []byte) error {
	if err := writeHead(w, d.Encoded, signature); err != nil {
		return err
	}
	if _, err := d.frames.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, d.frames)
	return err
}

// Close removes the temporary file.
func (d *Draft) Close() error {
	d.frames.Close()
	return os.Remove(d.frames.Name())
}

// smallFrame is the raw size at which a frame of small files is full: large
// enough to compress well, small enough that an upgrade fetches little beside
// the file that changed.
const smallFrame = 1 << 20

// A packer writes one tar stream cut into frames. Frames are compressed in
// parallel and written in order.
type packer struct {
	draft  *Draft
	tw     *tar.Writer
	raw    bytes.Buffer // of the current frame
	stored map[[32]byte]*File
	enc    *zstd.Encoder
	queue  chan chan compressed // frames being compressed, oldest first
	done   chan error
	cut    int // frames cut so far
}

type compressed struct {
	data []byte
	raw  int64
}

func newPacker(d *Draft) (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	p := &packer{draft: d, enc: enc, stored: map[[32]byte]*File{},
		queue: make(chan chan compressed, runtime.GOMAXPROCS(0)), done: make(chan error, 1)}
	p.tw = tar.NewWriter(&p.raw)
	go p.writeFrames()
	return p, nil
}

// writeFrames writes compressed frames in order and records them.
func (p *packer) writeFrames() {
	var failed error
	for next := range p.queue {
		c := <-next
		if failed != nil {
			continue
		}
		sum := sha256.Sum256(c.data)
		p.draft.Manifest.Frames = append(p.draft.Manifest.Frames,
			Frame{Raw: c.raw, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(c.data))})
		_, failed = p.draft.frames.Write(c.data)
	}
	p.done <- failed
}

// flush cuts the current frame.
func (p *packer) flush() {
	if p.raw.Len() == 0 {
		return
	}
	raw := bytes.Clone(p.raw.Bytes())
	p.raw.Reset()
	out := make(chan compressed, 1)
	p.queue <- out
	p.cut++
	go func() {
		out <- compressed{p.enc.EncodeAll(raw, nil), int64(len(raw))}
	}()
}

func (p *packer) add(e *Entry) error {
	f := e.File
	f.clear()
	var err error
	if f.Type == Regular {
		err = p.addContent(&f, e.Open)
	} else {
		err = p.header(&f, f.Link)
	}
	if err != nil {
		return err
	}
	p.draft.Manifest.Files = append(p.draft.Manifest.Files, f)
	if p.raw.Len() >= smallFrame {
		p.flush()
	}
	return nil
}

// addContent packs a regular file; content that was packed already is only
// pointed at.
func (p *packer) addContent(f *File, open func() (io.ReadCloser, error)) error {
	sum, err := hashOf(f, open)
	if err != nil {
		return err
	}
	if same, ok := p.stored[sum]; ok && f.Size > 0 {
		f.Frame, f.Offset = same.Frame, same.Offset
		return p.header(f, same.Path)
	}
	if f.Size >= smallFrame {
		p.flush() // a large file has frames of its own
	}
	if err := p.header(f, ""); err != nil {
		return err
	}
	f.Frame, f.Offset = p.cut, int64(p.raw.Len())
	if err := p.copyContent(f, sum, open); err != nil {
		return err
	}
	if f.Size >= smallFrame {
		p.flush()
	}
	if f.Size > 0 {
		kept := *f
		p.stored[sum] = &kept
	} else {
		f.Frame, f.Offset = 0, 0
	}
	return nil
}

func hashOf(f *File, open func() (io.ReadCloser, error)) (sum [32]byte, err error) {
	r, err := open()
	if err != nil {
		return sum, err
	}
	defer r.Close()
	h := sha256.New()
	if f.Size, err = io.Copy(h, r); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	f.SHA256 = hex.EncodeToString(sum[:])
	return sum, nil
}

// copyContent writes the content, cutting frames of MaxFrame, and fails when it
// is not what was hashed before: somebody writes to the file.
func (p *packer) copyContent(f *File, sum [32]byte, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	in := io.TeeReader(io.LimitReader(r, f.Size+1), h)
	for left := f.Size; left > 0; {
		n := min(left, int64(MaxFrame-p.raw.Len()))
		if _, err := io.CopyN(p.tw, in, n); err != nil {
			return fmt.Errorf("changed while it was packed: %w", err)
		}
		if left -= n; left > 0 {
			p.flush()
		}
	}
	if [32]byte(h.Sum(nil)) != sum {
		return fmt.Errorf("changed while it was packed")
	}
	return p.tw.Flush()
}

// xattrRecord begins the names of PAX records that hold extended attributes.
const xattrRecord = "SCHILY.xattr."

// header writes the tar header of f. A regular file with a link is written as
// a tar link to content that stands earlier.
func (p *packer) header(f *File, link string) error {
	h := &tar.Header{
		Name:     f.Path,
		Linkname: link,
		Mode:     int64(f.Mode),
		ModTime:  time.Unix(p.draft.Manifest.Date, 0),
		Format:   tar.FormatPAX,
	}
	switch {
	case f.Type == Directory:
		h.Typeflag, h.Name = tar.TypeDir, f.Path+"/"
	case f.Type == Symlink:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
	case f.Type == Hardlink || link != "":
		h.Typeflag = tar.TypeLink
	default:
		h.Typeflag, h.Size = tar.TypeReg, f.Size
	}
	for name, value := range f.Xattrs {
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return err
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[xattrRecord+name] = string(raw)
	}
	return p.tw.WriteHeader(h)
}

// finish ends the tar stream and waits for the last frame.
func (p *packer) finish() error {
	err := p.tw.Close()
	p.flush()
	close(p.queue)
	if werr := <-p.done; err == nil {
		err = werr
	}
	p.enc.Close()
	return err
}
