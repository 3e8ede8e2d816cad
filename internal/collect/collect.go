// Package collect reads what a host is and has, into an inventory.
//
// Start with [Collect]. It reads files below a root and asks the running
// system only for what no file tells (network interfaces on systems other than
// Linux, free space, the registry of Windows), so that it takes no locks,
// starts no programs, and works on a prepared tree as on the machine itself.
//
// One file holds one source. A source that a host does not have gives nothing;
// one that cannot be read gives a [Failure], and the others go on: the caller
// keeps what it knew of it ([inventory.Document.Keep]), because a database that
// is broken for a moment is no removal of all packages.
//
// Everything that is read is bounded, and was written by others: package
// databases belong to the administrator, but an area, an image or an
// application folder may belong to anyone.
package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster/inventory"
)

// Options say what to look at.
type Options struct {
	// Root is the root of the file system: "/" or `C:\` for the running system,
	// or a prepared tree. Links in a tree that lead out of it are not followed.
	Root string
	// Sections are names of sections ("system", "packages.rpm"), or "packages"
	// for all sources; nil is everything.
	Sections []string
	// Now is the time to note in the volatile part.
	Now time.Time
	// Fixed is for names that are to stay: without the domain of resolv.conf, which is
	// another in each network.
	Fixed bool
}

// A Report is what Collect found.
type Report struct {
	Document *inventory.Document
	Volatile *inventory.Volatile
	Failures []Failure
}

// A Failure is a section that could not be read.
type Failure struct {
	Section string
	Err     error
}

// Collect looks at the host. It fails as a whole only where the root cannot be
// opened or ctx ends.
func Collect(ctx context.Context, opts Options) (*Report, error) {
	h, err := open(opts.Root)
	if err != nil {
		return nil, err
	}
	defer h.close()
	h.fixed = opts.Fixed
	r := &Report{
		Document: inventory.New(),
		Volatile: &inventory.Volatile{Format: inventory.Format, Time: opts.Now.Unix()},
	}
	for _, s := range sections {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if s.wanted(opts.Sections) {
			r.note(s.name, s.read(h, r))
		}
	}
	return r, nil
}

func (r *Report) note(section string, err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Failures = append(r.Failures, Failure{section, err})
	}
}

// A section reads one section into a report. fs.ErrNotExist says that the host
// does not have it.
type section struct {
	name string
	read func(*host, *Report) error
}

func (s *section) wanted(names []string) bool {
	return len(names) == 0 || slices.Contains(names, s.name) ||
		strings.HasPrefix(s.name, "packages.") && slices.Contains(names, "packages")
}

// sections are all that can be read, in the order in which they are.
var sections = []section{
	{"system", readSystem},
	{"hardware", readHardware},
	{"network", readNetwork},
	{"disks", readDisks},
	{"users", readUsers},
	{"packages.apk", packages("apk", readApk)},
	{"packages.brew", packages("brew", readBrew)},
	{"packages.dpkg", packages("dpkg", readDpkg)},
	{"packages.flatpak", packages("flatpak", readFlatpak)},
	{"packages.freebsd", packages("freebsd", readFreeBSD)},
	{"packages.macos", packages("macos", readMacOS)},
	{"packages.pacman", packages("pacman", readPacman)},
	{"packages.pkgsrc", packages("pkgsrc", readPkgsrc)},
	{"packages.rpm", packages("rpm", readRPM)},
	{"packages.snap", packages("snap", readSnap)},
	{"packages.windows", readWindows},
}

// Sections lists what Options.Sections may name.
func Sections() []string {
	names := []string{"packages"}
	for _, s := range sections {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

// packages makes a section of a source that lies in files.
func packages(source string, read func(fs.FS) ([]inventory.Package, error)) func(*host, *Report) error {
	return func(h *host, r *Report) error {
		rows, err := read(h.files)
		if err != nil {
			return err
		}
		return r.addPackages(source, rows)
	}
}

// addPackages cleans what was written by others, and sorts it.
func (r *Report) addPackages(source string, rows []inventory.Package) error {
	rows = slices.DeleteFunc(rows, func(p inventory.Package) bool { return inventory.Text(p.Name) == "" })
	if len(rows) > inventory.MaxRows {
		return fmt.Errorf("%s has %d packages, more than %d", source, len(rows), inventory.MaxRows)
	}
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		tidy(&rows[i])
	}
	if r.Document.Packages == nil {
		r.Document.Packages = map[string][]inventory.Package{}
	}
	r.Document.Packages[source] = inventory.SortPackages(rows)
	return nil
}

func tidy(p *inventory.Package) {
	for _, s := range []*string{&p.Architecture, &p.ID, &p.Name, &p.Origin, &p.Signer, &p.Source, &p.SourceVersion, &p.Vendor, &p.Version} {
		*s = inventory.Text(*s)
	}
	if p.Source == p.Name {
		p.Source = ""
	}
	if p.SourceVersion == p.Version {
		p.SourceVersion = ""
	}
	p.Installed, p.Size = positive(p.Installed), positive(p.Size)
}

// positive makes a number that a document takes of any.
func positive(n int64) int64 {
	if n < 0 || n > 1<<53 {
		return 0
	}
	return n
}

// A host is where Collect looks.
type host struct {
	files fs.FS
	live  bool // files is the running system's
	fixed bool // see Options
	close func()
}

// open opens a root. The running system's may have links with absolute targets,
// which os.Root refuses; in a tree they would lead out of it.
func open(root string) (*host, error) {
	if abs, err := filepath.Abs(root); err == nil && filepath.Dir(abs) == abs {
		return &host{files: os.DirFS(abs), live: true, close: func() {}}, nil
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("cannot open root: %w", err)
	}
	return &host{files: r.FS(), close: func() { r.Close() }}, nil
}
