package repo

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/control"
	"muster/index"
	"muster/pkgfile"
	"muster/sign"
	"muster/version"
)

// A Report says what a publication changed.
type Report struct {
	Serial    int64
	Added     []*index.Entry
	Removed   []*index.Entry
	Unchanged []*index.Entry // given, but published already
}

// Publish adds package files and publishes the index that has them. Either all
// of them are accepted, or nothing changes. A file is refused when
//
//   - it is not signed by who may sign it after the chain of trust,
//   - its content is not what its manifest says,
//   - another file is published under its name, or one whose name differs in
//     capitals only, or the same version for the same platform,
//   - a newer version is published, unless p.Force.
func (p *Publisher) Publish(files ...string) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		drafts, err := p.admitAll(c, files)
		if err != nil {
			return nil, nil, err
		}
		return p.add(c, drafts)
	})
}

// admitAll checks files, as many at a time as there are processors.
func (p *Publisher) admitAll(c *contents, files []string) ([]*draft, error) {
	drafts := make([]*draft, len(files))
	errs := make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range files {
		g.Go(func() error {
			drafts[i], errs[i] = p.admit(c, name)
			return nil
		})
	}
	g.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("cannot publish %q: %w", files[i], err)
		}
	}
	return drafts, nil
}

// add prepares the publication that lists the drafts too, and stores their
// files, which nobody looks for yet.
func (p *Publisher) add(c *contents, drafts []*draft) (*publication, *Report, error) {
	r := &Report{}
	x, fresh, err := p.place(c, drafts, r)
	if err != nil {
		return nil, nil, err
	}
	next, err := p.prepare(c, x)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range fresh {
		if err := p.store(d); err != nil {
			return nil, nil, err
		}
	}
	return next, r, nil
}

// place adds the drafts to the index, which it returns, and to the bins of c.
func (p *Publisher) place(c *contents, drafts []*draft, r *Report) (x *index.Index, fresh []*draft, err error) {
	byBin := map[string][]*draft{}
	for _, d := range drafts {
		byBin[d.bin()] = append(byBin[d.bin()], d)
	}
	x = c.index
	for _, bin := range slices.Sorted(maps.Keys(byBin)) { // the index, "", first
		list := x
		if bin != "" {
			if list, err = c.bins.bin(bin); err != nil {
				return nil, nil, err
			}
		}
		entries, more, err := p.merge(list, byBin[bin], r)
		if err == nil && len(more) > 0 {
			if bin != "" {
				err = c.bins.set(bin, entries)
			} else {
				x, err = index.New(entries)
			}
		}
		if err == nil {
			err = c.checkNames(x, more)
		}
		if err != nil {
			return nil, nil, err
		}
		fresh = append(fresh, more...)
	}
	return x, fresh, nil
}

// checkNames refuses drafts with a name that has packages of the other sort: one
// name is one package to a host.
func (c *contents) checkNames(x *index.Index, drafts []*draft) error {
	for _, d := range drafts {
		others := x.Find(d.entry.Name)
		if d.bin() == "" {
			var err error
			if others, err = c.bins.of(d.entry.Name); err != nil {
				return err
			}
		}
		for _, e := range others {
			return muster.Errorf(muster.Conflict, "cannot publish %q: %s is published, of kind %s", d.name, e, e.Kind)
		}
	}
	return nil
}

// A draft is a package file that may be published as far as it alone goes.
type draft struct {
	entry *index.Entry
	name  string // of the file, as given
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
	e, err := p.examine(c, f)
	if err != nil {
		return nil, err
	}
	return &draft{e, name}, nil
}

func (p *Publisher) examine(c *contents, f *os.File) (*index.Entry, error) {
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
	sum, err := sumOf(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return nil, err
	}
	return index.NewEntry(pkg, info.Size(), sum, sigs), nil
}

// merge adds the drafts to what is published. fresh are those whose files are
// to be stored.
func (p *Publisher) merge(x *index.Index, drafts []*draft, r *Report) (entries []*index.Entry, fresh []*draft, err error) {
	entries = slices.Clone(x.Entries())
	seen := newNames(entries)
	for _, d := range drafts {
		e := d.entry
		if old := seen.byFile[e.Filename]; old != nil && old.SHA256 == e.SHA256 {
			r.Unchanged = append(r.Unchanged, old)
			continue
		}
		if err := seen.add(e); err != nil {
			return nil, nil, fmt.Errorf("cannot publish %q: %w", d.name, err)
		}
		if err := p.checkNewest(x, e); err != nil {
			return nil, nil, fmt.Errorf("cannot publish %q: %w", d.name, err)
		}
		entries = append(entries, e)
		fresh = append(fresh, d)
		r.Added = append(r.Added, e)
	}
	return entries, fresh, nil
}

// names knows the packages by what may not be taken twice.
type names struct {
	byFile   map[string]*index.Entry
	byFolded map[string]*index.Entry // file names without regard to capitals
	byName   map[string][]*index.Entry
}

func newNames(entries []*index.Entry) *names {
	n := &names{map[string]*index.Entry{}, map[string]*index.Entry{}, map[string][]*index.Entry{}}
	for _, e := range entries {
		n.put(e)
	}
	return n
}

func (n *names) put(e *index.Entry) {
	n.byFile[e.Filename] = e
	n.byFolded[strings.ToLower(e.Filename)] = e
	n.byName[e.Name] = append(n.byName[e.Name], e)
}

// add refuses what collides with a package that is there.
func (n *names) add(e *index.Entry) error {
	if n.byFile[e.Filename] != nil {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%s is published already, with other bytes", path.Base(e.Filename)),
			"published files never change: give it a new version")
	}
	if other := n.byFolded[strings.ToLower(e.Filename)]; other != nil {
		return muster.Errorf(muster.Conflict, "%s differs from %s in capitals only", path.Base(e.Filename), path.Base(other.Filename))
	}
	for _, other := range n.byName[e.Name] {
		if other.Version == e.Version && overlap(other.OS, e.OS) && overlap(other.Architecture, e.Architecture) {
			return muster.Errorf(muster.Conflict, "%s is the same version for the same platform", path.Base(other.Filename))
		}
	}
	n.put(e)
	return nil
}

// overlap reports whether two lists of platforms have one in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool {
		return s == control.All || slices.Contains(b, s) || slices.Contains(b, control.All)
	})
}

// checkNewest refuses what is older than what was published before.
func (p *Publisher) checkNewest(x *index.Index, e *index.Entry) error {
	if p.Force {
		return nil
	}
	for _, other := range x.Find(e.Name) {
		if samePlatform(e, other) && version.Compare(e.Version, other.Version) < 0 {
			return muster.WithHint(muster.Errorf(muster.Conflict, "%s is older than %s, which is published", e, other),
				"publish it with --force if that is meant")
		}
	}
	return nil
}

func samePlatform(a, b *index.Entry) bool {
	return slices.Equal(a.OS, b.OS) && slices.Equal(a.Architecture, b.Architecture)
}

// byVersion sorts the newest first.
func byVersion(a, b *index.Entry) int {
	return cmp.Or(version.Compare(b.Version, a.Version), strings.Compare(a.Filename, b.Filename))
}

// store copies a package into the pool, and checks that what it copied is what
// it examined.
func (p *Publisher) store(d *draft) error {
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
