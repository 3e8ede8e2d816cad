package advisory

import (
	"strings"

	"muster/sitereport"
)

// Kernel says whether a package is one of a kernel, and whether that kernel
// runs. A host has several kernels installed, and only one can be attacked: a
// finding about a kernel that does not run, or about its headers, is none about
// the host. Where the report does not name the running kernel each may be it. Of a host
// as a whole [Kernels] says it.
func Kernel(s sitereport.System, pkg sitereport.Package) (kernel, runs bool) {
	source := pkg.Source
	if source == "" {
		source = pkg.Name
	}
	for _, row := range kernels()[pkg.Manager] {
		rest, ok := row.name.match(pkg.Name)
		if !ok {
			continue
		}
		if _, ok := row.source.match(source); !ok {
			continue
		}
		if row.program {
			return false, false
		}
		return true, row.runs(s.Kernel, rest, pkg)
	}
	return false, false
}

// runs says whether one of the spellings of the row is that of the running kernel. Where
// that is not known each that can be a release may be: linux-image-amd64 is none.
func (k kernelRow) runs(running, rest string, pkg sitereport.Package) bool {
	r := spell(rest, pkg)
	for _, release := range k.releases {
		is := r.Replace(release)
		if is == running || running == "" && is != "" && '0' <= is[0] && is[0] <= '9' {
			return true
		}
	}
	return false
}

// spell knows the parts of spellings, for one package.
func spell(rest string, pkg sitereport.Package) *strings.Replacer {
	v := withoutEpoch(pkg.Version)
	upstream, packaging := v, ""
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		upstream, packaging = v[:i], v[i+1:]
	}
	return strings.NewReplacer(
		"{*}", rest, "{version}", v, "{arch}", pkg.Arch, "{upstream}", upstream, "{packaging}", packaging,
		"{rebuilt}", cutLast(packaging, "."), "{revision}", strings.TrimPrefix(packaging, "r"),
		"{dash}", dashed(upstream)+"-"+packaging)
}

// cutLast is s without its last separator and what follows.
func cutLast(s, separator string) string {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i]
	}
	return s
}

// dashed spells the upstream version of Arch's kernels as they spell their
// releases: 6.10.5.arch1 is 6.10.5-arch1, and 6.10.arch1 is 6.10.0-arch1.
func dashed(upstream string) string {
	i := strings.LastIndexByte(upstream, '.')
	if i < 0 {
		return upstream
	}
	number := upstream[:i]
	if strings.Count(number, ".") == 1 {
		number += ".0"
	}
	return number + "-" + upstream[i+1:]
}

// withoutEpoch is a version of dpkg, rpm or pacman without its epoch.
func withoutEpoch(v string) string {
	if epoch, rest, ok := strings.Cut(v, ":"); ok && strings.Trim(epoch, "0123456789") == "" {
		return rest
	}
	return v
}
