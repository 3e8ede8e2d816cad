package plan

import (
	"slices"

	"muster/control"
)

// sequence puts the steps in order: what each needs to come before it first. A
// node is a step; edges point to what must come before.
func (d *draft) sequence() (steps []Step, cycles [][]string) {
	g := d.graph()
	for _, group := range g.groups() {
		if len(group) > 1 {
			group = g.breakCycle(group)
			cycles = append(cycles, g.namesOf(group))
		}
		for _, n := range group {
			steps = append(steps, *g.steps[n])
		}
	}
	for _, name := range d.names {
		if s := d.steps[name]; s != nil && s.Op == Keep {
			steps = append(steps, *s)
		}
	}
	return steps, cycles
}

// A graph says which step comes before which.
type graph struct {
	steps []*Step
	near  []int   // by node: how close the package is to what was asked for
	needs [][]int // dependencies of what comes
	first [][]int // what must be gone, or no longer in its old version
}

// graph makes the nodes in the order in which they come where nothing else
// decides: packages that come by name, then removals.
func (d *draft) graph() *graph {
	g := &graph{}
	node := map[string]int{}
	for _, removals := range []bool{false, true} {
		for _, name := range d.names {
			if s := d.steps[name]; s != nil && s.Op != Keep && (s.Op == Remove) == removals {
				node[name] = len(g.steps)
				g.steps = append(g.steps, s)
				g.near = append(g.near, d.depth(name))
			}
		}
	}
	g.needs = make([][]int, len(g.steps))
	g.first = make([][]int, len(g.steps))
	for n, s := range g.steps {
		if s.To != nil {
			g.needs[n] = d.needed(d.after[s.Name()], node)
		} else {
			d.dependents(s, n, node, g)
		}
	}
	d.rivals(node, g)
	return g
}

func (d *draft) depth(name string) int {
	if v, ok := d.after[name]; ok {
		return d.links[v].depth
	}
	return 0
}

// needed lists the nodes that bring the dependencies of v, unless they
// are met by what stays.
func (d *draft) needed(v int32, node map[string]int) []int {
	var list []int
	for _, n := range d.sel.e.needs[v] {
		best := -1
		for _, l := range n.lits {
			if !d.sel.serves(l) {
				continue
			}
			m, changes := node[d.pkg(l.v()).Name]
			if !changes {
				best = -1
				break
			}
			if best < 0 {
				best = m
			}
		}
		if best >= 0 {
			list = append(list, best)
		}
	}
	return list
}

// dependents puts before the removal of s the removals of what depends on it.
func (d *draft) dependents(s *Step, n int, node map[string]int, g *graph) {
	for _, dep := range s.From.Depends {
		for _, p := range d.u.installedFor(dep) {
			if m, ok := node[p.Name]; ok && m != n && g.steps[m].Op == Remove {
				g.needs[m] = append(g.needs[m], n)
			}
		}
	}
}

// rivals puts the removal or change of each installed package that conflicts with
// what comes before that.
func (d *draft) rivals(node map[string]int, g *graph) {
	edge := func(n, m int) {
		if n != m {
			g.first[n] = append(g.first[n], m)
		}
	}
	for n, s := range g.steps {
		if s.To != nil {
			for _, r := range s.To.Conflicts {
				for _, p := range d.u.installedFor(control.Dependency{r}) {
					if m, ok := node[p.Name]; ok {
						edge(n, m)
					}
				}
			}
		}
		if s.From != nil {
			for _, r := range s.From.Conflicts {
				for _, l := range d.sel.e.candidates(control.Dependency{r}) {
					if m, ok := node[d.pkg(l.v()).Name]; ok && d.sel.serves(l) {
						edge(m, n)
					}
				}
			}
		}
	}
}

// before lists what comes before node n.
func (g *graph) before(n int) []int { return append(slices.Clip(g.first[n]), g.needs[n]...) }

func (g *graph) namesOf(group []int) []string {
	names := make([]string, len(group))
	for i, n := range group {
		names[i] = g.steps[n].Name()
	}
	return names
}

// groups returns the strongly connected components, what comes before first
// (Tarjan, 1972).
func (g *graph) groups() [][]int {
	t := &tarjan{g: g, index: make([]int, len(g.steps)), low: make([]int, len(g.steps)), on: make([]bool, len(g.steps))}
	for n := range g.steps {
		if t.index[n] == 0 {
			t.visit(n)
		}
	}
	return t.groups
}

type tarjan struct {
	g          *graph
	count      int
	index, low []int
	on         []bool
	stack      []int
	groups     [][]int
}

func (t *tarjan) visit(n int) {
	t.count++
	t.index[n], t.low[n], t.on[n] = t.count, t.count, true
	t.stack = append(t.stack, n)
	for _, m := range t.g.before(n) {
		if t.index[m] == 0 {
			t.visit(m)
			t.low[n] = min(t.low[n], t.low[m])
		} else if t.on[m] {
			t.low[n] = min(t.low[n], t.index[m])
		}
	}
	if t.low[n] != t.index[n] {
		return
	}
	i := slices.Index(t.stack, n)
	group := slices.Clone(t.stack[i:])
	t.stack = t.stack[:i]
	for _, m := range group {
		t.on[m] = false
	}
	t.groups = append(t.groups, group)
}

// breakCycle orders packages that depend on one another: what must be gone
// first; then the one that misses the fewest others; of these the one
// farthest from what was asked for.
func (g *graph) breakCycle(group []int) []int {
	slices.Sort(group)
	var order []int
	for len(order) < len(group) {
		best, bestCost := -1, 0
		for _, n := range group {
			if slices.Contains(order, n) {
				continue
			}
			cost := 1000*len(group)*missing(g.first[n], group, order) +
				1000*missing(g.needs[n], group, order) - min(g.near[n], 999)
			if best < 0 || cost < bestCost {
				best, bestCost = n, cost
			}
		}
		order = append(order, best)
	}
	return order
}

// missing counts the members of group in list that are not in order yet.
func missing(list, group, order []int) int {
	n := 0
	for _, m := range list {
		if slices.Contains(group, m) && !slices.Contains(order, m) {
			n++
		}
	}
	return n
}
