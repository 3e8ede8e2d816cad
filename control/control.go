// Package control is what a package says of itself: its name, version, kind,
// platforms, relations to other packages, and what people read about it.
//
// A control has two forms. In recipes and repository indexes it is a deb822
// stanza ([Parse], [Control.Stanza]); in a package's manifest it is canonical
// JSON (the struct tags). Both carry the same fields under the same names, and
// each is accepted only if [Control.Check] finds nothing wrong.
//
// The package is pure: no I/O, no clock, no log.
package control

import (
	"strings"

	"muster"
)

// All is the platform name that stands for every operating system, or every
// architecture.
const All = "all"

// A Control describes one version of one package. The fields are in the order
// of their JSON names, which package canon relies on.
//
// A field's deb822 name is its JSON name. Lists are written with commas,
// descriptions in other languages as description-fr and so on. Times are
// RFC 3339 with seconds, in UTC ("2026-11-21T06:00:00Z").
type Control struct {
	// AppliesTo says to which hosts a package of kind group, profile, config,
	// self-service or wsus is assigned, in the language of package search: "os:windows
	// memory<4G". Empty: only to those that something else assigns it to.
	AppliesTo string `json:"applies-to,omitempty"`
	// Architecture lists the processor architectures that the package runs on,
	// by their GOARCH names, or is ["all"].
	Architecture []string `json:"architecture"`
	// AuditSchedule is how often audit() runs on a host: a number and one of
	// m, h, d, w ("1d"). Empty: only on request.
	AuditSchedule string `json:"audit-schedule,omitempty"`
	// Conflicts lists what may not be installed beside this package.
	Conflicts []Relation `json:"conflicts,omitempty"`
	// CPE and PURL name the software in advisories.
	CPE string `json:"cpe,omitempty"`
	// Depends lists what must be installed for this package to work; each
	// entry is satisfied by any one of its alternatives, the first preferred.
	Depends []Dependency `json:"depends,omitempty"`
	// Description is one line and, after a line feed, more.
	Description  string            `json:"description,omitempty"`
	Descriptions map[string]string `json:"descriptions,omitempty"` // by language, two letters
	// FileNames is empty, or "posix" for a package of only Linux and FreeBSD whose
	// file names other systems could not tell apart or hold; see package pkgfile.
	FileNames string `json:"file-names,omitempty"`
	// ForcedInstallOn is the deadline after which a user may no longer postpone.
	ForcedInstallOn string `json:"forced-install-on,omitempty"`
	Homepage        string `json:"homepage,omitempty"`
	// ImpactedProcesses lists programs that must be closed for a change.
	ImpactedProcesses []string    `json:"impacted-processes,omitempty"`
	Keywords          []string    `json:"keywords,omitempty"`
	Kind              muster.Kind `json:"kind"`
	// Licence is an SPDX expression, or free text.
	Licence string `json:"licence,omitempty"`
	// Locale lists the languages that the package is for (ISO 639-1); empty is all.
	Locale     []string `json:"locale,omitempty"`
	Maintainer string   `json:"maintainer,omitempty"`
	// Maturity is a free word such as PROD, PREPROD or DEV; empty is PROD.
	Maturity string `json:"maturity,omitempty"`
	// MaxOSVersion and MinOSVersion bound the operating system, inclusive.
	MaxOSVersion string `json:"max-os-version,omitempty"`
	MinOSVersion string `json:"min-os-version,omitempty"`
	// OS lists operating systems by their GOOS names, or is ["all"].
	OS []string `json:"os"`
	// Name is the package's name, the field "package" of a stanza; see [CheckName].
	Name string `json:"package"`
	// Provides lists names that this package stands for, each with at most one
	// bound "= version".
	Provides []Relation `json:"provides,omitempty"`
	PURL     string     `json:"purl,omitempty"`
	// RequiredParams lists the parameters that must be given at installation.
	RequiredParams []string `json:"required-params,omitempty"`
	// Rollout is empty, or "required" for a version that hosts take only where their
	// repository lists a rollout of it; see package rollout.
	Rollout string `json:"rollout,omitempty"`
	// Setuid lists the files, relative to the root, that have a set-user-ID or
	// set-group-ID bit or a file capability. No other file may.
	Setuid []string `json:"setuid,omitempty"`
	// Title is the name that people know, with spaces and capitals.
	Title string `json:"title,omitempty"`
	// ValidFrom and ValidUntil bound the time in which the package is offered.
	ValidFrom  string `json:"valid-from,omitempty"`
	ValidUntil string `json:"valid-until,omitempty"`
	// Version is in the grammar of package version.
	Version string `json:"version"`
}

// String is "name version".
func (c *Control) String() string { return c.Name + " " + c.Version }

// FileName is the name of the package's file, name_version_os_arch.mpk, with
// characters outside [A-Za-z0-9.+~-] escaped as %hh. Several platforms are
// joined by a plus sign.
func (c *Control) FileName() string {
	return escape(c.Name) + "_" + escape(c.Version) + "_" +
		escape(strings.Join(c.OS, "+")) + "_" + escape(strings.Join(c.Architecture, "+")) + ".mpk"
}

func escape(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".+~-", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// RunsOn reports whether the package is for platform p. Bounds on the version
// of the operating system hold only where that is known.
func (c *Control) RunsOn(p muster.Platform) bool {
	return has(c.OS, p.OS) && has(c.Architecture, p.Arch) && c.osVersionFits(p.Version)
}

func has(list []string, name string) bool {
	for _, s := range list {
		if s == name || s == All {
			return true
		}
	}
	return false
}

// Summary is the first line of the description in the language given, in
// English where there is none.
func (c *Control) Summary(lang string) string {
	d := c.Descriptions[lang]
	if d == "" {
		d = c.Description
	}
	line, _, _ := strings.Cut(d, "\n")
	return line
}
