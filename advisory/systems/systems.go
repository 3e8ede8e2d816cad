// Package systems says which platform a host is: whose advisories speak of it,
// of which release, and in which order its versions stand. It also reads the
// names by which publishers of advisories call the same platforms.
//
// Nothing is guessed. Every known system is a row of systems.csv and every
// known name of a publisher one of names.csv; a configuration may put rows
// before them ([Table.Extend]). What no row covers is not Known, and callers
// list it.
//
// Start with [Builtin], [Table.Of] and [Table.Named].
package systems

import (
	"slices"
	"strings"

	"muster/version"
)

// A Platform is what advisories are published for.
type Platform struct {
	Ecosystem string        // as ecosystems.csv names it: "debian", "redhat", "freebsd"
	Release   string        // "12", "22.04"; "" where the ecosystem has none
	Manager   string        // the source of inventory.Sources whose packages are meant: "dpkg"
	Order     version.Order // of its versions
	Names     Names         // whose names OSV documents have
	Known     bool          // false: no row speaks of the system; all else is empty
}

// Names says what kind of package a name is of.
type Names string

// Kinds of packages.
const (
	Source Names = "source"
	Binary Names = "binary"
	Either Names = "either"
)

// Of is the platform of a host, by ID and VERSION_ID of its os-release, or
// where it has no such file by the name of its system.
func (t *Table) Of(id, versionID, name string) Platform {
	id, versionID, name = plain(id), plain(versionID), plain(name)
	for _, s := range t.systems {
		if s.id != id {
			continue
		}
		n, ok := s.match(versionID, name)
		if ok {
			return t.platform(s.ecosystem, n.fill(s.release))
		}
	}
	return Platform{}
}

// ByName reports whether the name of a system decides which platform it is, given its ID
// and VERSION_ID. Where it does not, or there is no ID but the name, all systems with
// these are one platform.
func (t *Table) ByName(id, versionID string) bool {
	id, versionID = plain(id), plain(versionID)
	for _, s := range t.systems {
		if s.id != id {
			continue
		}
		if _, ok := s.version.match(versionID); ok {
			return !s.anyName // those behind it are looked at only where it has a name
		}
	}
	return false
}

// match holds version and name against a row. Numbers of the name count where
// the version has none: rows for systems without a version.
func (s *system) match(versionID, name string) (numbers, bool) {
	n, ok := s.version.match(versionID)
	if !ok || s.anyName {
		return n, ok
	}
	m, ok := s.name.match(name)
	for i := range m {
		if n[i] == "" {
			n[i] = m[i]
		}
	}
	return n, ok
}

// For is the platform that advisories about the packages of one manager of a
// host speak of. That is the host's own, if its own manager, or the manager's
// where it brings its packages to every system (pkgsrc); others are not Known:
// what an rpm on Debian comes from is not known.
func (t *Table) For(id, versionID, name, manager string) Platform {
	p := t.Of(id, versionID, name)
	if p.Known && p.Manager == manager {
		return p
	}
	if e, ok := t.everywhere[manager]; ok {
		return t.platform(e, "")
	}
	return Platform{}
}

// Named is the platform that a publisher calls name. Schemes are "osv" (an
// ecosystem: "Debian:12"), "suite" (a code name: "bookworm") and "cpe".
func (t *Table) Named(scheme, name string) Platform {
	name = plain(name)
	for _, row := range t.names[scheme] {
		if n, ok := row.pattern.match(name); ok {
			return t.platform(row.ecosystem, n.fill(row.release))
		}
	}
	return Platform{}
}

// Ecosystem is the platform of a name of ecosystems.csv and a release.
func (t *Table) Ecosystem(ecosystem, release string) Platform {
	if _, ok := t.ecosystems[ecosystem]; !ok {
		return Platform{}
	}
	return t.platform(ecosystem, release)
}

// Ecosystems are the names of ecosystems.csv, sorted.
func (t *Table) Ecosystems() []string {
	var all []string
	for name := range t.ecosystems {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func (t *Table) platform(ecosystem, release string) Platform {
	e := t.ecosystems[ecosystem]
	return Platform{Ecosystem: ecosystem, Release: release, Manager: e.manager, Order: e.order, Names: e.names, Known: true}
}

// plain is text as patterns see it: in lower case, single spaces, none around.
func plain(s string) string {
	if len(s) > maxName {
		return strings.Repeat("?", maxName+1) // fits no pattern
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}
