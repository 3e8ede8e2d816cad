package plan

// A policy chooses the next decision. It is what makes the first answer a good
// one: costs are declined in the order of their tiers; then what the request
// and the installed packages demand takes its best candidate; then each
// package on the trail has its dependencies met, in the order in which it came.
// What is still open in the end is not installed.
//
// As the order is fixed, the answer declines as many leading costs as any
// answer can: a cost is incurred only if the clauses and the costs
// declined before it force it.
type policy struct {
	e      *encoder
	assume []lit // decided before all else
	failed bool  // an assumption cannot hold
	hasty  bool  // meet the needs of each demand before the next, whatever it costs
	at     []cursor
}

// A cursor is how far each list has been done with, on one decision level.
// What it has passed stays done as long as the level lasts.
type cursor struct {
	assume, tier, cost, root, trail, need int
}

func (p *policy) pick() (lit, bool) {
	depth := int(p.e.s.depth())
	for len(p.at) <= depth {
		p.at = append(p.at, cursor{})
	}
	c := p.at[depth]
	l, ok := p.next(&c)
	p.at = append(p.at[:depth], c, c)
	return l, ok
}

func (p *policy) next(c *cursor) (lit, bool) {
	if l, ok := p.nextAssumed(c); ok || p.failed {
		return l, ok
	}
	if p.hasty {
		if l, ok := p.nextNeed(c); ok {
			return l, true
		}
		return p.nextRoot(c)
	}
	if l, ok := p.nextCost(c); ok {
		return l, true
	}
	if l, ok := p.nextRoot(c); ok {
		return l, true
	}
	return p.nextNeed(c)
}

func (p *policy) nextAssumed(c *cursor) (lit, bool) {
	for ; c.assume < len(p.assume); c.assume++ {
		switch l := p.assume[c.assume]; p.e.s.is(l) {
		case 0:
			return l, true
		case -1:
			p.failed = true
			return 0, false
		}
	}
	return 0, false
}

func (p *policy) nextCost(c *cursor) (lit, bool) {
	for ; c.tier < tierCount; c.tier, c.cost = c.tier+1, 0 {
		for costs := p.e.tiers[c.tier]; c.cost < len(costs); c.cost++ {
			if l := costs[c.cost]; p.e.s.is(l) == 0 {
				return l.not(), true
			}
		}
	}
	return 0, false
}

func (p *policy) nextRoot(c *cursor) (lit, bool) {
	for ; c.root < len(p.e.roots); c.root++ {
		if l, ok := p.best(p.e.roots[c.root].lits); ok {
			return l, true
		}
	}
	return 0, false
}

func (p *policy) nextNeed(c *cursor) (lit, bool) {
	for s := p.e.s; c.trail < len(s.trail); c.trail, c.need = c.trail+1, 0 {
		l := s.trail[c.trail]
		if l.neg() {
			continue
		}
		for needs := p.e.needs[l.v()]; c.need < len(needs); c.need++ {
			if l, ok := p.best(needs[c.need].lits); ok {
				return l, true
			}
		}
	}
	return 0, false
}

// best returns the first open literal of list, unless one is true.
func (p *policy) best(list []lit) (lit, bool) {
	found, ok := lit(0), false
	for _, l := range list {
		switch p.e.s.is(l) {
		case 1:
			return 0, false
		case 0:
			if !ok {
				found, ok = l, true
			}
		}
	}
	return found, ok
}
