// Package advisory reads published vulnerabilities and holds them against the
// packages of hosts.
//
// An importer is a function of the form [Importer], one file a form. It yields
// advisories in one shape, whoever published them. [Match] says whether one
// package is affected; [Index] does it for many packages and advisories at
// once; [MatchAll] judges a whole host: the kernel that runs, and what people
// chose to ignore.
//
// Systems are mapped by data, in package systems. Versions are compared in the
// exact order of the platform, by package version.
//
// The package is pure: no network, no database, no clock, no log.
// docs/formats/advisories.md says what is read of each form.
package advisory

import "muster/advisory/systems"

// A Platform is a system that advisories are published for.
type Platform = systems.Platform

// An Advisory is one published statement about vulnerable packages.
type Advisory struct {
	ID         string   // as its publisher writes it: "DSA-5432-1", "CVE-2024-1"
	Source     string   // the form it came in: "osv", "debian", "csaf", "oval", ...
	Aliases    []string // other names of the same vulnerability, above all CVEs; sorted, without ID
	Published  int64    // Unix seconds; 0 unknown
	Modified   int64    // Unix seconds; 0 unknown
	Withdrawn  int64    // Unix seconds; 0: it stands
	Summary    string   // for people, one line, at most [MaxSummary] bytes
	Severity   Severity
	CVSS       string   // vector: "CVSS:3.1/AV:N/..."
	References []string // addresses; the first is where to read on
	Exploited  bool     // a catalogue of exploited vulnerabilities lists it
	Affected   []Affected
	// Of a score of [Scores]: how likely it is to be exploited within 30 days, and which
	// share of all vulnerabilities is less so. 0: not known.
	EPSS       float64 `json:",omitempty"`
	Percentile float64 `json:",omitempty"`
	// Life is of a release: such a list speaks of no package, and Affected is empty.
	Life *Life `json:",omitempty"`
}

// Affected says which versions of one package on one platform are vulnerable.
// Without Ranges and Versions every version is.
type Affected struct {
	Ecosystem string   // as systems.Platform
	Release   string   // as systems.Platform; "" every one
	Name      string   // of a source package, or where Binary of a binary one
	Binary    bool     // ecosystems without source packages (freebsd, pkgsrc, arch) have binary ones only
	Arch      string   // as the package manager writes it; "" every one
	Module    string   // stream of a module of RPM, "nodejs:18": only packages of it; "" not of a module
	Ranges    []Range  // a version in any of them is affected
	Versions  []string // or one that equals one of these
	Glob      bool     // Name and Versions are patterns, see [Glob]; Versions then match as text, not in an order
	// FixElsewhere: the release has no fixed version yet. Fixed of Ranges is that
	// of a newer release, which counts for hosts that have it from there.
	FixElsewhere bool
	Status       string   // a constant Status...: "" affected; others are shown, and may be filtered
	Severity     Severity // for this package and release, where it differs; else Unknown
}

// What a publisher says of an affected package beyond that it is affected.
const (
	StatusUnimportant   = "unimportant"         // the publisher sees no risk in it
	StatusNoDSA         = "no-dsa"              // no update of its own is planned
	StatusEndOfLife     = "end-of-life"         // the package gets no updates any more
	StatusInvestigating = "under-investigation" // not yet known whether it is affected
	StatusLimited       = "limited-support"     // it is mended for some uses only
	StatusWillNotFix    = "will-not-fix"        // affected, and it stays so
	StatusNotInRelease  = "not-in-release"      // the release does not have the package: obsolete, or of another release
)

// A Range is an interval of versions. Without Fixed and Last there is no fix yet.
type Range struct {
	Introduced string // first version affected; "" from the beginning
	After      string // last version before the first affected, where Introduced is not known; "" from the beginning
	Fixed      string // first version that is not affected any more
	Last       string // last version affected, where Fixed is not known
	Branch     string // "el9_2": counts for versions of this branch alone, and no other range does; see [Branch]; of packages of backports, see [Range.Backports]
}

// MaxSummary bounds a Summary; what is longer is cut by [Summarize].
const MaxSummary = 300
