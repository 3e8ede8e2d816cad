package sitereport

import (
	"fmt"
	"strings"

	"muster"
	"muster/inventory"
)

// A Mode is what a reporter asks of a collector.
type Mode string

// The modes, in the words of Pakiti's clients.
const (
	StoreOnly      Mode = "store-only"
	StoreAndReport Mode = "store-and-report"
	ReportOnly     Mode = "report-only"
)

// ParseMode reads the variable mode of a query, or report of Pakiti's protocol 4.
// Without a text it is StoreOnly.
func ParseMode(text string) (Mode, error) {
	switch text {
	case "", "0", string(StoreOnly):
		return StoreOnly, nil
	case "1", string(StoreAndReport):
		return StoreAndReport, nil
	case "2", string(ReportOnly):
		return ReportOnly, nil
	}
	return "", muster.Errorf(muster.Invalid, "%.40q is no mode of a report", text)
}

// Stores reports whether the report is to be kept.
func (m Mode) Stores() bool { return m != ReportOnly }

// Answers reports whether what is published against the packages is asked for.
func (m Mode) Answers() bool { return m != StoreOnly }

// finish makes a report of what somebody else's program wrote: texts are cleaned,
// packages without a name left out, sorted, and the whole checked.
func (r *Report) finish(form string) (*Report, error) {
	for _, f := range r.fields() {
		*f.value = inventory.Text(*f.value)
	}
	r.Host = hostName(r.Host)
	r.Packages = tidy(r.Packages)
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("cannot read report of %s: %w", form, err)
	}
	return r, nil
}

// hostName makes a name without blanks, which people give to machines of their own.
func hostName(s string) string { return strings.Join(strings.Fields(s), "-") }

// tidy brings packages of any origin into the order and the bounds of a report. It
// changes its argument.
func tidy(all []Package) []Package {
	kept := all[:0]
	for _, p := range all {
		for _, s := range p.texts() {
			*s = inventory.Text(*s)
		}
		if p.Source == p.Name {
			p.Source = ""
		}
		if p.SourceVersion == p.Version {
			p.SourceVersion = ""
		}
		// Keys that rpm verifies packages with are rows of its database.
		if p.Name != "" && !(p.Manager == "rpm" && p.Name == "gpg-pubkey") {
			kept = append(kept, p)
		}
	}
	return SortPackages(kept)
}

// pakitiManager is the package manager that a client of Pakiti names. What it calls
// pkg is FreeBSD's, or pkgsrc.
func pakitiManager(packager, system string) (string, error) {
	name, _, _ := strings.Cut(system, " ")
	switch {
	case packager == "rpm", packager == "dpkg":
		return packager, nil
	case packager == "pkg" && (name == "FreeBSD" || name == "DragonFly" || name == ""):
		return "freebsd", nil
	case packager == "pkg" && name == "NetBSD":
		return "pkgsrc", nil
	}
	return "", muster.Errorf(muster.Invalid, "packages of %.40q on %.40q are of no known package manager", packager, system)
}

// pakitiVersion takes away what clients write for an epoch that is not there.
func pakitiVersion(manager, version string) string {
	if manager != "rpm" {
		return version
	}
	version = strings.TrimPrefix(version, "(none):")
	return strings.TrimPrefix(version, "0:")
}
