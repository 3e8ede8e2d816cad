package plan

import (
	"slices"
	"strings"

	"muster/control"
)

// demand says what the request and the installed packages demand.
func (e *encoder) demand() {
	for _, r := range sorted(e.u.request.Install, control.Relation.String) {
		ids := e.u.asked(r)
		e.require(e.literals(ids), rule{kind: ruleInstall, dep: control.Dependency{r}})
		e.reach(r, ids)
	}
	for _, w := range sorted(e.u.request.Wanted, wantedKey) {
		e.want(w)
	}
	for i := range e.u.installed {
		if !e.u.removed[e.u.installed[i].Name] {
			e.keep(i)
		}
	}
	e.mendAll()
}

func wantedKey(w Wanted) string { return w.Relation.String() + "\x00" + w.By }

// sorted returns list in the order of its keys, so that the order in which
// requests are given does not matter.
func sorted[T any](list []T, key func(T) string) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return list
}

// require says that one of list, best first, must be installed.
func (e *encoder) require(list []lit, r rule) {
	e.say(slices.Clone(list), r)
	e.roots = append(e.roots, choice{list, r.kind})
}

func (e *encoder) say(lits []lit, r rule) {
	e.s.add(lits, e.rule(r), nil)
}

// prefer says that one of list should be installed, at a cost of the tier if
// not, and returns the variable of the cost.
func (e *encoder) prefer(list []lit, tier int, r rule) int32 {
	if e.strict && tier < tierBehind {
		e.require(list, r)
		return -1
	}
	cost := e.newVar(-1)
	e.say(append([]lit{yes(cost)}, list...), rule{kind: ruleDefine})
	e.roots = append(e.roots, choice{list, r.kind})
	e.tiers[tier] = append(e.tiers[tier], yes(cost))
	return cost
}

func (e *encoder) want(w Wanted) {
	ids := e.u.asked(w.Relation)
	if e.u.request.Force && e.u.removed[w.Name] {
		return
	}
	r := rule{kind: ruleWanted, dep: control.Dependency{w.Relation}, by: w.By}
	if e.u.request.SkipUnmet {
		e.prefer(e.literals(ids), tierUnmet, r)
	} else {
		e.require(e.literals(ids), r)
	}
	e.reach(w.Relation, ids)
}

// keep says that the i-th installed package stays, and in which version.
func (e *encoder) keep(i int) {
	in, current := e.u.installed[i], e.u.current[i]
	target := e.u.isTarget(in)
	list := e.literals(e.u.order(in, current, target))
	r := rule{kind: ruleKeep, pkg: current}
	switch {
	case e.u.protected(in):
		e.require(list, r)
	case in.How == Implicit || e.u.leaves(in):
		e.prefer(list, tierImplicit, r)
	default:
		e.prefer(list, tierExplicit, r)
	}
	if !target {
		e.cost(yes(e.variable(current)), tierChanged)
	} else if best := e.u.newest(in, current); best >= 0 {
		e.cost(yes(e.variable(best)), tierBehind)
	}
}

// reach says that the newest of ids is preferred, where a request names a
// package that is not installed. Among those that provide a name none is newest.
func (e *encoder) reach(r control.Relation, ids []int32) {
	if e.u.present(r.Name) != nil || len(ids) == 0 || !e.u.rules.names(r, e.u.pkg(ids[0])) {
		return
	}
	for _, id := range ids {
		if _, barred := e.u.bar(id); !barred {
			e.cost(yes(e.variable(id)), tierBehind)
			return
		}
	}
}

// cost says that it costs in tier if l is false.
func (e *encoder) cost(l lit, tier int) {
	e.tiers[tier] = append(e.tiers[tier], l.not())
}

// mendAll gives each installed package with a broken dependency a cost.
func (e *encoder) mendAll() {
	if !e.u.request.UpgradeAll {
		return
	}
	for i, id := range e.u.current {
		for _, d := range e.u.installed[i].Depends {
			list := e.candidates(d)
			if _, done := e.mend[id]; !done && e.wasBroken(id, list) {
				e.mend[id] = e.newVar(-1)
				e.tiers[tierBroken] = append(e.tiers[tierBroken], yes(e.mend[id]))
			}
		}
	}
}
