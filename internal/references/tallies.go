package references

// tallies counts hosts by row of the list, and by unexpected package behind those.
//
// It does not look at each package of each host, nor of each set: it counts the hosts
// that have each package by the ends of runs, and each package says by itself what it is
// to its rows. What it does not say by itself was kept when the set was judged.
func (v *view) tallies(f *fleet, members []*member) []tally {
	t := &tallying{v: v, f: f, rows: make([]tally, len(v.absent)+len(v.unlisted)), there: make([]int32, len(v.absent)+len(v.unlisted))}
	hosts := make([]int32, len(f.slots))
	for _, m := range members {
		hosts[m.state.number]++
	}
	for number, n := range hosts {
		if n > 0 {
			t.state(f.slots[number], n)
		}
	}
	t.packages()
	for _, i := range v.matcher.Required() {
		t.rows[i].add(v.absent[i], t.hosts-t.there[i])
	}
	return t.rows
}

type tallying struct {
	v       *view
	f       *fleet
	rows    []tally
	there   []int32      // by row: hosts that have a package of it
	ends    shelf[int32] // by package: hosts that have it, less those that have the one before
	hosts   int32        // in all states that are counted so
	scratch scratch
}

// state takes n hosts in.
func (t *tallying) state(st *state, n int32) {
	o := &t.v.outcomes[st.number]
	if o.many {
		t.v.judge(t.f, st, &t.scratch, func(row int32, m mark) { t.rows[row].add(m, n) })
		return
	}
	t.hosts += n
	st.has.each(func(first, length int64) {
		*t.ends.put(first) += n
		*t.ends.put(first + length) -= n
	})
	for i := range o.special {
		t.special(&o.special[i], n)
	}
}

// special makes up for what the packages of a row will say one by one.
func (t *tallying) special(s *special, n int32) {
	for _, id := range s.ids {
		p := t.v.places.at(id)
		m := p.ownMark
		if p.own != s.row {
			m = p.sourceMark
		}
		t.rows[s.row].add(m, -n)
		t.there[s.row] -= n
	}
	t.rows[s.row].add(s.mark, n)
	t.there[s.row] += n
}

// packages lets each package say what it is to its rows, for all hosts that have it. Where
// runs end, and there is no package, nobody has any.
func (t *tallying) packages() {
	n, from := int32(0), int64(0)
	t.ends.each(func(end int64, more *int32) {
		if n > 0 {
			for id := from; id < end; id++ {
				t.says(t.v.places.at(id), n)
			}
		}
		n, from = n+*more, end
	})
}

func (t *tallying) says(p *place, n int32) {
	if p.own >= 0 {
		t.rows[p.own].add(p.ownMark, n)
		t.there[p.own] += n
	}
	if p.source >= 0 {
		t.rows[p.source].add(p.sourceMark, n)
		t.there[p.source] += n
	}
}
