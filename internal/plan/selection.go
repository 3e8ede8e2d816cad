package plan

import "slices"

// A selection is the set of packages that will be installed, with who may
// serve whom. Trim and sweep take out of it what nothing needs.
type selection struct {
	e     *encoder
	in    []bool  // by variable
	list  []int32 // the variables, in the order in which the search took them
	users map[int32][]demandOf
	swept map[string]bool // names that sweep took out
}

// A demandOf is one demand of a package, or of the request where v is -1.
type demandOf struct {
	v    int32
	list []lit
}

func (e *encoder) selected(values []int8) *selection {
	sel := &selection{e: e, in: make([]bool, len(e.pkgOf)), swept: map[string]bool{}}
	for v, value := range values {
		if value == 1 && e.pkgOf[v] >= 0 {
			sel.in[v] = true
			sel.list = append(sel.list, int32(v))
		}
	}
	return sel
}

// has reports whether package id is selected.
func (sel *selection) has(id int32) bool {
	v := sel.e.varOf[id] - 1
	return v >= 0 && int(v) < len(sel.in) && sel.in[v]
}

// serves reports whether the variable of l is selected.
func (sel *selection) serves(l lit) bool {
	v := l.v()
	return int(v) < len(sel.in) && sel.in[v]
}

// serving returns the first two of list that are selected, as variables, or -1.
func (sel *selection) serving(list []lit) (first, second int32) {
	first = -1
	for _, l := range list {
		if sel.serves(l) {
			if first >= 0 {
				return first, l.v()
			}
			first = l.v()
		}
	}
	return first, -1
}

// isNew reports whether nothing of the name of v was installed.
func (sel *selection) isNew(v int32) bool {
	u := sel.e.u
	return u.present(u.pkg(sel.e.pkgOf[v]).Name) == nil
}

// trim takes out new packages until none can be left out any more: neither
// alone nor together with others that are there only for its sake.
func (sel *selection) trim() {
	for again := true; again; {
		again = false
		necessary := sel.necessary()
		sel.users = nil
		for _, v := range slices.Backward(sel.list) {
			if sel.in[v] && !necessary[v] && sel.drop(v, necessary) {
				again = true
			}
		}
	}
}

// index notes for each selected package whom it may serve.
func (sel *selection) index() {
	sel.users = make(map[int32][]demandOf)
	note := func(d demandOf) {
		for _, l := range d.list {
			if sel.serves(l) {
				sel.users[l.v()] = append(sel.users[l.v()], d)
			}
		}
	}
	for _, root := range sel.e.roots {
		note(demandOf{-1, root.lits})
	}
	for _, v := range sel.list {
		if sel.in[v] {
			for _, n := range sel.e.needs[v] {
				note(demandOf{v, n.lits})
			}
		}
	}
}

// necessary marks what is there already, and whatever alone meets a demand
// of something necessary or of the request.
func (sel *selection) necessary() []bool {
	marked := make([]bool, len(sel.in))
	var queue []int32
	mark := func(v int32) {
		if !marked[v] {
			marked[v] = true
			queue = append(queue, v)
		}
	}
	only := func(list []lit) {
		if first, second := sel.serving(list); first >= 0 && second < 0 {
			mark(first)
		}
	}
	for _, v := range sel.list {
		if sel.in[v] && !sel.isNew(v) {
			mark(v)
		}
	}
	for _, root := range sel.e.roots {
		only(root.lits)
	}
	for len(queue) > 0 {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, n := range sel.e.needs[v] {
			only(n.lits)
		}
	}
	return marked
}

// drop takes out v and what cannot stay without it, unless that would reach
// something necessary or a demand of the request.
func (sel *selection) drop(v int32, necessary []bool) bool {
	if sel.users == nil {
		sel.index()
	}
	out := []int32{v}
	sel.in[v] = false
	for i := 0; i < len(out); i++ {
		for _, d := range sel.users[out[i]] {
			if first, _ := sel.serving(d.list); first >= 0 || d.v >= 0 && !sel.in[d.v] {
				continue
			}
			if d.v < 0 || necessary[d.v] {
				for _, v := range out {
					sel.in[v] = true
				}
				return false
			}
			sel.in[d.v] = false
			out = append(out, d.v)
		}
	}
	return true
}
