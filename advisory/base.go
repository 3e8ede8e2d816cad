package advisory

import (
	"strings"

	"muster/sitereport"
)

// Base is the system itself, as packages that no package manager lists and
// advisories name nevertheless: on FreeBSD the userland and the kernel that
// runs, in the versions that pkg audit gives them (14.1_5 for
// 14.1-RELEASE-p5). Other systems are made of packages.
func Base(s sitereport.System) (all []sitereport.Package) {
	if !strings.EqualFold(s.ID, "freebsd") && !strings.HasPrefix(s.Name, "FreeBSD ") {
		return nil
	}
	for _, of := range []struct{ name, release string }{
		{"FreeBSD", strings.TrimPrefix(s.Name, "FreeBSD ")},
		{"FreeBSD-kernel", s.Kernel},
	} {
		if v, ok := baseVersion(of.release); ok {
			all = append(all, sitereport.Package{Manager: "freebsd", Name: of.name, Version: v})
		}
	}
	return all
}

// baseVersion spells a release as a version. Only releases get updates.
func baseVersion(release string) (v string, ok bool) {
	number, patch, ok := strings.Cut(release, "-RELEASE")
	if !ok || number == "" || strings.Trim(number, "0123456789.") != "" {
		return "", false
	}
	if patch == "" {
		return number, true
	}
	level, ok := strings.CutPrefix(patch, "-p")
	return number + "_" + level, ok && level != "" && strings.Trim(level, "0123456789") == ""
}
