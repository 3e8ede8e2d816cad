package plan

// run searches for an assignment. Policy pick returns the next decision, or
// false when there is nothing left to decide. Run reports false when the
// clauses cannot be satisfied (s.dead is then set) or, with a budget above
// zero, when that many conflicts did not suffice (s.dead is none).
func (s *solver) run(pick func() (lit, bool), budget int) bool {
	limit := s.conflicts + budget
	for s.dead == none {
		if c := s.propagate(); c != none {
			s.conflicts++
			s.resolve(c)
			if budget > 0 && s.conflicts > limit {
				return false
			}
			continue
		}
		l, ok := pick()
		if !ok {
			return true
		}
		s.decide(l)
	}
	return false
}

// resolve answers clause c, which is false: it goes back to the level where a
// newly learned clause has one literal open, and assigns that.
func (s *solver) resolve(c ref) {
	// A clause added late may be false at a lower level than the current one.
	s.back(s.top(c))
	if s.depth() == 0 {
		s.dead = c
		return
	}
	lits, from := s.analyse(c)
	to := int32(0)
	for _, l := range lits[1:] {
		to = max(to, s.level[l.v()])
	}
	s.back(to)
	s.add(lits, learned, from)
}

// top is the highest level among the literals of c.
func (s *solver) top(c ref) int32 {
	level := int32(0)
	for _, l := range s.clauses[c].lits {
		level = max(level, s.level[l.v()])
	}
	return level
}

// analyse derives from the false clause c one with a single literal of the
// current level, its first one: the first unique implication point. Literals of
// level 0 are left out; the core finds their reasons (see core.go).
func (s *solver) analyse(c ref) (lits []lit, from []ref) {
	lits = append(lits, 0)
	open, at := 0, len(s.trail)
	for {
		from = append(from, c)
		for _, l := range s.clauses[c].lits {
			v := l.v()
			if s.seen[v] || s.level[v] == 0 || s.is(l) > 0 {
				continue
			}
			s.seen[v] = true
			if s.level[v] == s.depth() {
				open++
			} else {
				lits = append(lits, l)
			}
		}
		at--
		for !s.seen[s.trail[at].v()] {
			at--
		}
		l := s.trail[at]
		s.seen[l.v()] = false
		if open--; open == 0 {
			lits[0] = l.not()
			break
		}
		c = s.reason[l.v()]
	}
	for _, l := range lits[1:] {
		s.seen[l.v()] = false
	}
	return lits, from
}

// core lists the clauses that were added from outside and that together made
// s.dead false: what the contradiction rests on.
func (s *solver) core() []ref {
	var core []ref
	seen := make([]bool, len(s.clauses))
	queue := []ref{s.dead}
	visit := func(c ref) {
		if c != none && !seen[c] {
			seen[c] = true
			queue = append(queue, c)
		}
	}
	seen[s.dead] = true
	for i := 0; i < len(queue); i++ {
		c := &s.clauses[queue[i]]
		if c.rule != learned {
			core = append(core, queue[i])
		}
		for _, f := range c.from {
			visit(f)
		}
		for _, l := range c.lits {
			if s.value[l.v()] != 0 && s.level[l.v()] == 0 {
				visit(s.reason[l.v()])
			}
		}
	}
	return core
}
