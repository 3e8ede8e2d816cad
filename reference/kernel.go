package reference

import (
	"muster/advisory"
	"muster/sitereport"
)

// kernelsOf returns the packages that hold a kernel that can run, and those of them
// that hold the one that does. Where a host does not say which kernel runs, each may.
func kernelsOf(h *Host, there []*sitereport.Package) (kernels, running []*sitereport.Package) {
	for _, p := range there {
		if !MayRun(p) {
			continue
		}
		kernels = append(kernels, p)
		if _, runs := advisory.Kernel(h.System, *p); runs {
			running = append(running, p)
		}
	}
	return kernels, running
}

// MayRun reports whether p holds a kernel: then a verdict about it depends on the
// kernel that runs, and not on the package alone.
func MayRun(p *sitereport.Package) bool {
	_, runs := advisory.Kernel(sitereport.System{}, *p)
	return runs
}
