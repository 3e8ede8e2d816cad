package install

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/pkgfile"
)

// What a [Finding] says.
const (
	Missing = "missing"
	Changed = "changed" // content
	Type    = "type"    // another type of file
	Mode    = "mode"
	Owned   = "owner"
	Linked  = "link"   // a symlink with another target
	Edited  = "edited" // a configuration file with another content: no damage
	Broken  = "record" // the record itself cannot be read, or is not what was signed
)

// A Finding is a difference between a root and what its packages say.
type Finding struct {
	Package string `json:"package"`
	Path    string `json:"path,omitempty"` // relative to the root
	What    string `json:"what"`
	Detail  string `json:"detail,omitempty"`
}

// Damage reports whether the finding is more than an edited configuration file.
func (f Finding) Damage() bool { return f.What != Edited }

func (f Finding) String() string {
	if f.Path == "" {
		return fmt.Sprintf("%s: %s: %s", f.Package, f.What, f.Detail)
	}
	return fmt.Sprintf("%s: %s: /%s: %s", f.Package, f.What, f.Path, f.Detail)
}

// A Checked is what [Check] has looked at.
type Checked struct {
	Packages int
	Files    int64
	Bytes    int64
	Findings []Finding
}

// CheckOptions direct [Check].
type CheckOptions struct {
	// Verify vouches for a record: that its manifest is what was signed. It
	// may be nil.
	Verify   func(rec *Record, manifest, signature []byte) error
	Progress func(bytes int64)
}

// Check compares every file of the named packages, of all when none is named,
// with its manifest: type, content, mode, owner, link target.
func Check(ctx context.Context, r *Root, names []string, opts CheckOptions) (*Checked, error) {
	recs, err := r.chosen(names)
	if err != nil {
		return nil, err
	}
	c := &checker{root: r, resolve: newResolver(r), own: newOwners(r), opts: opts}
	out := &Checked{Packages: len(recs)}
	for _, rec := range recs {
		found, err := c.pkg(ctx, rec)
		if err != nil {
			return nil, err
		}
		out.Findings = append(out.Findings, found...)
	}
	out.Files, out.Bytes = c.files.Load(), c.bytes.Load()
	return out, nil
}

// chosen returns the named records, or all.
func (r *Root) chosen(names []string) ([]*Record, error) {
	if len(names) == 0 {
		return r.Installed()
	}
	var recs []*Record
	for _, name := range names {
		rec, err := r.Record(name)
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

type checker struct {
	root         *Root
	resolve      *resolver
	own          *owners
	opts         CheckOptions
	files, bytes atomic.Int64
}

func (c *checker) pkg(ctx context.Context, rec *Record) ([]Finding, error) {
	name := rec.Control.Name
	m, err := c.manifest(rec)
	if err != nil {
		return []Finding{{Package: name, What: Broken, Detail: err.Error()}}, nil
	}
	found := make([][]Finding, len(m.Files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range m.Files {
		f := &m.Files[i]
		rel, ok := f.Installed()
		if !ok {
			continue
		}
		place := c.resolve.path
		if f.Type == pkgfile.Directory {
			place = c.resolve.dir
		}
		at, err := place(rel)
		if err != nil {
			return nil, err
		}
		want, err := c.own.attr(f)
		if err != nil {
			return nil, err
		}
		g.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			found[i], err = c.file(name, m, f, at, *want)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// manifest reads the manifest that the record was made with.
func (c *checker) manifest(rec *Record) (*pkgfile.Manifest, error) {
	name := rec.Control.Name
	data, err := readFile(c.root.record(name, manifestFile))
	if err != nil {
		return nil, err
	}
	m, err := pkgfile.ParseManifest(data)
	if err != nil {
		return nil, err
	}
	if sum := (&pkgfile.Package{Encoded: data}).ManifestSHA256(); sum != rec.Manifest {
		return nil, muster.Errorf(muster.Invalid, "the manifest has sha256 %.16s, the record says %.16s", sum, rec.Manifest)
	}
	if c.opts.Verify == nil {
		return m, nil
	}
	signature, err := readFile(c.root.record(name, signatureFile))
	if err != nil {
		return nil, err
	}
	return m, c.opts.Verify(rec, data, signature)
}

// file compares one file.
func (c *checker) file(pkg string, m *pkgfile.Manifest, f *pkgfile.File, at string, want Attr) ([]Finding, error) {
	c.files.Add(1)
	name := c.root.abs(at)
	info, err := lstat(name)
	if err != nil {
		return nil, err
	}
	find := func(what, format string, args ...any) []Finding {
		return []Finding{{pkg, at, what, fmt.Sprintf(format, args...)}}
	}
	if info == nil {
		if f.Config != "" {
			return find(Edited, "was deleted"), nil
		}
		return find(Missing, "a %s", f.Type), nil
	}
	content := f
	if f.Type == pkgfile.Hardlink {
		content = m.Find(f.Link)
	}
	switch {
	case !isType(info, f.Type):
		return find(Type, "is a %s, should be a %s", typeOf(info), f.Type), nil
	case f.Type == pkgfile.Symlink:
		if target, _ := os.Readlink(name); filepath.ToSlash(target) != c.root.linkTarget(f, at) {
			return find(Linked, "leads to %q, should lead to %q", target, c.root.linkTarget(f, at)), nil
		}
		return nil, nil
	}
	var all []Finding
	if content.Type == pkgfile.Regular {
		all, err = c.content(find, f, content, name, info)
		if err != nil {
			return nil, err
		}
	}
	return append(all, c.attributes(find, f, info, want, name)...), nil
}

type finder func(what, format string, args ...any) []Finding

func (c *checker) content(find finder, f, content *pkgfile.File, name string, info fs.FileInfo) ([]Finding, error) {
	what := Changed
	if f.Config != "" {
		what = Edited
	}
	if info.Size() != content.Size && what == Changed {
		return find(what, "has %d bytes, should have %d", info.Size(), content.Size), nil
	}
	sum, err := hashFile(name)
	if err != nil {
		return nil, err
	}
	c.bytes.Add(info.Size())
	if c.opts.Progress != nil {
		c.opts.Progress(info.Size())
	}
	if sum != content.SHA256 {
		return find(what, "has sha256 %.16s, should have %.16s", sum, content.SHA256), nil
	}
	return nil, nil
}

// attributes compares mode, owner and extended attributes, where the root
// keeps them. Directories may belong to several packages and to the system
// before them: their modes are not compared.
func (c *checker) attributes(find finder, f *pkgfile.File, info fs.FileInfo, want Attr, name string) []Finding {
	if f.Type != pkgfile.Regular || runtime.GOOS == "windows" {
		return nil
	}
	var all []Finding
	is := attrOf(info)
	if is.Mode != want.Mode {
		all = append(all, find(Mode, "has mode %04o, should have %04o", is.Mode, want.Mode)...)
	}
	if !c.root.Config.Area && (is.UID != want.UID || is.GID != want.GID) {
		all = append(all, find(Owned, "belongs to %d:%d, should belong to %d:%d", is.UID, is.GID, want.UID, want.GID)...)
	}
	if !c.root.hasXattrs(name, f) {
		all = append(all, find(Mode, "lacks extended attributes")...)
	}
	return all
}

func isType(info fs.FileInfo, t pkgfile.Type) bool { return typeOf(info) == typeName(t) }

// typeName is what typeOf says of a file of a package.
func typeName(t pkgfile.Type) string {
	if t == pkgfile.Hardlink {
		return string(pkgfile.Regular)
	}
	return string(t)
}

func typeOf(info fs.FileInfo) string {
	switch {
	case info.Mode().IsRegular():
		return string(pkgfile.Regular)
	case info.IsDir():
		return string(pkgfile.Directory)
	case info.Mode()&fs.ModeSymlink != 0:
		return string(pkgfile.Symlink)
	}
	return strings.ToLower(info.Mode().Type().String())
}
