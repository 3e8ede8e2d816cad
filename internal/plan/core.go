package plan

import "slices"

// why explains the contradiction that the solver ended at.
func (e *encoder) why() *Unsatisfiable { return e.story().tell() }

func (e *encoder) story() *story {
	core := e.minimise(e.s.core())
	rules := make([]rule, len(core))
	for i, c := range core {
		rules[i] = e.rules[e.s.clauses[c].rule]
	}
	return newStory(e, rules)
}

// minimise leaves out of core, clause by clause, what the contradiction
// does not need: what is left cannot be met, but without any one of
// its clauses it could.
func (e *encoder) minimise(core []ref) []ref {
	slices.Sort(core) // what was demanded first is tried, and so kept, last
	for i := len(core) - 1; i >= 0; i-- {
		rest := slices.Delete(slices.Clone(core), i, i+1)
		if smaller := e.contradicts(rest); smaller != nil {
			core = smaller
			i = min(i, len(core))
		}
	}
	return core
}

// contradicts returns those of the clauses in list that contradict one another,
// in the order of list, or nil if all can be met.
func (e *encoder) contradicts(list []ref) []ref {
	s := newSolver()
	local := map[int32]int32{}
	for i, c := range list {
		lits := slices.Clone(e.s.clauses[c].lits)
		for j, l := range lits {
			v, ok := local[l.v()]
			if !ok {
				v = s.newVar()
				local[l.v()] = v
			}
			lits[j] = lit(v<<1) | l&1
		}
		s.add(lits, int32(i), nil)
	}
	if s.run(s.anyOpen, budget) || s.dead == none {
		return nil // they can be met, or it takes too long to tell
	}
	core := make([]ref, 0, len(list))
	for _, c := range s.core() {
		core = append(core, list[s.clauses[c].rule])
	}
	slices.Sort(core)
	return core
}

// anyOpen decides any open variable false.
func (s *solver) anyOpen() (lit, bool) {
	v := slices.Index(s.value, 0)
	return no(int32(max(v, 0))), v >= 0
}
