package advisory

import (
	"strings"

	"muster/sitereport"
	"muster/version"
)

// Match says whether a package of a host on p is affected, and the version that
// repairs it; "" where none is known.
//
// A row about a source package is held against the source's name and version,
// one about a binary package against the package's own: a rebuild of Debian
// (1.2-3+b1) and a package with a version of its own (libgcc-s1 of gcc-12) have
// other versions than their source. Of a package without a source name the
// source is taken to be of the same name and version.
func Match(p Platform, pkg sitereport.Package, a *Affected) (fixed string, hit bool) {
	if !p.Known || pkg.Manager != p.Manager || a.Ecosystem != p.Ecosystem {
		return "", false
	}
	if a.Release != "" && a.Release != p.Release {
		return "", false
	}
	s := subjectOf(p, &pkg)
	name, installed := s.source, s.sourceVersion
	if a.Binary {
		name, installed = pkg.Name, pkg.Version
	}
	if !a.names(name) || a.Arch != "" && a.Arch != pkg.Arch {
		return "", false
	}
	return a.judge(comparison{p.Order, p.Manager == "rpm"}, installed)
}

func (a *Affected) names(name string) bool {
	return a.Name == name || a.Glob && Glob(a.Name, name)
}

// A subject is what advisories call a package's source.
type subject struct{ source, sourceVersion string }

func subjectOf(p Platform, pkg *sitereport.Package) subject {
	s := subject{pkg.Source, pkg.SourceVersion}
	if s.source == "" {
		s.source = pkg.Name
	}
	if s.sourceVersion == "" {
		s.sourceVersion = pkg.Version
	}
	for _, row := range sources()[p.Ecosystem] {
		if rest, ok := row.source.match(s.source); ok {
			return subject{strings.Replace(row.becomes, "*", rest, 1), pkg.Version}
		}
	}
	return s
}

// borrowEpoch gives a version of rpm without an epoch that of another.
func borrowEpoch(version, other string) string {
	if version == other || withoutEpoch(version) != version {
		return version
	}
	if rest := withoutEpoch(other); rest != other {
		return other[:len(other)-len(rest)] + version
	}
	return version
}

// A comparison is the order of versions of a platform, and the traps of rpm.
type comparison struct {
	order version.Order
	rpm   bool
}

// compare holds what is installed against a bound. Epochs of rpms count only
// where both are written: reporters and publishers leave them out, as do the
// names of source rpms, and packages do not change theirs within a release.
func (c comparison) compare(installed, bound string) int {
	if c.rpm {
		i, b := withoutEpoch(installed), withoutEpoch(bound)
		if i == installed || b == bound {
			return c.order(i, b)
		}
	}
	return c.order(installed, bound)
}

// judge holds an installed version against ranges and versions.
func (a *Affected) judge(c comparison, installed string) (fixed string, hit bool) {
	if len(a.Ranges) == 0 && len(a.Versions) == 0 {
		return "", a.Module == "" || !c.rpm || isModular(installed)
	}
	of := installed
	if !c.rpm {
		of = unported(installed)
	}
	for _, r := range a.RangesFor(installed) {
		if c.rpm && !sameStream(a.Module, installed, r.bound()) || !r.has(c, of) {
			continue
		}
		if r.Backports() { // which of them backports have is not known
			return "", true
		}
		return a.repaired(r.Fixed), true
	}
	for _, v := range a.Versions {
		if a.Glob && Glob(v, installed) || !a.Glob && c.compare(installed, v) == 0 {
			return "", true
		}
	}
	return "", false
}

// repaired is fixed where the package's own release has it, as managers write
// it: without an epoch 0.
func (a *Affected) repaired(fixed string) string {
	if a.FixElsewhere {
		return ""
	}
	return strings.TrimPrefix(fixed, "0:")
}

func (r Range) has(c comparison, installed string) bool {
	if r.Introduced != "" && c.compare(installed, r.Introduced) < 0 {
		return false
	}
	if r.After != "" && c.compare(installed, r.After) <= 0 {
		return false
	}
	if r.Fixed != "" && c.compare(installed, r.Fixed) >= 0 {
		return false
	}
	return r.Last == "" || c.compare(installed, r.Last) <= 0
}

// bound is the version by which a range ends, or where it has no end begins.
func (r Range) bound() string {
	switch {
	case r.Fixed != "":
		return r.Fixed
	case r.Last != "":
		return r.Last
	case r.After != "":
		return r.After
	}
	return r.Introduced
}
