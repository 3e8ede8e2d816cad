package plan

import (
	"fmt"
	"slices"
)

// checkOrder carries the plan out on a world: when a package comes, its dependencies
// are there and nothing that it conflicts with; when one goes, what depended
// on it and goes too has gone. Members of one reported cycle are excused.
func (c *checker) checkOrder() error {
	now := worldOf(c.rules, c.p.State.Installed)
	gone := map[string]bool{}
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		switch s.Op {
		case Keep:
			continue
		case Remove:
			if err := c.checkRemove(s, gone); err != nil {
				return err
			}
			gone[s.Name()] = true
			now.take(s.Name())
		default:
			now.put(s.To)
			if err := c.checkArrival(s, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRemove: no package that is still there and will be removed depends on
// what s removes.
func (c *checker) checkRemove(s *Step, gone map[string]bool) error {
	for _, t := range c.dependents[s.Name()] {
		if t.Op == Remove && t != s && !gone[t.Name()] && !c.excused(s, t.Name()) {
			return fmt.Errorf("%q comes before %q, which depends on it", s, t)
		}
	}
	return nil
}

func (c *checker) checkArrival(s *Step, now *world) error {
	for _, d := range s.To.Depends {
		if len(now.serving(d)) > 0 {
			continue
		}
		later := c.after.serving(d)
		excused := len(later) == 0 || slices.ContainsFunc(later, func(p *Package) bool { return c.excused(s, p.Name) })
		if !excused {
			return fmt.Errorf("%q comes before its dependency %s", s, d)
		}
	}
	for _, q := range c.rivals(s.To, now) {
		if c.after.byName[q.Name] != q && !c.excused(s, q.Name) {
			return fmt.Errorf("%q comes before %s is gone, which it conflicts with", s, q)
		}
	}
	return nil
}

// rivals lists what is in w and conflicts with p.
func (c *checker) rivals(p *Package, w *world) []*Package {
	var list []*Package
	for _, r := range p.Conflicts {
		w.each(r, func(q *Package) {
			if q.Name != p.Name {
				list = append(list, q)
			}
		})
	}
	for _, t := range c.hostile {
		q := &t.From.Package
		if q.Name == p.Name || w.byName[q.Name] != q {
			continue
		}
		for _, r := range q.Conflicts {
			if c.rules.satisfies(p, r) {
				list = append(list, q)
			}
		}
	}
	return list
}

func (c *checker) excused(s *Step, name string) bool {
	n := c.cycle[s.Name()]
	return n > 0 && n == c.cycle[name]
}

// checkCycles: the members of each reported cycle really wait for one another.
func (c *checker) checkCycles() error {
	c.index()
	for i, names := range c.plan.Cycles {
		in := map[string]bool{}
		for _, name := range names {
			in[name] = true
			c.cycle[name] = i + 1
		}
		forward, backward := map[string][]string{}, map[string][]string{}
		for _, name := range names {
			for _, other := range c.waitsFor(name) {
				forward[name] = append(forward[name], other)
				backward[other] = append(backward[other], name)
			}
		}
		for _, edges := range []map[string][]string{forward, backward} {
			if n := reachable(names[0], edges, in); n != len(names) {
				return fmt.Errorf("%q is no cycle", names)
			}
		}
	}
	return nil
}

// index notes which steps depend on which name in the old state, and which
// packages that change or go declare conflicts.
func (c *checker) index() {
	c.cycle = map[string]int{}
	c.dependents = map[string][]*Step{}
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		if s.From == nil || s.Op == Keep {
			continue
		}
		if len(s.From.Conflicts) > 0 {
			c.hostile = append(c.hostile, s)
		}
		for _, d := range s.From.Depends {
			for _, p := range c.before.serving(d) {
				c.dependents[p.Name] = append(c.dependents[p.Name], s)
			}
		}
	}
}

// waitsFor names the steps that may have to come before that of name.
func (c *checker) waitsFor(name string) []string {
	s := c.steps[name]
	if s == nil {
		return nil
	}
	var list []string
	if s.To == nil {
		for _, t := range c.dependents[name] {
			list = append(list, t.Name())
		}
		return list
	}
	for _, d := range s.To.Depends {
		for _, p := range c.after.serving(d) {
			list = append(list, p.Name)
		}
	}
	for _, q := range c.rivals(s.To, c.before) {
		list = append(list, q.Name)
	}
	return list
}

// reachable counts what edges reach from start within the set in.
func reachable(start string, edges map[string][]string, in map[string]bool) int {
	seen := map[string]bool{start: true}
	queue := []string{start}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, other := range edges[name] {
			if in[other] && !seen[other] {
				seen[other] = true
				queue = append(queue, other)
			}
		}
	}
	return len(seen)
}
