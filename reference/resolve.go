package reference

// Resolve returns l with its wishes for the newest version made definite: the newest
// that the list other has, at least. What could not be is told, by package: then only
// the bounds of the wish hold. l itself does not change.
//
// A bound is stronger than the newest: where other has nothing within the bounds (a
// floor above what there is, a ceiling below), hosts are held to the bounds.
func (l *List) Resolve(other *List) (definite *List, unresolved []string) {
	newest := make(map[string][]*Wanted)
	for i := range other.Wanted {
		w := &other.Wanted[i]
		newest[w.Name] = append(newest[w.Name], w)
	}
	out := *l
	out.Wanted = nil
	for _, w := range l.Wanted {
		if w.Want.Mode != NewestIn {
			out.Wanted = append(out.Wanted, w)
			continue
		}
		rows := w.resolve(newest[w.Name])
		if len(rows) == 0 {
			unresolved = append(unresolved, w.Name)
			w.Want.Mode = There
			rows = []Wanted{w}
		}
		out.Wanted = append(out.Wanted, rows...)
	}
	out.sort()
	return &out, unresolved
}

// resolve makes one row of each that the other list has for the same package.
func (w Wanted) resolve(others []*Wanted) (rows []Wanted) {
	for _, o := range others {
		if w.Manager != "" && o.Manager != "" && w.Manager != o.Manager || w.Arch != "" && o.Arch != "" && w.Arch != o.Arch && !neutral(o.Arch) {
			continue
		}
		row := w
		if row.Manager == "" {
			row.Manager = o.Manager
		}
		if row.Arch == "" {
			row.Arch = o.Arch
		}
		order := orderOf(row.Manager)
		if order == nil || o.Want.Mode != There || len(o.Want.Bounds) == 0 {
			continue
		}
		v := o.Want.Bounds[0]
		if !v.isLower() || !w.Want.holds(v.Version, order) {
			continue
		}
		row.Want = Want{Bounds: append([]Bound{{">=", v.Version}}, ceilings(w.Want.Bounds)...)}
		rows = append(rows, row)
	}
	return rows
}

func ceilings(all []Bound) (upper []Bound) {
	for _, b := range all {
		if b.isUpper() {
			upper = append(upper, b)
		}
	}
	return upper
}
