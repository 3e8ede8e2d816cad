package references

import (
	"slices"

	"muster/reference"
	"muster/sitereport"
)

// chosen are the rows that a question is about, where it names a package: what is counted
// is of these alone.
type chosen struct {
	v         *view
	f         *fleet
	rows      []chosenRow
	standings map[int]*standing // by number of the state
}

// A chosenRow is one of them.
type chosenRow struct {
	number   int32
	required bool
	ids      []int64 // packages that it speaks of, ascending
}

// A standing is how a state stands to these rows.
type standing struct {
	tally
	have [][]int64 // by row: packages of it that are there
}

// choose finds the rows of a question; nil: it is about all of them.
func (v *view) choose(f *fleet, q *Question) *chosen {
	if q.Package == "" {
		return nil
	}
	c := &chosen{v: v, f: f, standings: map[int]*standing{}}
	at := map[int32]int{}
	for i := range len(v.absent) + len(v.unlisted) {
		n := v.name(f, i)
		if n.Name != q.Package || q.Manager != nil && n.Manager != *q.Manager || q.Arch != nil && n.Arch != *q.Arch {
			continue
		}
		at[int32(i)] = len(c.rows)
		c.rows = append(c.rows, chosenRow{number: int32(i), required: i < len(v.absent) && slices.Contains(v.matcher.Required(), i)})
	}
	v.places.each(func(id int64, p *place) {
		for _, number := range [2]int32{p.own, p.source} {
			if i, ok := at[number]; ok {
				c.rows[i].ids = append(c.rows[i].ids, id)
			}
		}
	})
	return c
}

// has reports whether a row is one of them.
func (c *chosen) has(row int) bool {
	return slices.ContainsFunc(c.rows, func(r chosenRow) bool { return int(r.number) == row })
}

// of is how a state stands to the rows.
func (c *chosen) of(st *state) *standing {
	if s := c.standings[st.number]; s != nil {
		return s
	}
	s := &standing{have: make([][]int64, len(c.rows))}
	for i := range c.rows {
		r := &c.rows[i]
		s.have[i] = st.has.among(r.ids)
		if m, says := c.mark(st, r, s.have[i]); says {
			s.add(m, 1)
		}
	}
	c.standings[st.number] = s
	return s
}

// mark is what a row says of a state that has some packages of it: the same as of all rows
// [view.judge].
func (c *chosen) mark(st *state, r *chosenRow, have []int64) (m mark, says bool) {
	if len(have) == 0 {
		if r.required {
			m = c.v.absent[r.number]
		}
		return m, r.required
	}
	p := c.v.places.at(have[0])
	if int(r.number) < len(c.v.absent) && (len(have) > 1 || p.kernel) {
		return c.v.decide(c.f, st, r.number, have[0], have), true
	}
	if p.own == r.number {
		return p.ownMark, true
	}
	return p.sourceMark, true
}

// versions are those that a host has of the rows.
func (c *chosen) versions(st *state) (all []string) {
	about := &reference.Host{System: st.system, Platform: st.platform}
	for i, ids := range c.of(st).have {
		if len(ids) == 0 {
			continue
		}
		var there []*sitereport.Package
		for _, id := range ids {
			there = append(there, &c.f.word(id).pkg)
		}
		row := c.v.matcher.Unlisted
		if n := int(c.rows[i].number); n < len(c.v.absent) {
			row = func(h *reference.Host, there []*sitereport.Package) reference.Row {
				return c.v.matcher.Decide(n, h, there)
			}
		}
		have := row(about, there).Have
		all = append(all, have...)
	}
	return all
}
