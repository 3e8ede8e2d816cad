package references

import (
	"slices"

	"muster/reference"
	"muster/sitereport"
)

// A view is a list as hosts are held against it: what each package of the dictionary is
// to it, and how each state stands to it. Changes are made by who has the turn, under
// the lock where others may see it.
type view struct {
	stored
	list       *reference.List // as it was put
	matcher    *reference.Matcher
	unresolved []string
	changes    int64 // when a wish expires next; 0: never

	places   shelf[place]    // by number of the package
	groups   map[group]int32 // rows of unexpected packages, numbered behind those of the list
	unlisted []group         // these rows
	members  []int           // packages of each
	empty    int             // rows without any
	absent   []mark          // by row: what it says where no package is there
	outcomes []outcome       // by number of the state
	scratch  scratch         // who has the turn
}

// A place is which rows speak of a package, and what they say of it alone. -1 is none.
type place struct {
	own, source         int32
	ownMark, sourceMark mark
	kernel              bool // which kernel runs matters: it is not judged alone
}

// A mark is a verdict, and whether it fits.
type mark uint8

func markOf(r *reference.Row) mark {
	m := mark(r.Verdict) << 1
	if r.Fits {
		m |= 1
	}
	return m
}

func (m mark) verdict() reference.Verdict { return reference.Verdict(m >> 1) }
func (m mark) fits() bool                 { return m&1 != 0 }

// A group is an unexpected package in all of its versions.
type group struct{ manager, name, arch string }

// A tally counts rows by verdict; [unfit] those that do not fit.
type tally [7]int32

const unfit = int(reference.None)

func (t *tally) add(m mark, n int32) {
	t[m.verdict()] += n
	if !m.fits() {
		t[unfit] += n
	}
}

// newView prepares a list for comparisons at a time. other is the list that it takes the
// newest versions of, or nil.
func newView(s stored, list, other *reference.List, now int64) *view {
	v := &view{stored: s, list: list, groups: map[group]int32{}}
	definite := list
	if list.NewestOf != "" {
		if other == nil {
			other = &reference.List{}
		}
		definite, v.unresolved = list.Resolve(other)
	}
	v.matcher = definite.Matcher(now)
	v.changes = v.matcher.Changes()
	v.absent = make([]mark, len(definite.Wanted))
	for _, i := range v.matcher.Required() {
		r := v.matcher.Decide(i, &reference.Host{}, nil)
		v.absent[i] = markOf(&r)
	}
	return v
}

// extend finds the places of a package that is new to memory.
func (v *view) extend(id int64, w *word) { *v.places.put(id) = v.place(w) }

// extendAll does so of all.
func (v *view) extendAll(f *fleet) { f.words.each(func(id int64, w **word) { v.extend(id, *w) }) }

// drop forgets a package that no state has.
func (v *view) drop(id int64) {
	if p := v.places.at(id); p != nil && int(p.own) >= len(v.absent) {
		i := int(p.own) - len(v.absent)
		if v.members[i]--; v.members[i] == 0 {
			v.empty++
		}
	}
	v.places.drop(id)
}

// worn reports whether most rows of unexpected packages are of some that no host has any
// more: then the list is judged anew. Strangers choose the names of packages.
func (v *view) worn() bool { return v.empty > 1000 && v.empty > len(v.unlisted)/2 }

func (v *view) place(w *word) place {
	p := place{own: -1, source: -1, kernel: w.kernel}
	own, source := v.matcher.Find(&w.pkg)
	there := []*sitereport.Package{&w.pkg}
	if own >= 0 {
		r := v.matcher.Decide(own, w.host, there)
		p.own, p.ownMark = int32(own), markOf(&r)
	}
	if source >= 0 {
		r := v.matcher.Decide(source, w.host, there)
		p.source, p.sourceMark = int32(source), markOf(&r)
	}
	if own < 0 && source < 0 && v.matcher.Complete() {
		r := v.matcher.Unlisted(w.host, there)
		p.own, p.ownMark = v.group(&w.pkg), markOf(&r)
	}
	return p
}

// group numbers unexpected packages.
func (v *view) group(p *sitereport.Package) int32 {
	g := group{p.Manager, p.Name, p.Arch}
	n, ok := v.groups[g]
	if !ok {
		n = int32(len(v.absent) + len(v.unlisted))
		v.groups[g] = n
		v.unlisted, v.members = append(v.unlisted, g), append(v.members, 0)
		v.empty++
	}
	i := int(n) - len(v.absent)
	if v.members[i]++; v.members[i] == 1 {
		v.empty--
	}
	return n
}

// An outcome is how a state stands to a list.
type outcome struct {
	tally
	special []special // rows that are not told by each package alone
	many    bool      // there are more than maxSpecial of these, and none is kept
}

// A special is what a row says where packages lie side by side, or hold a kernel.
type special struct {
	row  int32
	mark mark
	ids  []int64 // of the packages
}

const maxSpecial = 32

// add judges a state that is new.
func (v *view) add(f *fleet, st *state) {
	for len(v.outcomes) <= st.number {
		v.outcomes = append(v.outcomes, outcome{})
	}
	o := &v.outcomes[st.number]
	*o = outcome{}
	v.judge(f, st, &v.scratch, func(_ int32, m mark) { o.add(m, 1) })
	if o.many = len(v.scratch.more) > maxSpecial; o.many {
		return
	}
	for row, more := range v.scratch.more {
		c := &v.scratch.cells[row]
		o.special = append(o.special, special{row, c.mark, together(c.first, more)})
	}
}

// together lists the packages of a row.
func together(first int64, more []int64) []int64 {
	if more[0] == first {
		return slices.Clone(more)
	}
	return append([]int64{first}, more...)
}

// addAll judges every state.
func (v *view) addAll(f *fleet) {
	for _, st := range f.slots {
		if st != nil {
			v.add(f, st)
		}
	}
}

// A scratch is room to judge in: it spares allocations.
type scratch struct {
	round uint32
	cells []cell  // by row
	found []int32 // rows, of this round
	more  map[int32][]int64
}

// A cell is what was found for a row.
type cell struct {
	first int64  // the package that was found first
	round uint32 // in which it was
	mark  mark   // what it is alone
}

func (s *scratch) begin(rows int) {
	if n := rows - len(s.cells); n > 0 {
		s.cells = append(s.cells, make([]cell, n)...)
	}
	s.round++
	s.found = s.found[:0]
	clear(s.more)
}

// note keeps that a row speaks of a package. Where it speaks of more than one, all of
// them are judged together.
func (s *scratch) note(row int32, id int64, m mark, together bool) {
	c := &s.cells[row]
	if c.round != s.round {
		*c = cell{id, s.round, m}
		s.found = append(s.found, row)
		if !together {
			return
		}
	}
	if s.more == nil {
		s.more = map[int32][]int64{}
	}
	s.more[row] = append(s.more[row], id)
}

// judge calls emit with what each row says of a state. It does the same as
// [reference.Compare], by what is known of each package.
func (v *view) judge(f *fleet, st *state, s *scratch, emit func(row int32, m mark)) {
	s.begin(len(v.absent) + len(v.unlisted))
	st.has.each(func(first, n int64) {
		for id := first; id < first+n; id++ {
			p := v.places.at(id)
			if p.own >= 0 {
				s.note(p.own, id, p.ownMark, p.kernel)
			}
			if p.source >= 0 {
				s.note(p.source, id, p.sourceMark, p.kernel)
			}
		}
	})
	for _, row := range s.found {
		c := &s.cells[row]
		if len(s.more) > 0 && int(row) < len(v.absent) {
			if more := s.more[row]; len(more) > 0 {
				c.mark = v.decide(f, st, row, c.first, more)
			}
		}
		emit(row, c.mark)
	}
	for _, i := range v.matcher.Required() {
		if s.cells[i].round != s.round {
			emit(int32(i), v.absent[i])
		}
	}
}

// decide judges packages that stand side by side, and kernels.
func (v *view) decide(f *fleet, st *state, row int32, first int64, more []int64) mark {
	var there []*sitereport.Package
	for _, id := range together(first, more) {
		there = append(there, &f.word(id).pkg)
	}
	r := v.matcher.Decide(int(row), &reference.Host{System: st.system, Platform: st.platform}, there)
	return markOf(&r)
}

// covers reports whether the list speaks of a host.
func (v *view) covers(m *member) bool {
	return v.list.For.Covers(&reference.Host{Site: m.site, Tag: m.tag, System: m.state.system, Platform: m.state.platform})
}
