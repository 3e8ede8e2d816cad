package advisory

import (
	"slices"
	"strings"
	"time"

	"muster/advisory/systems"
	"muster/sitereport"
)

// A Host is what is judged as a whole.
type Host struct {
	System   sitereport.System
	Site     string
	Packages []sitereport.Package
}

// Findings are what advisories say of a host.
type Findings struct {
	Platform systems.Platform // not Known: nothing can be said of the host's own packages
	Open     []Finding
	Idle     []Finding // of kernels that do not run: see [Kernels]
	Ignored  []Ignored
}

// Ignored is a finding that people chose to ignore.
type Ignored struct {
	Finding
	Why *Ignore
}

// MatchAll holds a host against an index: its packages, and the system itself
// where that is none of them (see [Base]). Findings come in the order of the
// packages. Entries of the list that have expired at now do not count; ask
// [Ignores.Expired] for them. Table and list may be nil.
func MatchAll(t *systems.Table, h Host, x *Index, list Ignores, now time.Time) Findings {
	if t == nil {
		t = systems.Builtin()
	}
	found := Findings{Platform: t.Of(h.System.ID, h.System.Version, h.System.Name)}
	platforms := map[string]Platform{}
	list = list.valid(now)
	on := func(manager string) Platform {
		p, ok := platforms[manager]
		if !ok {
			p = t.For(h.System.ID, h.System.Version, h.System.Name, manager)
			platforms[manager] = p
		}
		return p
	}
	kernels := KernelsOf(h.System, found.Platform, slices.Values(h.Packages))
	for _, own := range kernels.Own {
		x.Match(on(own.Manager), own.Package, func(f Finding) {
			if f.Package.Version = own.As; kernels.Adrift {
				f.Note = NoteRuns
			}
			found.add(h.Site, list, f, false)
		})
	}
	for _, pkg := range h.Packages {
		idle := kernels.Idle(pkg)
		x.Match(on(pkg.Manager), pkg, func(f Finding) { found.add(h.Site, list, f, idle) })
	}
	return found
}

func (found *Findings) add(site string, list Ignores, f Finding, idle bool) {
	if idle {
		found.Idle = append(found.Idle, f)
		return
	}
	why, note := list.find(site, &f)
	if why != nil {
		found.Ignored = append(found.Ignored, Ignored{f, why})
		return
	}
	f.Note = Notes(f.Note, note)
	found.Open = append(found.Open, f)
}

// Notes puts notes together, some of which may be empty.
func Notes(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(n string) bool { return n == "" }), "; ")
}
