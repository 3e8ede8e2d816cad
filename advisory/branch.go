package advisory

import "strings"

// unported is the version of the package that a backport was made of, or any other as it
// is: 6.1.90-1~bpo11+1 has all that 6.1.90-1 has.
func unported(version string) string {
	if i := strings.LastIndex(version, "~bpo"); i > 0 && len(version) > i+4 && '0' <= version[i+4] && version[i+4] <= '9' {
		return version[:i]
	}
	return version
}

// Branch is the minor release that a version of Red Hat was built for: "el9_2"
// of 5.14.0-284.30.1.el9_2 and of module+el9.2.0, "" where the version does not
// say one.
//
// Red Hat mends minor releases apart from each other, and a version of one may
// sort after the mended version of another without being mended itself. So a
// version is held against the fix of its own branch where there is one.
func Branch(version string) string {
	for i := 0; i+3 < len(version); i++ {
		sep := version[i]
		if sep != '.' && sep != '+' || version[i+1] != 'e' || version[i+2] != 'l' {
			continue
		}
		major, rest := cutNumber(version[i+3:])
		join := byte('_')
		if sep == '+' { // of a module: module+el9.2.0+19898+ab99ba34
			join = '.'
		}
		if major == "" || rest == "" || rest[0] != join {
			continue
		}
		if minor, _ := cutNumber(rest[1:]); minor != "" {
			return "el" + major + "_" + minor
		}
	}
	return ""
}

// cutNumber splits s after the digits at its start.
func cutNumber(s string) (digits, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	return s[:len(s)-len(rest)], rest
}

// RangesFor are the ranges of a that count for a version: those of its branch,
// or where there are none those of no branch. Backports of Debian are a branch, too.
func (a *Affected) RangesFor(version string) []Range {
	if !a.hasBranches() {
		return a.Ranges
	}
	branch := Branch(version)
	if unported(version) != version {
		branch = backports
	}
	var own, other []Range
	for _, r := range a.Ranges {
		switch r.Branch {
		case "":
			other = append(other, r)
		case branch:
			own = append(own, r)
		}
	}
	if branch != "" && own != nil {
		return own
	}
	return other
}

func (a *Affected) hasBranches() bool {
	for _, r := range a.Ranges {
		if r.Branch != "" {
			return true
		}
	}
	return false
}
