package plan

import (
	"slices"

	"muster/control"
)

// An encoder turns a universe and its request into clauses. What the
// request and the installed packages demand is said at once; the rules
// of a package are said when the search first wants it.
//
// Besides a variable per package there are cost variables, true where something
// unwanted happens. Nothing ever forces a cost to be false, so they never make a
// problem unsolvable; the policy decides them false first, in the order of their
// tiers.
type encoder struct {
	u     *universe
	s     *solver
	varOf []int32    // by package number: its variable plus 1, or 0
	pkgOf []int32    // by variable: its package, or -1
	rules []rule     // by clause.rule
	kept  *selection // to explain: what this selection has is demanded, not preferred

	mend  map[int32]int32             // by package with a broken dependency: the cost of leaving it so
	roots []choice                    // what the request and the installed packages demand
	needs [][]need                    // by variable: its dependencies, once it is open
	tiers [tierCount][]lit            // cost literals
	memo  map[*control.Relation][]lit // the packages of a dependency
	stamp []int32                     // by variable: scratch of candidates
	ids   []int32                     // scratch: what matches a relation
	round int32
}

// A choice is a demand and what would meet it, best first.
type choice struct {
	lits []lit
	kind ruleKind
}

// A need is a dependency and what satisfies it, best first.
type need struct {
	lits []lit
	dep  control.Dependency
}

// The tiers of cost, the most important first.
const (
	tierUnmet    = iota // an assignment is left out
	tierExplicit        // an explicit or assigned package is removed
	tierImplicit        // an implicit package that something needs is removed
	tierBroken          // a dependency that was broken stays so
	tierBehind          // a requested or upgraded package is not at its newest version
	tierIdle            // an implicit package that nothing will need is removed
	tierChanged         // another installed package changes
	tierCount
)

func newEncoder(u *universe) *encoder {
	e := &encoder{
		u: u, s: newSolver(),
		varOf: make([]int32, u.size()),
		mend:  map[int32]int32{},
		memo:  map[*control.Relation][]lit{},
	}
	e.s.open = e.open
	return e
}

// variable returns the variable of package id. That of a barred package is
// false from the start.
func (e *encoder) variable(id int32) int32 {
	if v := e.varOf[id]; v > 0 {
		return v - 1
	}
	v := e.newVar(id)
	e.varOf[id] = v + 1
	if kind, barred := e.u.bar(id); barred {
		e.s.exclude(v, e.rule(rule{kind: kind, pkg: id}))
	}
	return v
}

func (e *encoder) newVar(id int32) int32 {
	e.pkgOf = append(e.pkgOf, id)
	e.needs = append(e.needs, nil)
	e.stamp = append(e.stamp, 0)
	return e.s.newVar()
}

func (e *encoder) rule(r rule) int32 {
	e.rules = append(e.rules, r)
	return int32(len(e.rules) - 1)
}

// literals returns the variables of packages.
func (e *encoder) literals(ids []int32) []lit {
	list := make([]lit, len(ids))
	for i, id := range ids {
		list[i] = yes(e.variable(id))
	}
	return list
}

// candidates returns what satisfies d, best first: the first alternative
// before the next, a package's own name before what provides it, newer before
// older. The caller does not change the list.
func (e *encoder) candidates(d control.Dependency) []lit {
	if len(d) == 0 {
		return nil
	}
	if list, ok := e.memo[&d[0]]; ok {
		return list
	}
	e.round++
	var list []lit
	for _, r := range d {
		e.ids = e.u.appendMatching(e.ids[:0], r)
		for _, id := range e.ids {
			if v := e.variable(id); e.stamp[v] != e.round {
				e.stamp[v] = e.round
				list = append(list, yes(v))
			}
		}
	}
	e.memo[&d[0]] = list
	return list
}

// open says the rules of the package of v, which the search wants for the
// first time. It returns the first that is false already, or none. One that
// bars v itself goes before all others: no watch would find it again later.
func (e *encoder) open(v int32) ref {
	id := e.pkgOf[v]
	if id < 0 {
		return none
	}
	broken := none
	say := func(lits []lit, r rule) {
		if c, bad := e.s.add(lits, e.rule(r), nil); bad && (broken == none || len(lits) == 1) {
			broken = c
		}
	}
	p := e.u.pkg(id)
	e.openName(v, p, say)
	e.openDepends(v, p, say)
	e.openConflicts(v, p, say)
	return broken
}

// openName says that v excludes the other versions of its name. Those whose
// variable does not exist yet say it themselves when their turn comes.
func (e *encoder) openName(v int32, p *Package, say func([]lit, rule)) {
	id := e.pkgOf[v]
	versions, _ := e.u.lookup(p.Name)
	for _, other := range versions {
		w := e.varOf[other] - 1
		if other != id && w >= 0 {
			say([]lit{no(v), no(w)}, rule{kind: ruleSame, pkg: id, other: other})
		}
	}
}

func (e *encoder) openDepends(v int32, p *Package, say func([]lit, rule)) {
	id := e.pkgOf[v]
	e.needs[v] = make([]need, 0, len(p.Depends))
	for _, d := range p.Depends {
		list := e.candidates(d)
		if slices.Contains(list, yes(v)) {
			continue // it satisfies itself
		}
		lits := make([]lit, 0, len(list)+2)
		lits = append(append(lits, no(v)), list...)
		if e.wasBroken(id, list) {
			if !e.u.request.UpgradeAll {
				continue
			}
			lits = append(lits, yes(e.mend[id]))
		}
		say(lits, rule{kind: ruleDepends, pkg: id, dep: d})
		e.needs[v] = append(e.needs[v], need{list, d})
	}
}

func (e *encoder) openConflicts(v int32, p *Package, say func([]lit, rule)) {
	id := e.pkgOf[v]
	for _, r := range p.Conflicts {
		e.ids = e.u.appendMatching(e.ids[:0], r)
		for _, other := range e.ids {
			// A conflict between two packages that are there has been lived with.
			if e.u.pkg(other).Name == p.Name || e.u.isCurrent(id) && e.u.isCurrent(other) {
				continue
			}
			say([]lit{no(v), no(e.variable(other))},
				rule{kind: ruleClash, pkg: id, other: other, dep: control.Dependency{r}})
		}
	}
}

// wasBroken reports whether id is installed and none of list was: a dependency
// that was not satisfied before.
func (e *encoder) wasBroken(id int32, list []lit) bool {
	return e.u.isCurrent(id) && !slices.ContainsFunc(list, func(l lit) bool {
		return e.u.isCurrent(e.pkgOf[l.v()])
	})
}
