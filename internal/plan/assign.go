package plan

import (
	"strings"

	"muster/control"
	"muster/version"
)

// Assign says that a package is assigned, which is the newest of its name: it is
// wanted in that version, as an older one said something else, unless a pin holds it. With it
// comes what goes down for it.
func Assign(s State, newest *Package) []Wanted {
	w := Wanted{Relation: control.Relation{Name: newest.Name}, By: string(newest.Kind) + " " + newest.Name}
	if _, pinned := s.Pins[newest.Name]; !pinned {
		w.Constraint = version.Exactly(newest.Version)
	}
	return append([]Wanted{w}, lowered(s, newest, w.By)...)
}

// lowered are the dependencies of an assigned package on one version of something
// that is there in another: what is assigned may go down to it, what is merely
// needed may not.
func lowered(s State, p *Package, by string) (list []Wanted) {
	for _, d := range p.Depends {
		r := d[0]
		if len(d) > 1 || r.Constraint.Mode() != version.Fixed || strings.Contains(r.Constraint.String(), ",") {
			continue
		}
		for _, in := range s.Installed {
			if in.Name == r.Name && !r.Constraint.Match(in.Version) {
				list = append(list, Wanted{Relation: r, By: by})
			}
		}
	}
	return list
}
