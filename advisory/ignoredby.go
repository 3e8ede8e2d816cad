package advisory

import (
	"slices"
	"strings"
)

// IgnoredBy says which of some entries lets an advisory be: its place, or -1. The
// entries are those that fit a package otherwise; each id is what the entry names, ""
// every advisory.
//
// An advisory of a distribution repairs several vulnerabilities. Who decided about one
// of them said nothing about the others: entries that name it by aliases let it be only
// where all are named, and one alone where there is one. Otherwise left are those that
// nobody decided about, where some are.
func (a *Advisory) IgnoredBy(ids []string) (first int, left []string) {
	if len(ids) == 0 {
		return -1, nil
	}
	if i := slices.IndexFunc(ids, func(id string) bool { return id == "" || id == a.ID }); i >= 0 {
		return i, nil
	}
	all := a.vulnerabilities()
	first = -1
	for i, id := range ids {
		if !slices.Contains(a.Aliases, id) {
			continue
		}
		if len(all) <= 1 {
			return i, nil
		}
		if first < 0 {
			first, left = i, slices.Clone(all)
		}
		left = slices.DeleteFunc(left, func(v string) bool { return v == id || v == cveOf(id) })
	}
	if len(left) > 0 {
		first = -1
	}
	return first, left
}

// PartlyIgnored is a note about what is left of an advisory; "" where nothing is.
func PartlyIgnored(left []string) string {
	if len(left) == 0 {
		return ""
	}
	return "ignored but for " + strings.Join(left, ", ")
}

// vulnerabilities are the CVEs that an advisory is about. Where it names none each alias
// is one.
func (a *Advisory) vulnerabilities() (all []string) {
	for _, name := range append([]string{a.ID}, a.Aliases...) {
		if cve := cveOf(name); cve != "" && !slices.Contains(all, cve) {
			all = append(all, cve)
		}
	}
	if all == nil {
		return a.Aliases
	}
	return all
}

// cveOf is the CVE in a name: DEBIAN-CVE-2026-1 is about CVE-2026-1, as CVE-2026-1 is.
func cveOf(name string) string {
	if i := strings.Index(name, "CVE-"); i >= 0 {
		return name[i:]
	}
	return ""
}
