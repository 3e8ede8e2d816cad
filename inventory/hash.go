package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"muster/internal/canon"
)

// Hashes are the SHA-256 of the sections of a document, hexadecimal, by the
// name of the section: "system", "packages.dpkg".
type Hashes map[string]string

// Set is the set-hash: the SHA-256 of one line "name hash\n" a section, sorted
// by name. Two documents with the same set-hash are the same.
func (h Hashes) Set() string {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(all, "%s %s\n", name, h[name])
	}
	return hex.EncodeToString(all.Sum(nil))
}

// Hashes returns the hash of every section that d has. An empty list and an
// absent one are the same: no section.
func (d *Document) Hashes() (Hashes, error) {
	hashes := Hashes{}
	for name, v := range d.sections() {
		data, err := canon.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("cannot encode section %s: %w", name, err)
		}
		sum := sha256.Sum256(data)
		hashes[name] = hex.EncodeToString(sum[:])
	}
	return hashes, nil
}

// sections returns what d has, by the names of sections.
func (d *Document) sections() map[string]any {
	all := map[string]any{}
	for name, part := range d.parts() {
		if part.there() {
			all[name] = part.value()
		}
	}
	for source, rows := range d.Packages {
		if len(rows) > 0 {
			all[packagesPrefix+source] = rows
		}
	}
	return all
}

// packagesPrefix begins the names of sections of packages.
const packagesPrefix = "packages."

// A part is a section that travels whole.
type part interface {
	there() bool
	value() any
	copyTo(d *Document, name string)
}

// parts are the sections of d that are not of packages, there or not.
func (d *Document) parts() map[string]part {
	return map[string]part{
		"audits":   list[Audit]{&d.Audits},
		"disks":    single[Disks]{&d.Disks},
		"hardware": single[Hardware]{&d.Hardware},
		"muster":   list[Installed]{&d.Muster},
		"network":  single[Network]{&d.Network},
		"status":   list[Status]{&d.Status},
		"system":   single[System]{&d.System},
		"users":    single[Users]{&d.Users},
	}
}

type single[T any] struct{ at **T }

func (s single[T]) there() bool { return *s.at != nil }
func (s single[T]) value() any  { return *s.at }
func (s single[T]) copyTo(d *Document, name string) {
	*d.parts()[name].(single[T]).at = *s.at
}

type list[T any] struct{ at *[]T }

func (l list[T]) there() bool { return len(*l.at) > 0 }
func (l list[T]) value() any  { return *l.at }
func (l list[T]) copyTo(d *Document, name string) {
	*d.parts()[name].(list[T]).at = *l.at
}

// Keep copies the named section of base into d, or takes it away where base
// has none: for a section that could not be read this time. It reports whether
// name is a section.
func (d *Document) Keep(base *Document, name string) bool {
	if p, ok := base.parts()[name]; ok {
		p.copyTo(d, name)
		return true
	}
	source, ok := cutSource(name)
	if !ok {
		return false
	}
	d.setPackages(source, base.Packages[source])
	return true
}

// setPackages replaces the rows of a source. A source without rows is no section.
func (d *Document) setPackages(source string, rows []Package) {
	if len(rows) == 0 {
		delete(d.Packages, source)
		return
	}
	if d.Packages == nil {
		d.Packages = map[string][]Package{}
	}
	d.Packages[source] = rows
}
