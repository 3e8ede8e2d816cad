package advisory

import "strings"

// Red Hat and its kin offer several streams of the same packages at once, as
// modules: nodejs 18 and 20 side by side, under one name. A fix in one stream
// says nothing about another, though its version may be higher. Reports do not
// say which stream a package is of; releases of modular packages show that they
// are modular (".module+el8.9.0+..."), and versions mostly begin with the
// number of their stream.

// isModular says whether a version is that of a package of a module.
func isModular(version string) bool {
	i := strings.LastIndexByte(version, '-')
	return i >= 0 && (strings.Contains(version[i:], ".module+") || strings.Contains(version[i:], ".module_"))
}

// sameStream says whether an installed version and the bound of a range may be
// of the same stream, and are of the same flavour; module is that of the row, "" unknown. Versions that do
// not begin with the number of a named stream may be of it. Where the row does
// not name its stream, the first numbers of both have to be equal: that takes
// perl 5.30 and 5.32 for one stream, and a stream that changed its first number
// for two.
func sameStream(module, installed, bound string) bool {
	if bound != "" && flavour(installed) != flavour(bound) {
		return false
	}
	if bound == "" {
		return module == "" || isModular(installed)
	}
	if modular := module != "" || isModular(bound); modular != isModular(installed) {
		return false
	} else if !modular {
		return true
	}
	if module == "" {
		return firstNumber(bound) == firstNumber(installed)
	}
	_, stream, _ := strings.Cut(module, ":")
	return !isStreamOf(stream, bound) || isStreamOf(stream, installed)
}

// flavour is what a build of Oracle is of, beside the ordinary one: packages that are
// patched while they run, and those that were certified. They have versions, and epochs,
// and fixes of their own: the one says nothing about the other.
func flavour(version string) string {
	release := version[strings.LastIndexByte(version, '-')+1:]
	switch {
	case strings.Contains(release, ".ksplice"):
		return "ksplice"
	case strings.HasSuffix(release, "_fips") || strings.Contains(release, "_fips."):
		return "fips"
	}
	return ""
}

// isStreamOf says whether a version begins with the numbers of a stream.
func isStreamOf(stream, version string) bool {
	if stream == "" || strings.Trim(stream, "0123456789.") != "" {
		return false
	}
	rest, ok := strings.CutPrefix(withoutEpoch(version), stream)
	return ok && (rest == "" || rest[0] < '0' || '9' < rest[0])
}

func firstNumber(version string) string {
	v := withoutEpoch(version)
	return v[:len(v)-len(strings.TrimLeft(v, "0123456789"))]
}
