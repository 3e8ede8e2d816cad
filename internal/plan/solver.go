package plan

// This file and its neighbours analyse.go and count.go are a conflict-driven
// clause-learning solver: two watched literals a clause, learning at the
// first unique implication point, no restarts. Decisions are the caller's, in
// a fixed order, which is what makes the answer a matter of policy and not of luck.
// Clauses may be added during the search, so a package's rules are
// made only when the search first wants it installed.

// A lit is a variable or its negation: variable<<1, plus 1 if negated.
type lit int32

func (l lit) not() lit  { return l ^ 1 }
func (l lit) v() int32  { return int32(l >> 1) }
func (l lit) neg() bool { return l&1 == 1 }
func yes(v int32) lit   { return lit(v << 1) }
func no(v int32) lit    { return lit(v<<1 | 1) }
func sign(l lit) int8   { return 1 - 2*int8(l&1) }

// A ref is the number of a clause; none is no clause.
type ref int32

const none ref = -1

// A clause is a disjunction. The first two literals are watched.
type clause struct {
	lits []lit
	rule int32 // what it says, for explanations: index into encoder.rules, or learned
	from []ref // of a learned clause: what it was derived from
}

const learned int32 = -1

// A watch is a clause to look at when a literal becomes false, unless the
// blocker, another literal of it, is true.
type watch struct {
	clause  ref
	blocker lit
}

// A solver holds an assignment and the clauses it must satisfy. The slices
// by variable grow as variables are made.
type solver struct {
	clauses []clause
	watches [][]watch // by literal

	value  []int8  // by variable: 1 true, -1 false, 0 open
	level  []int32 // by variable: the decision level of its value
	reason []ref   // by variable: the clause that forced its value
	opened []bool  // by variable: open has been called for it
	seen   []bool  // by variable: scratch of analyse

	trail     []lit
	head      int     // of the trail: what is before it has been propagated
	levels    []int32 // by decision level: where it starts on the trail
	dead      ref     // the clause that is false at level 0, once there is one
	conflicts int

	// open, if set, is called once for each variable when it first becomes true,
	// and adds the clauses that matter only then. It returns the
	// first of them that is already false, or none.
	open func(v int32) ref
}

func newSolver() *solver { return &solver{dead: none} }

// newVar makes a variable.
func (s *solver) newVar() int32 {
	s.watches = append(s.watches, nil, nil)
	s.value = append(s.value, 0)
	s.level = append(s.level, 0)
	s.reason = append(s.reason, none)
	s.opened = append(s.opened, false)
	s.seen = append(s.seen, false)
	return int32(len(s.value) - 1)
}

// exclude makes v, a variable that stands in no clause yet, false for good.
func (s *solver) exclude(v int32, rule int32) {
	s.reason[v] = ref(len(s.clauses))
	s.clauses = append(s.clauses, clause{lits: []lit{no(v)}, rule: rule})
	s.value[v] = -1
}

// is returns 1 if l is true, -1 if false, 0 if open.
func (s *solver) is(l lit) int8 { return s.value[l.v()] * sign(l) }

func (s *solver) depth() int32 { return int32(len(s.levels)) }

// add puts a clause in force, at any time, and returns its number and whether it
// is false as things stand. Repeated literals are the caller's to avoid.
func (s *solver) add(lits []lit, rule int32, from []ref) (c ref, broken bool) {
	c = ref(len(s.clauses))
	s.clauses = append(s.clauses, clause{lits, rule, from})
	s.promote(lits, 0)
	if len(lits) == 0 || s.is(lits[0]) < 0 {
		broken = true
		if s.depth() == 0 && s.dead == none {
			s.dead = c
		}
	}
	if len(lits) > 1 {
		s.promote(lits, 1)
		s.watches[lits[0]] = append(s.watches[lits[0]], watch{c, lits[1]})
		s.watches[lits[1]] = append(s.watches[lits[1]], watch{c, lits[0]})
	}
	if !broken && s.is(lits[0]) == 0 && (len(lits) == 1 || s.is(lits[1]) < 0) {
		s.assign(lits[0], c)
	}
	return c, broken
}

// promote moves the literal that is best to watch to position i: a true or
// open one, else the one that became false last, so that going back reopens it.
func (s *solver) promote(lits []lit, i int) {
	best, bestRank := i, int32(-1)
	for j := i; j < len(lits); j++ {
		if rank := s.watchRank(lits[j]); rank > bestRank {
			best, bestRank = j, rank
		}
	}
	if i < len(lits) {
		lits[i], lits[best] = lits[best], lits[i]
	}
}

func (s *solver) watchRank(l lit) int32 {
	const openRank = 1 << 30
	switch s.is(l) {
	case 1:
		return openRank + 1
	case 0:
		return openRank
	}
	return s.level[l.v()]
}

func (s *solver) assign(l lit, why ref) {
	v := l.v()
	s.value[v] = sign(l)
	s.level[v] = s.depth()
	s.reason[v] = why
	s.trail = append(s.trail, l)
}

// decide opens a level and makes l true in it.
func (s *solver) decide(l lit) {
	s.levels = append(s.levels, int32(len(s.trail)))
	s.assign(l, none)
}

// back undoes every level above to.
func (s *solver) back(to int32) {
	if s.depth() <= to {
		return
	}
	start := s.levels[to]
	for _, l := range s.trail[start:] {
		s.value[l.v()] = 0
		s.reason[l.v()] = none
	}
	s.trail = s.trail[:start]
	s.levels = s.levels[:to]
	s.head = len(s.trail)
}

// propagate draws all conclusions and returns a clause that came out false, or
// none.
func (s *solver) propagate() ref {
	for s.head < len(s.trail) {
		l := s.trail[s.head]
		s.head++
		if c := s.visit(l.not()); c != none {
			return c
		}
		if v := l.v(); !l.neg() && s.open != nil && !s.opened[v] {
			s.opened[v] = true
			if c := s.open(v); c != none {
				return c
			}
		}
	}
	return none
}

// visit looks at the clauses that watch l, which has become false.
func (s *solver) visit(l lit) ref {
	list := s.watches[l]
	kept := list[:0]
	for i, w := range list {
		if s.is(w.blocker) > 0 {
			kept = append(kept, w)
			continue
		}
		lits := s.clauses[w.clause].lits
		if lits[0] == l {
			lits[0], lits[1] = lits[1], lits[0]
		}
		if s.is(lits[0]) <= 0 && s.rewatch(lits, w.clause) {
			continue
		}
		kept = append(kept, watch{w.clause, lits[0]})
		switch s.is(lits[0]) {
		case 0:
			s.assign(lits[0], w.clause)
		case -1:
			s.watches[l] = append(kept, list[i+1:]...)
			return w.clause
		}
	}
	s.watches[l] = kept
	return none
}

// rewatch watches another literal than the second one, which is false, and
// reports whether there is one.
func (s *solver) rewatch(lits []lit, c ref) bool {
	for i := 2; i < len(lits); i++ {
		if s.is(lits[i]) >= 0 {
			lits[1], lits[i] = lits[i], lits[1]
			s.watches[lits[1]] = append(s.watches[lits[1]], watch{c, lits[0]})
			return true
		}
	}
	return false
}
