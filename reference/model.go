package reference

import (
	"muster/sitereport"
	"muster/version"
)

func atLeast(v string) Want { return Want{Bounds: []Bound{{version.GreaterEqual, v}}} }
func exactly(v string) Want { return Want{Bounds: []Bound{{version.Equal, v}}} }

// FromReport makes a list of what a host has, for others to be like it: exact, or at
// least its versions. The list speaks of hosts with the same release of the same
// system and is neither complete nor optional; the caller may change that. Of versions
// side by side it wants the newest, of kernels that run the one that does. Origins and
// packages without a usable version are left out.
func FromReport(r *sitereport.Report, h *Host, exact bool) (*List, error) {
	l := &List{Name: r.Host}
	if r.System.ID != "" {
		word := r.System.ID
		if r.System.Version != "" {
			word += ":" + r.System.Version
		}
		l.For.Systems = []string{word}
	}
	groups := make(map[key][]*sitereport.Package)
	for i := range r.Packages {
		p := &r.Packages[i]
		if checkWord("name", p.Name) == nil && checkVersion(p.Version) == nil {
			groups[keyOf(p)] = append(groups[keyOf(p)], p)
		}
	}
	for k, there := range groups {
		w := Wanted{Name: k.name, Manager: k.manager, Arch: k.arch}
		count, _ := counting(&w, h, there)
		if w.Want = atLeast(count[0].Version); exact {
			w.Want = exactly(count[0].Version)
		}
		l.Wanted = append(l.Wanted, w)
	}
	if CheckName(l.Name) != nil {
		l.Name = ""
	}
	return l, l.Check()
}
