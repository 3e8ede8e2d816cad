package install

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/control"
	"muster/version"
)

// Wishes is wanted.json: what people asked of the root, beside what it has.
// It changes together with the packages, in the same commit.
type Wishes struct {
	// Wanted lists what was asked for by name and is therefore kept, retried
	// when it failed, and upgraded.
	Wanted []control.Relation `json:"wanted"`
	// Assigned lists the packages that came because an assignment named them.
	Assigned []Assigned `json:"assigned,omitempty"`
	// Pins hold a name to versions.
	Pins []control.Relation `json:"pins,omitempty"`
	// Failed lists the packages whose last change failed.
	Failed []Failure `json:"failed,omitempty"`
}

// Assigned is a package that came by an assignment, and who assigned it: what no
// longer is leaves.
type Assigned struct {
	Name string `json:"name"`
	By   string `json:"by"`
}

// A Failure is the last failed change of a package. It is tried again by every
// upgrade, until it succeeds.
type Failure struct {
	Name    string        `json:"name"`
	Version string        `json:"version"` // that could not be installed, or removed
	Status  muster.Status `json:"status"`  // what was needed
	Error   string        `json:"error"`
	Change  int           `json:"change"`
	Time    time.Time     `json:"time"`
	Count   int           `json:"count"` // in a row
}

// Wishes reads wanted.json. A root where nothing was asked for has none.
func (r *Root) Wishes() (*Wishes, error) {
	w := new(Wishes)
	err := readJSON(r.file("wanted.json"), w)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	return w, err
}

// SaveWishes replaces wanted.json outside a change. The caller holds the lock.
func (r *Root) SaveWishes(w *Wishes) error { return r.writeJSON(r.file("wanted.json"), w) }

// Want records that rel was asked for.
func (w *Wishes) Want(rel control.Relation) {
	w.Wanted = put(w.Wanted, rel)
}

// Forget drops everything asked for under that name but its pin.
func (w *Wishes) Forget(name string) {
	w.Wanted = drop(w.Wanted, name)
	w.Assign(name, "")
	w.Succeeded(name)
}

// Assign records that name came by an assignment, or, where by is empty, that it
// did not.
func (w *Wishes) Assign(name, by string) {
	w.Assigned = slices.DeleteFunc(w.Assigned, func(a Assigned) bool { return a.Name == name })
	if by == "" {
		return
	}
	w.Assigned = append(w.Assigned, Assigned{name, by})
	slices.SortFunc(w.Assigned, func(a, b Assigned) int { return strings.Compare(a.Name, b.Name) })
}

// AssignedBy is who assigned name, "" where nobody did.
func (w *Wishes) AssignedBy(name string) string {
	for _, a := range w.Assigned {
		if a.Name == name {
			return a.By
		}
	}
	return ""
}

// IsWanted reports whether name was asked for.
func (w *Wishes) IsWanted(name string) bool {
	return slices.ContainsFunc(w.Wanted, func(r control.Relation) bool { return r.Name == name })
}

// Pin holds name to the constraint; Unpin lets it go and reports whether it was held.
func (w *Wishes) Pin(name string, c version.Constraint) {
	w.Pins = put(w.Pins, control.Relation{Name: name, Constraint: c})
}

// Unpin lets name go and reports whether it was held.
func (w *Wishes) Unpin(name string) bool {
	n := len(w.Pins)
	w.Pins = drop(w.Pins, name)
	return len(w.Pins) < n
}

// Fail records a failure; Succeeded forgets it.
func (w *Wishes) Fail(f Failure) {
	f.Count = 1
	for _, old := range w.Failed {
		if old.Name == f.Name {
			f.Count = old.Count + 1
		}
	}
	w.Succeeded(f.Name)
	w.Failed = append(w.Failed, f)
}

// Succeeded forgets the failure of name.
func (w *Wishes) Succeeded(name string) {
	w.Failed = slices.DeleteFunc(w.Failed, func(f Failure) bool { return f.Name == name })
}

func put(list []control.Relation, rel control.Relation) []control.Relation {
	list = append(drop(list, rel.Name), rel)
	slices.SortFunc(list, func(a, b control.Relation) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func drop(list []control.Relation, name string) []control.Relation {
	return slices.DeleteFunc(list, func(r control.Relation) bool { return r.Name == name })
}
