package install

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/pkgfile"
)

// A stager writes everything new beside its target: nothing of the root
// changes.
type stager struct {
	root   *Root
	id     int
	diff   *diff
	bases  []string       // stage folders, relative to the root
	device map[uint64]int // file system -> index of its base
	euid   int            // who new files belong to
	egid   int            // -1 when that is not sure
}

// newStager decides in which stage folder each op lies: one on the file system
// of its target.
func newStager(r *Root, id int, d *diff, ops []*Op) (*stager, error) {
	s := &stager{root: r, id: id, diff: d, device: map[uint64]int{}, euid: os.Geteuid(), egid: -1}
	home, err := deviceOf(r.State)
	if err != nil {
		return nil, err
	}
	s.device[home] = 0
	s.bases = []string{r.rel(r.stageDir(id))}
	dirs := map[string]int{} // directory -> index of its base
	for _, op := range ops {
		dir := path.Dir(op.Path)
		base, ok := dirs[dir]
		if !ok {
			if base, err = s.baseFor(dir); err != nil {
				return nil, err
			}
			dirs[dir] = base
		}
		op.Base = base
	}
	return s, nil
}

// stageDir is the stage folder on the file system of the state.
func (r *Root) stageDir(id int) string { return r.file("stage", fmt.Sprintf("%06d", id)) }

// baseFor returns the index of the stage folder for a directory of the root.
func (s *stager) baseFor(dir string) (int, error) {
	name, dev, err := s.nearest(dir)
	if err != nil {
		return 0, err
	}
	if i, ok := s.device[dev]; ok {
		return i, nil
	}
	// The topmost directory of that file system holds its stage.
	for name != s.root.Dir {
		up := filepath.Dir(name)
		if d, err := deviceOf(up); err != nil || d != dev {
			break
		}
		name = up
	}
	s.device[dev] = len(s.bases)
	s.bases = append(s.bases, s.root.rel(filepath.Join(name, fmt.Sprintf(".muster-stage-%06d", s.id))))
	return len(s.bases) - 1, nil
}

// nearest finds the directory, or the one above it that exists, and its file system.
func (s *stager) nearest(dir string) (string, uint64, error) {
	for name := s.root.abs(dir); ; name = filepath.Dir(name) {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			dev, err := deviceOf(name)
			return name, dev, err
		}
		if name == s.root.Dir {
			return "", 0, muster.Errorf(muster.NotFound, "the root %q is gone", name)
		}
	}
}

// makeFolders makes the stage folders, which only those may enter who change
// the root.
func (s *stager) makeFolders() error {
	for _, base := range s.bases {
		for _, dir := range []string{"", "n", "o", "p"} {
			if err := s.root.Disk.MkdirAll(filepath.Join(s.root.abs(base), dir), 0o700); err != nil {
				return err
			}
		}
	}
	return s.findGroup()
}

// findGroup notes the group of new files: that of their directory on some
// systems, and where it has the set-group-ID bit.
func (s *stager) findGroup() error {
	s.egid = os.Getegid()
	for _, base := range s.bases {
		info, err := os.Stat(s.root.abs(base))
		if err != nil {
			return err
		}
		if attrOf(info).GID != s.egid {
			s.egid = -1
		}
	}
	return nil
}

func (s *stager) name(op *Op) string {
	return filepath.Join(s.root.abs(s.bases[op.Base]), filepath.FromSlash(op.New))
}

// files stages every file of the change.
func (s *stager) files(ctx context.Context, progress func(n int64)) error {
	if err := s.makeDirs(); err != nil {
		return err
	}
	if err := s.contents(ctx, progress); err != nil {
		return fmt.Errorf("cannot stage %w", err)
	}
	for _, p := range s.diff.links {
		if err := s.link(p); err != nil {
			return fmt.Errorf("cannot stage %q: %w", p.file.Path, err)
		}
	}
	return s.finishDirs()
}

// makeDirs makes the new directories, open for us alone while they are filled.
func (s *stager) makeDirs() error {
	for _, op := range s.diff.puts {
		if op.Op == "mkdir" {
			if err := s.root.Disk.Mkdir(s.name(op), 0o700); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishDirs gives the new directories their modes, those inside first. An
// ordinary user must be able to write to a directory to move it; the switch
// gives the outermost of an area its mode.
func (s *stager) finishDirs() error {
	for _, op := range slices.Backward(s.diff.puts) {
		if op.Op != "mkdir" || !op.Inside && s.root.Config.Area {
			continue
		}
		if err := s.root.setAttr(s.name(op), *op.Attr); err != nil {
			return err
		}
	}
	return nil
}

// maxWriters is how many files are decompressed and written at a time: more
// than a few do not make a disk faster, and each has buffers of 8 MiB.
const maxWriters = 4

// contents extracts the regular files of all packages.
func (s *stager) contents(ctx context.Context, progress func(n int64)) error {
	var jobs []pkgfile.Job
	for _, from := range slices.SortedFunc(maps.Keys(s.diff.content), func(a, b *side) int { return strings.Compare(a.name, b.name) }) {
		list := s.diff.content[from]
		jobs = append(jobs, pkgfile.Job{
			Package: from.pkg,
			Want:    func(f *pkgfile.File) bool { return list[f.Path] != nil },
			Create: func(f *pkgfile.File) (io.WriteCloser, error) {
				p := list[f.Path]
				out, err := s.root.Disk.NewFile(s.name(p.op), 0o600)
				if err != nil {
					return nil, err
				}
				date := time.Unix(from.manifest.Date, 0)
				return &stagedFile{s: s, p: p, out: out, date: date, progress: progress}, nil
			},
		})
	}
	return pkgfile.Extract(ctx, min(runtime.GOMAXPROCS(0), maxWriters), jobs...)
}

// A stagedFile gets its attributes when its content is complete.
type stagedFile struct {
	s        *stager
	p        *placement
	out      *durable.Plain
	date     time.Time
	progress func(n int64)
}

func (f *stagedFile) Write(b []byte) (int, error) {
	n, err := f.out.Write(b)
	if f.progress != nil {
		f.progress(int64(n))
	}
	return n, err
}

// Close gives the file its attributes. Capabilities come last: a change of
// owner drops them.
func (f *stagedFile) Close() error {
	attr, err := f.s.diff.own.attr(f.p.file)
	if err != nil {
		f.out.Close()
		return err
	}
	if err := f.out.Finish(f.s.owner(attr), goMode(attr.Mode)); err != nil {
		return err
	}
	if err := f.s.root.setXattrs(f.out.Name(), f.p.file); err != nil {
		return err
	}
	return os.Chtimes(f.out.Name(), f.date, f.date)
}

// owner is whom a new file is given to; nil where it stays with us.
func (s *stager) owner(a *Attr) *durable.Owner {
	if s.root.Config.Area || !canChown || a.UID == s.euid && a.GID == s.egid {
		return nil
	}
	return &durable.Owner{UID: a.UID, GID: a.GID}
}

// link stages what has no content of its own in the package.
func (s *stager) link(p *placement) error {
	name := s.name(p.op)
	if p.copy != "" {
		return s.linkOrCopy(p.copy, name)
	}
	if p.file.Type == pkgfile.Symlink {
		if err := s.root.Disk.Symlink(s.root.linkTarget(p.file, p.at), name); err != nil {
			return err
		}
		if s.root.Config.Area || !canChown {
			return nil
		}
		attr, err := s.diff.own.attr(p.file)
		if err != nil {
			return err
		}
		return s.root.Disk.Lchown(name, attr.UID, attr.GID)
	}
	target, err := s.hardlinkTarget(p)
	if err != nil {
		return err
	}
	return s.linkOrCopy(target, name)
}

// linkOrCopy makes a second name of a file, or a copy where that is not possible.
func (s *stager) linkOrCopy(from, to string) error {
	if err := s.root.Disk.Link(from, to); err == nil {
		return nil
	}
	os.Remove(to)
	return s.root.copyFile(from, to)
}

// hardlinkTarget is where the content of a hard link lies: staged by the same
// package, or already in its place.
func (s *stager) hardlinkTarget(p *placement) (string, error) {
	if q := s.diff.content[p.side][p.file.Link]; q != nil && q.op.Base == p.op.Base {
		return s.name(q.op), nil
	}
	rel, _ := p.side.manifest.Find(p.file.Link).Installed()
	at, err := s.diff.resolve.path(rel)
	return s.root.abs(at), err
}

// linkTarget is what a symlink says in this root. An area's symlinks are used
// from outside: an absolute target, which means a path of the root, is made
// relative.
func (r *Root) linkTarget(f *pkgfile.File, at string) string {
	if !r.Config.Area || !path.IsAbs(f.Link) {
		return f.Link
	}
	rel, err := filepath.Rel(filepath.FromSlash(path.Dir("/"+at)), filepath.FromSlash(f.Link))
	if err != nil {
		return f.Link
	}
	return filepath.ToSlash(rel)
}

// extractPayload writes payload/ of a package into dir.
func extractPayload(ctx context.Context, r *Root, pkg *pkgfile.Package, dir string) error {
	const prefix = "payload/"
	in := func(f *pkgfile.File) (string, bool) {
		if len(f.Path) <= len(prefix) || f.Path[:len(prefix)] != prefix {
			return "", false
		}
		return filepath.Join(dir, filepath.FromSlash(f.Path[len(prefix):])), true
	}
	for i := range pkg.Manifest.Files {
		f := &pkg.Manifest.Files[i]
		if name, ok := in(f); ok && f.Type == pkgfile.Directory {
			if err := r.Disk.MkdirAll(name, 0o700); err != nil {
				return err
			}
		}
	}
	want := func(f *pkgfile.File) bool { _, ok := in(f); return ok }
	err := pkgfile.Extract(ctx, 1, pkgfile.Job{Package: pkg, Want: want, Create: func(f *pkgfile.File) (io.WriteCloser, error) {
		name, _ := in(f)
		return r.Disk.NewFile(name, goMode(f.Mode)&fs.ModePerm|0o600)
	}})
	if err != nil {
		return err
	}
	for i := range pkg.Manifest.Files {
		f := &pkg.Manifest.Files[i]
		name, ok := in(f)
		if !ok {
			continue
		}
		switch f.Type {
		case pkgfile.Symlink:
			err = r.Disk.Symlink(f.Link, name)
		case pkgfile.Hardlink:
			err = r.Disk.Link(filepath.Join(dir, filepath.FromSlash(f.Link[len(prefix):])), name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
