package advisory

import (
	"regexp"
	"slices"
	"strings"

	"muster/sitereport"
)

// Kernel says whether a package is one of a kernel, and whether that kernel
// runs. A host has several kernels installed, and only one can be attacked: a
// finding about a kernel that does not run, or about its headers, is none about
// the host. Where the report does not name the running kernel each may be it.
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

// Idle says whether a package is of a kernel that does not run. Where a manager has one
// version of a package, an upgrade takes the running kernel's away: until the next boot
// the package stands for the kernel of its kind that runs.
func Idle(s sitereport.System, pkg sitereport.Package) bool {
	kernel, runs := Kernel(s, pkg)
	return kernel && !runs && !replaced(s.Kernel, pkg)
}

// kinds are what stands in a release for the parts of spellings, of any version.
var kinds = strings.NewReplacer("{dash}", `[0-9.]+-[a-z0-9]+-[0-9.]+`, "{version}", `[^-]+-[0-9.]+`, "{upstream}", `[^-]+`, "{revision}", `[0-9]+`)

// replaced says whether the running kernel is one of another version of the package.
func replaced(running string, pkg sitereport.Package) bool {
	if pkg.Manager != "pacman" && pkg.Manager != "apk" {
		return false
	}
	for _, row := range kernels()[pkg.Manager] {
		if _, ok := row.name.match(pkg.Name); !ok {
			continue
		}
		return slices.ContainsFunc(row.releases, func(release string) bool {
			ok, err := regexp.MatchString("^"+kinds.Replace(release)+"$", running)
			return ok && err == nil
		})
	}
	return false
}

// runs says whether one of the spellings of the row is that of the running kernel.
func (k kernelRow) runs(running, rest string, pkg sitereport.Package) bool {
	if running == "" {
		return len(k.releases) > 0
	}
	r := spell(rest, pkg)
	for _, release := range k.releases {
		if r.Replace(release) == running {
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
