package inventory

import (
	"slices"

	"muster"
)

// Rows are the rows of one source that changed.
type Rows struct {
	Added   []Package `json:"added,omitempty"`
	Changed []Change  `json:"changed,omitempty"`
	Removed []Key     `json:"removed,omitempty"`
}

// A Change is a row that took the place of another. They share name,
// architecture and ID; Was is the version before where that changed.
type Change struct {
	Row Package `json:"row"`
	Was string  `json:"was,omitempty"`
}

// replaced is the key of the row that c takes away.
func (c *Change) replaced() Key {
	k := c.Row.Key()
	if c.Was != "" {
		k.Version = c.Was
	}
	return k
}

// diffRows compares sorted rows. What is added and what is removed under one
// name, architecture and ID is paired in order, so that an upgrade is one change.
func diffRows(base, next []Package) Rows {
	var r Rows
	var removed []Key
	for len(base) > 0 || len(next) > 0 {
		switch order := compareFirst(base, next); {
		case order < 0:
			removed = append(removed, base[0].Key())
			base = base[1:]
		case order > 0:
			r.Added = append(r.Added, next[0])
			next = next[1:]
		default:
			if base[0] != next[0] {
				r.Changed = append(r.Changed, Change{Row: next[0]})
			}
			base, next = base[1:], next[1:]
		}
	}
	r.pair(removed)
	return r
}

// compareFirst treats an ended list as one that goes on behind all others.
func compareFirst(base, next []Package) int {
	switch {
	case len(base) == 0:
		return 1
	case len(next) == 0:
		return -1
	}
	return base[0].Key().compare(next[0].Key())
}

func (r *Rows) pair(removed []Key) {
	waiting := map[Key][]string{} // versions removed, by the key without its version
	for _, k := range removed {
		bare := k
		bare.Version = ""
		waiting[bare] = append(waiting[bare], k.Version)
	}
	var added []Package
	for _, p := range r.Added {
		bare := p.Key()
		bare.Version = ""
		// A version "" cannot be told from none in Was.
		if olds := waiting[bare]; len(olds) > 0 && olds[0] != "" {
			r.Changed = append(r.Changed, Change{Row: p, Was: olds[0]})
			waiting[bare] = olds[1:]
			continue
		}
		added = append(added, p)
	}
	r.Added = added
	for bare, olds := range waiting {
		for _, v := range olds {
			bare.Version = v
			r.Removed = append(r.Removed, bare)
		}
	}
	slices.SortFunc(r.Removed, Key.compare)
	slices.SortFunc(r.Changed, func(a, b Change) int { return a.Row.Key().compare(b.Row.Key()) })
}

// apply returns base with the changes, sorted.
func (r *Rows) apply(base []Package) ([]Package, error) {
	drop := map[Key]bool{}
	for _, k := range r.Removed {
		drop[k] = true
	}
	for i := range r.Changed {
		drop[r.Changed[i].replaced()] = true
	}
	if len(drop) != len(r.Removed)+len(r.Changed) {
		return nil, muster.Errorf(muster.Invalid, "one row is removed twice")
	}
	rows := make([]Package, 0, len(base)+len(r.Added))
	for _, p := range base {
		if !drop[p.Key()] {
			rows = append(rows, p)
		}
	}
	if len(base)-len(rows) != len(drop) {
		return nil, muster.Errorf(muster.Invalid, "a row to be removed is not there")
	}
	rows = append(rows, r.Added...)
	for i := range r.Changed {
		rows = append(rows, r.Changed[i].Row)
	}
	n := len(rows)
	if rows = SortPackages(rows); len(rows) != n {
		return nil, muster.Errorf(muster.Invalid, "a row to be added is there already")
	}
	return rows, nil
}

// check holds the order of each list, so that one delta has one encoding.
func (r *Rows) check(source string) error {
	if len(r.Added)+len(r.Changed)+len(r.Removed) == 0 {
		return muster.Errorf(muster.Invalid, "delta has no changes of packages of %s, and says so", source)
	}
	if err := checkPackages(source, r.Added); err != nil {
		return err
	}
	changed := make([]Package, len(r.Changed))
	for i, c := range r.Changed {
		changed[i] = c.Row
		if c.Was == c.Row.Version && c.Was != "" {
			return muster.Errorf(muster.Invalid, "a change of %s names the version that it keeps: %q", source, c.Row.Name)
		}
	}
	if err := checkPackages(source, changed); err != nil {
		return err
	}
	if !ascending(r.Removed, func(a, b *Key) int { return a.compare(*b) }) {
		return muster.Errorf(muster.Invalid, "removed packages of %s are not sorted, or one is there twice", source)
	}
	return nil
}
