package sitereport

import (
	"strings"

	"muster"
)

// ParsePakiti4 reads the variables that a client of Pakiti 2 sends, in a form or in
// a query: get returns one by name, "" where there is none. Lines of packages are
// 'name' 'version' 'release' 'arch'; dpkg's have no release of their own.
func ParsePakiti4(get func(name string) string) (*Report, error) {
	text := get("pkgs")
	if len(text) > MaxReport {
		return nil, muster.Errorf(muster.Invalid, "report has %d bytes, more than %d", len(text), MaxReport)
	}
	system := get("os")
	manager, err := pakitiManager(get("type"), system)
	if err != nil {
		return nil, err
	}
	host, _, _ := strings.Cut(get("host"), " ")
	r := &Report{
		Host: host, Site: get("site"), Tag: get("tag"),
		System: System{Name: system, Arch: get("arch"), Kernel: plus(get("kernel"))},
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		p, err := pakiti4Line(manager, line)
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read report of Pakiti: line %d of pkgs: %w", n, err)
		}
		if len(r.Packages) == MaxPackages {
			return nil, muster.Errorf(muster.Invalid, "cannot read report of Pakiti: more than %d packages", MaxPackages)
		}
		r.Packages = append(r.Packages, p)
	}
	return r.finish("Pakiti")
}

func pakiti4Line(manager, line string) (Package, error) {
	inner, ok := strings.CutPrefix(line, "'")
	inner, end := strings.CutSuffix(inner, "'")
	columns := strings.Split(inner, "' '")
	if !ok || !end || len(columns) != 4 || len(line) > maxLine {
		return Package{}, muster.Errorf(muster.Invalid, "%.80q is not 'name' 'version' 'release' 'arch'", line)
	}
	version := pakitiVersion(manager, columns[1])
	if columns[2] != "" {
		version += "-" + columns[2]
	}
	return Package{Manager: manager, Name: plus(columns[0]), Version: plus(version), Arch: columns[3]}, nil
}

// plus gives back the plus signs that clients escape by hand, also where nobody
// unescapes, in a form of several parts.
func plus(s string) string {
	return strings.NewReplacer("%2b", "+", "%2B", "+").Replace(s)
}
