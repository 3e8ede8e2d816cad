package plan

// budget bounds the conflicts spent on a good first answer, and on each attempt to
// find one that costs less in a tier; counterSize the variables of a counter.
const (
	budget      = 5000
	counterSize = 300_000
)

// solve finds the selection with the least cost, tier by tier. It reports false
// where the demands contradict one another; e.s.core then says why.
//
// Declining every cost before anything is chosen gives a good answer at once, but
// on some inputs takes a proof that some costs cannot be declined together, which
// may have no end in practice. When that does not come off within the budget, the
// search is made again in an order that needs no such proof.
func (e *encoder) solve() (sel *selection, proved, ok bool) {
	hasty := false
	done := e.s.run((&policy{e: e}).pick, budget)
	if !done && e.s.dead == none {
		e.s.back(0)
		hasty = true
		done = e.s.run((&policy{e: e, hasty: true}).pick, 0)
	}
	if !done {
		return nil, false, false
	}
	best := e.values()
	last := tierCount - 1
	for last >= 0 && e.costOf(last, best) == 0 {
		last--
	}
	proved = true
	for tier := 0; tier <= last; tier++ {
		e.s.back(0)
		better, exact := e.lower(tier, best, hasty)
		best, proved = better, proved && exact
	}
	return e.selected(best), proved, true
}

// values is the assignment; what is open in it counts as false.
func (e *encoder) values() []int8 { return append([]int8(nil), e.s.value...) }

func truth(values []int8, l lit) bool {
	return int(l.v()) < len(values) && values[l.v()] == 1 != l.neg()
}

func (e *encoder) costOf(tier int, values []int8) int {
	n := 0
	for _, l := range e.tiers[tier] {
		if truth(values, l) {
			n++
		}
	}
	return n
}

// lower looks for assignments that cost less in the tier than best does, and
// then holds the solver to the least cost found. It reports whether that
// is proved to be the least.
func (e *encoder) lower(tier int, best []int8, hasty bool) (better []int8, exact bool) {
	cost := e.costOf(tier, best)
	if cost == 0 {
		e.freeze(tier, best)
		return best, true
	}
	if len(e.tiers[tier])*(cost+1) > counterSize {
		e.freeze(tier, best)
		return best, false
	}
	atLeast := e.counter(e.tiers[tier], cost+1)
	for cost > 0 {
		p := &policy{e: e, hasty: hasty, assume: []lit{atLeast[cost-1].not()}}
		done := e.s.run(p.pick, budget)
		if !done || p.failed {
			exact = p.failed || e.s.dead != none
			e.s.back(0)
			break
		}
		best = e.values()
		cost = e.costOf(tier, best)
		e.s.back(0)
	}
	e.say([]lit{atLeast[cost].not()}, rule{kind: ruleDefine})
	return best, exact || cost == 0
}

// freeze forbids the costs of the tier that best does not incur.
func (e *encoder) freeze(tier int, best []int8) {
	for _, l := range e.tiers[tier] {
		if !truth(best, l) && e.s.is(l) == 0 {
			e.say([]lit{l.not()}, rule{kind: ruleDefine})
		}
	}
}

// counter returns literals of which the i-th is true where more than i
// of list are: the sequential counter of Sinz (2005), one direction.
func (e *encoder) counter(list []lit, n int) []lit {
	var before []lit
	for _, l := range list {
		now := make([]lit, n)
		for j := range now {
			now[j] = yes(e.newVar(-1))
			if before != nil {
				e.say([]lit{before[j].not(), now[j]}, rule{})
			}
			if j == 0 {
				e.say([]lit{l.not(), now[0]}, rule{})
			} else if before != nil {
				e.say([]lit{l.not(), before[j-1].not(), now[j]}, rule{})
			}
		}
		before = now
	}
	return before
}
