// Package sitereport is what one host of a site says of itself at one time:
// its system, the kernel that runs, and the packages of its package managers.
// It reads and writes the native form, and reads what reporters of other
// projects send: Pakiti's clients (protocols 4 and 5) and agents of GLPI.
//
// Start with [Parse] and [Report.Marshal], the native form, of which there is
// one text for one report:
//
//	report  = "Muster-Report: 1" LF *(name ": " text LF) LF *(package LF)
//	package = manager TAB name TAB version TAB arch TAB source TAB source-version TAB origin
//
// [Report.SetHash] names a set of packages, whichever host has it. [Key] and
// [Proof] say who reports. Sealing and sending are no part of this package.
//
// docs/formats/report.md says all of it for a second implementation. Readers
// bound what they take before they keep it, and refuse rather than guess.
package sitereport

import (
	"cmp"
	"slices"
)

// A Report is what one host says at one time.
type Report struct {
	Host     string // name that the host gives itself, fully qualified where it has such a name
	Site     string // given by hand
	Tag      string // given by hand: what the host is for
	System   System
	Time     int64     // Unix seconds, by the host's clock; 0 where the form has none (Pakiti)
	Nonce    string    // 32 hexadecimal digits, lower case; "" where the form has none
	Packages []Package // sorted, unique: see [SortPackages]
}

// A System is the operating system of a host.
type System struct {
	ID      string // ID of os-release, "debian"; "" where only Name is known (Pakiti, GLPI)
	Version string // VERSION_ID of os-release, "12"
	Name    string // for people: "Debian GNU/Linux 12 (bookworm)"
	Arch    string // as uname -m writes it: "x86_64"
	Kernel  string // release of the kernel that runs: "6.1.0-28-amd64"
}

// A Package is one installed package, in the words of its package manager.
type Package struct {
	Manager       string // one of inventory.Sources: "dpkg", "rpm", ...
	Name          string
	Version       string // with epoch and release
	Arch          string
	Source        string // name of the source package; "" where equal to Name, or unknown
	SourceVersion string // "" where equal to Version, or unknown
	Origin        string // vendor or repository that it came from; "" unknown
}

// compare orders packages as their lines are ordered as bytes: no field has a
// byte below TAB, which ends each.
func (p *Package) compare(o *Package) int {
	return cmp.Or(
		cmp.Compare(p.Manager, o.Manager), cmp.Compare(p.Name, o.Name),
		cmp.Compare(p.Version, o.Version), cmp.Compare(p.Arch, o.Arch),
		cmp.Compare(p.Source, o.Source), cmp.Compare(p.SourceVersion, o.SourceVersion),
		cmp.Compare(p.Origin, o.Origin))
}

// SortPackages brings packages into the order of a report and drops all but
// one of those that are equal. It changes its argument.
func SortPackages(all []Package) []Package {
	slices.SortFunc(all, func(a, b Package) int { return a.compare(&b) })
	return slices.Compact(all)
}
