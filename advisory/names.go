package advisory

import "muster/sitereport"

// Names are those under which an [Affected] about a package of a host on p may stand,
// patterns aside: the package's own, its source's, and the one under which advisories
// speak of that source. Who keeps advisories looks these up.
func Names(p Platform, pkg sitereport.Package) []string {
	names := []string{pkg.Name}
	for _, n := range []string{pkg.Source, subjectOf(p, &pkg).source} {
		if n != "" && n != names[0] && n != names[len(names)-1] {
			names = append(names, n)
		}
	}
	return names
}
