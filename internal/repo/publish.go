package repo

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/index"
	"muster/pkgfile"
	"muster/rollout"
	"muster/sign"
	"muster/version"
)

// A Report says what a publication changed.
type Report struct {
	Serial    int64
	Added     []*index.Entry
	Removed   []*index.Entry
	Unchanged []*index.Entry // given, but published already
	// Files has the package of each file given, in their order; nil where it was refused.
	Files []*index.Entry
}

// Publish adds package files and publishes the index that has them. Either all
// of them are accepted, or nothing changes. A file is refused when
//
//   - it is not signed by who may sign it after the chain of trust,
//   - its content is not what its manifest says,
//   - another file is published under its name, or one whose name differs in
//     capitals only, or the same version for the same platform,
//   - its name has packages of hosts or units, and it is none, or the other way,
//   - a newer version is published, unless p.Force.
func (p *Publisher) Publish(files ...string) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		drafts, errs := p.admitAll(c, files)
		pl := newPlacing(p, c)
		for i, d := range drafts {
			if errs[i] == nil {
				errs[i] = pl.put(d)
			}
			if errs[i] != nil {
				return nil, nil, fmt.Errorf("cannot publish %q: %w", files[i], errs[i])
			}
		}
		return p.add(c, pl)
	})
}

// PublishEach is Publish for files that came from different people at the same time:
// those that are refused do not keep the others from being published, together.
// errs says why, by the position of the file. A file may be refused for what one
// before it brought.
func (p *Publisher) PublishEach(files ...string) (r *Report, errs []error, err error) {
	r, err = p.change(func(c *contents) (*publication, *Report, error) {
		var drafts []*draft
		drafts, errs = p.admitAll(c, files)
		pl := newPlacing(p, c)
		for i, d := range drafts {
			if errs[i] == nil {
				errs[i] = pl.put(d)
			}
			if errs[i] != nil {
				pl.report.Files = append(pl.report.Files, nil)
			}
		}
		if len(pl.fresh) == 0 {
			pl.report.Serial = c.head.Serial
			return nil, pl.report, nil
		}
		return p.add(c, pl)
	})
	return r, errs, err
}

// admitAll checks files, as many at a time as there are processors.
func (p *Publisher) admitAll(c *contents, files []string) (drafts []*draft, errs []error) {
	drafts, errs = make([]*draft, len(files)), make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range files {
		g.Go(func() error {
			drafts[i], errs[i] = p.admit(c, name)
			return nil
		})
	}
	g.Wait()
	return drafts, errs
}

// add prepares the publication that lists what was placed too, and stores its
// files, which nobody looks for yet.
func (p *Publisher) add(c *contents, pl *placing) (*publication, *Report, error) {
	x, err := pl.finish()
	if err != nil {
		return nil, nil, err
	}
	next, err := p.prepare(c, x)
	if err != nil {
		return nil, nil, err
	}
	return next, pl.report, together(pl.fresh, p.store)
}

// A draft is a package file that may be published as far as it alone goes.
type draft struct {
	entry    *index.Entry
	document *rollout.Document // of a rollout
	name     string            // of the file, as given
	icon     []byte            // nil for none
}

// bin is the prefix of the bin in which the package will stand, "" for the index.
func (d *draft) bin() string {
	if index.Binned(d.entry.Kind) {
		return index.BinOf(d.entry.Name)
	}
	return ""
}

// admit checks one file.
func (p *Publisher) admit(c *contents, name string) (*draft, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, muster.WithKind(muster.NotFound, err)
	}
	defer f.Close() // there may be thousands
	return p.examine(c, f)
}

func (p *Publisher) examine(c *contents, f *os.File) (*draft, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pkg, err := pkgfile.Open(f, info.Size())
	if err != nil {
		return nil, err
	}
	sigs, err := pkg.Verify(c.state.Trust(), sign.Policy{Now: p.clock(c.head)})
	if err != nil {
		return nil, err
	}
	if err := c.state.CheckPackage(&pkg.Manifest.Control, pkg.ManifestSHA256(), sigs); err != nil {
		return nil, err
	}
	if err := pkg.CheckContent(); err != nil {
		return nil, err
	}
	d := &draft{name: f.Name()}
	if pkg.Manifest.Control.Kind == muster.Rollout {
		if d.document, err = readRollout(pkg.Manifest); err != nil {
			return nil, err
		}
	}
	sum, err := sumOf(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return nil, err
	}
	d.entry = index.NewEntry(pkg, info.Size(), sum, sigs)
	d.icon, err = readIcon(pkg)
	return d, err
}

// byVersion sorts the newest first.
func byVersion(a, b *index.Entry) int {
	return cmp.Or(version.Compare(b.Version, a.Version), strings.Compare(a.Filename, b.Filename))
}

// store copies a package into the pool, and its icon beside it.
func (p *Publisher) store(d *draft) error {
	if err := p.storeIcon(d); err != nil {
		return err
	}
	return p.storePackage(d)
}

// storePackage checks that what it copied is what it examined.
func (p *Publisher) storePackage(d *draft) error {
	if p.stored(d.entry) {
		return nil
	}
	in, err := os.Open(d.name)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer in.Close()
	if err := p.mkdir(path.Dir(d.entry.Filename)); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	out, err := p.Disk.Create(p.path(d.entry.Filename), 0o644)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	sum, err := sumOf(io.TeeReader(io.NewSectionReader(in, 0, d.entry.Size), out))
	if err == nil && sum != d.entry.SHA256 {
		err = fmt.Errorf("%q changed while it was published", d.name)
	}
	if err != nil {
		out.Abort()
		return muster.Errorf(muster.Unavailable, "cannot store %q: %w", d.entry.Filename, err)
	}
	return muster.WithKind(muster.Unavailable, out.Commit())
}

// stored reports whether the pool has the file, from an attempt before. A file
// of other bytes that no index lists is replaced.
func (p *Publisher) stored(e *index.Entry) bool {
	f, err := os.Open(p.path(e.Filename))
	if err != nil {
		return false
	}
	defer f.Close()
	sum, err := sumOf(f)
	return err == nil && sum == e.SHA256
}
