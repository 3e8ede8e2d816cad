package inventory

import (
	"cmp"
	"slices"
)

// Sources are the package managers that a document may name.
var Sources = []string{
	"apk", "brew", "dpkg", "flatpak", "freebsd", "macos", "pacman", "pkgsrc", "rpm", "snap", "windows",
}

// A Package is one installed package of a package manager. A source may have
// several of one name: architectures, versions side by side, and entries that
// differ by ID alone. (Name, Architecture, ID, Version) is unique in a source, where
// a source is a package manager; the field Source is the source package.
type Package struct {
	Architecture  string `json:"arch,omitempty"` // as the source writes it
	ID            string `json:"id,omitempty"`   // what the source tells namesakes apart by: registry key, bundle identifier, branch
	Installed     int64  `json:"installed,omitempty"`
	Name          string `json:"name"`
	Origin        string `json:"origin,omitempty"`         // repository or distribution it came from, where the source records it
	Signer        string `json:"signer,omitempty"`         // who signed it, as the source writes it: key id, remote, certificate
	Size          int64  `json:"size,omitempty"`           // bytes when installed, as the source counts
	Source        string `json:"source,omitempty"`         // what it was built from, where that has another name
	SourceVersion string `json:"source_version,omitempty"` // where that is another than its own
	Vendor        string `json:"vendor,omitempty"`         // vendor, publisher, packager or maintainer
	Version       string `json:"version"`                  // in the source's own order: with epoch and release
}

// Key tells packages of one source apart.
type Key struct {
	Architecture string `json:"arch,omitempty"`
	ID           string `json:"id,omitempty"`
	Name         string `json:"name"`
	Version      string `json:"version"`
}

// Key returns the key of p.
func (p *Package) Key() Key { return Key{p.Architecture, p.ID, p.Name, p.Version} }

// compare orders by name first, so that what belongs together stands together.
func (k Key) compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.Name, o.Name), cmp.Compare(k.Architecture, o.Architecture),
		cmp.Compare(k.ID, o.ID), cmp.Compare(k.Version, o.Version))
}

// SortPackages brings rows into the order of a document and drops all but the
// first of those with the same key. It changes its argument.
func SortPackages(rows []Package) []Package {
	slices.SortStableFunc(rows, func(a, b Package) int { return a.Key().compare(b.Key()) })
	return slices.CompactFunc(rows, func(a, b Package) bool { return a.Key() == b.Key() })
}

// Installed is a package of muster itself.
type Installed struct {
	Arch      string   `json:"arch"`      // joined by "+" where there are several
	Installed int64    `json:"installed"` // Unix seconds
	Kind      string   `json:"kind"`
	Manifest  string   `json:"manifest"` // SHA-256, hexadecimal
	Name      string   `json:"name"`
	Repo      string   `json:"repo,omitempty"` // repository it came from
	Root      string   `json:"root,omitempty"` // the area it is in; "" is the machine's own root
	Signers   []string `json:"signers,omitempty"`
	Size      int64    `json:"size"`   // bytes
	Status    string   `json:"status"` // as its last session setup and audit left it: OK, WARNING or ERROR
	Version   string   `json:"version"`
}

func (i *Installed) compare(o *Installed) int {
	return cmp.Or(cmp.Compare(i.Name, o.Name), cmp.Compare(i.Root, o.Root))
}

// Status is how a package of muster stands to what should be there: a row for each
// that is not as it should be, there or not, and for each that somebody assigns.
// An installed package without a row is OK. The section changes when repositories
// have news; it makes no history.
type Status struct {
	Available string `json:"available,omitempty"` // newest version that may be installed
	By        string `json:"by,omitempty"`        // who wants it: "host", "group lab", "user"
	Error     string `json:"error,omitempty"`     // of the last change of it
	Name      string `json:"name"`
	Root      string `json:"root,omitempty"` // as in [Installed]
	Status    string `json:"status"`         // see muster.Status: "NEED-INSTALL"
}

func (s *Status) compare(o *Status) int {
	return cmp.Or(cmp.Compare(s.Name, o.Name), cmp.Compare(s.Root, o.Root))
}

// Audit is what the audit of a package of muster said last. When it ran is in
// [Volatile].
type Audit struct {
	Output  string `json:"output,omitempty" text:"lines"` // at most [MaxOutput] bytes of its end
	Package string `json:"package"`
	Root    string `json:"root,omitempty"`
	Status  string `json:"status"` // OK, WARNING or ERROR
}

func (a *Audit) compare(o *Audit) int {
	return cmp.Or(cmp.Compare(a.Package, o.Package), cmp.Compare(a.Root, o.Root))
}
