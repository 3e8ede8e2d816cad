package plan

import "muster/version"

// How says how a package came to be installed.
type How string

// The ways.
const (
	Explicit How = "explicit" // a person asked for it
	Assigned How = "assigned" // [Request.Wanted] named it
	Implicit How = "implicit" // something else needed it
)

// An Installed package is one that is there.
type Installed struct {
	Package
	How How
	// By is who assigned it, where How is Assigned.
	By string
	// Held keeps the package at its version, whatever is requested.
	Held bool
}

// A State is what a root has. No name stands twice in Installed.
type State struct {
	Installed []Installed
	// Pins bars, by name, every version outside the constraint. An installed
	// version outside its pin stays until an upgrade names it or everything.
	Pins map[string]version.Constraint
}

// find returns the installed package of that name, or nil.
func (s *State) find(name string) *Installed {
	for i := range s.Installed {
		if s.Installed[i].Name == name {
			return &s.Installed[i]
		}
	}
	return nil
}
