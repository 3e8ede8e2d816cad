package advisory

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"muster/sitereport"
)

// Kernels are the kernels of a host as a whole. Whether one is idle says the kernel that
// runs, and that may be of no package: self-built, of the machine around a container, or
// of a package that was removed or replaced before the boot. Then no kernel of the host
// is idle, as nobody knows what the one that runs has repaired.
type Kernels struct {
	system sitereport.System
	// Adrift: kernels are installed, and none of them is the one that runs.
	Adrift bool
	// Own are what runs and is of no installed package, as far as it can be judged: see
	// [Base]; and the kernel that runs, where its release tells its version.
	Own []Own
}

// An Own is judged like a package, and is none.
type Own struct {
	sitereport.Package
	As string // what people call its version: that of uname -r
}

// NoteRuns is a note about what is found in the kernel that runs.
const NoteRuns = "runs, and is of no installed package"

// KernelsOf looks at a host on p. Of its packages those that [MayRun] are enough.
func KernelsOf(s sitereport.System, p Platform, packages iter.Seq[sitereport.Package]) Kernels {
	k := Kernels{system: s}
	for _, pkg := range Base(s) {
		k.Own = append(k.Own, Own{pkg, pkg.Version})
	}
	var may []sitereport.Package
	for pkg := range packages {
		if !MayRun(pkg) {
			continue
		}
		if _, runs := Kernel(s, pkg); runs {
			return k
		}
		may = append(may, pkg)
	}
	if k.Adrift = len(may) > 0; k.Adrift {
		k.Own = append(k.Own, running(s.Kernel, p, may)...)
	}
	return k
}

// MayRun says whether a package holds a kernel: headers and documentation never run.
func MayRun(pkg sitereport.Package) bool {
	_, runs := Kernel(sitereport.System{}, pkg)
	return runs
}

// Idle says whether a package of the host is of a kernel that does not run.
func (k *Kernels) Idle(pkg sitereport.Package) bool {
	kernel, runs := Kernel(k.system, pkg)
	return kernel && !runs && !(k.Adrift && MayRun(pkg))
}

// A runningRow is a row of running.csv.
type runningRow struct {
	manager, ecosystem string
	packages           []string
	release            *regexp.Regexp
	version            string
}

// running is the kernel of a release as the packages of its kind among some, in the
// version in which it came; none where the release does not tell that.
func running(release string, p Platform, among []sitereport.Package) (all []Own) {
	for _, row := range runningRows() {
		if row.manager != p.Manager || row.ecosystem != "" && row.ecosystem != p.Ecosystem {
			continue
		}
		at := row.release.FindStringSubmatchIndex(release)
		if at == nil {
			continue
		}
		fill := func(template string) string { return string(row.release.ExpandString(nil, template, release, at)) }
		for _, name := range row.packages {
			for _, pkg := range among {
				own := asRunning(pkg, fill(row.version))
				if _, ok := newStarred(fill(name)).match(pkg.Name); ok && pkg.Manager == p.Manager && !slices.Contains(all, Own{own, release}) {
					all = append(all, Own{own, release})
				}
			}
		}
		return all
	}
	return nil
}

// asRunning is a package in another version. Its name may have that of its own version in
// it: what is judged is its source then.
func asRunning(pkg sitereport.Package, version string) sitereport.Package {
	pkg.Version, pkg.SourceVersion = version, ""
	if pkg.Source == "" {
		pkg.Source = pkg.Name
	}
	if i := strings.IndexAny(pkg.Name, "0123456789"); pkg.Manager == "dpkg" && i > 0 {
		pkg.Name = strings.TrimSuffix(pkg.Name[:i], "-")
	}
	return pkg
}
