package recipe

import (
	"muster"
	"muster/control"
)

// anywhere is the target of a package that is not built for one platform.
var anywhere = muster.Platform{OS: control.All, Arch: control.All}

// Targets lists the platforms that r is built for on a machine that is this:
// one package each. Without build(), the files are the same for all platforms
// of the control and one package serves them. With it, each pair of os and
// architecture gets its own, "all" standing for itself; those that this machine
// can run come alone, and all of them where there is none. The zero platform as
// this means all.
func (r *Recipe) Targets(this muster.Platform) []muster.Platform {
	if !r.Has("build") {
		return []muster.Platform{anywhere}
	}
	var every, here []muster.Platform
	for _, os := range r.Control.OS {
		for _, arch := range r.Control.Architecture {
			every = append(every, muster.Platform{OS: os, Arch: arch})
			if (os == control.All || os == this.OS) && (arch == control.All || arch == this.Arch) {
				here = append(here, muster.Platform{OS: os, Arch: arch})
			}
		}
	}
	if len(here) > 0 {
		return here
	}
	return every
}

// targeted returns r's control for one target.
func (r *Recipe) targeted(target muster.Platform) (control.Control, error) {
	c := *r.Control
	if target == anywhere {
		return c, nil
	}
	for _, t := range r.Targets(muster.Platform{}) {
		if t.OS == target.OS && t.Arch == target.Arch || !r.Has("build") && c.RunsOn(target) {
			c.OS, c.Architecture = []string{target.OS}, []string{target.Arch}
			return c, nil
		}
	}
	return c, muster.Errorf(muster.Invalid, "%s is not for %s; its control says os %v, architecture %v",
		c.Name, target, c.OS, c.Architecture)
}
