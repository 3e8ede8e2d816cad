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
	e.u.findIdle()
	for _, in := range e.u.installed {
		if !e.u.removed[in.Name] {
			e.keep(in)
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
// not, and returns the variable of the cost, or -1 where it is demanded.
func (e *encoder) prefer(list []lit, tier int, r rule) int32 {
	if tier != tierIdle && e.kept.keeps(e, list) {
		e.require(list, r)
		return -1
	}
	e.roots = append(e.roots, choice{list, r.kind})
	return e.cost(tier, list...)
}

// cost says that it costs in tier if none of list is true, and returns the
// variable of the cost.
func (e *encoder) cost(tier int, list ...lit) int32 {
	cost := e.newVar(-1)
	e.say(append([]lit{yes(cost)}, list...), rule{kind: ruleDefine})
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

// keep says that in stays, and in which version.
func (e *encoder) keep(in *Installed) {
	current := e.u.number(in)
	target := e.u.isTarget(in)
	list := e.literals(e.u.order(in, target))
	r := rule{kind: ruleKeep, pkg: current}
	gone := int32(-1)
	switch {
	case e.u.protected(in):
		e.require(list, r)
	case e.u.idle[in.Name]:
		gone = e.prefer(list, tierIdle, r)
	case in.How == Implicit || e.u.leaves(in):
		gone = e.prefer(list, tierImplicit, r)
	default:
		gone = e.prefer(list, tierExplicit, r)
	}
	tier, best := tierChanged, current
	if target {
		tier, best = tierBehind, e.u.newest(in)
	}
	if e.u.idle[in.Name] {
		tier = tierChanged // what nothing needs holds up nothing
	}
	if best < 0 {
		return
	}
	goal := []lit{yes(e.variable(best))}
	if gone >= 0 {
		goal = append(goal, yes(gone)) // what is gone does not cost twice
	}
	e.cost(tier, goal...)
}

// reach says that the newest of ids is preferred, where a request names a
// package that is not installed. Among those that provide a name none is newest.
func (e *encoder) reach(r control.Relation, ids []int32) {
	if e.u.present(r.Name) != nil || len(ids) == 0 || !e.u.rules.names(r, e.u.pkg(ids[0])) {
		return
	}
	for _, id := range ids {
		if _, barred := e.u.bar(id); !barred {
			e.cost(tierBehind, yes(e.variable(id)))
			return
		}
	}
}

// mendAll gives each installed package with a broken dependency a cost.
func (e *encoder) mendAll() {
	if !e.u.request.UpgradeAll {
		return
	}
	for _, in := range e.u.installed {
		id := e.u.number(in)
		for _, d := range in.Depends {
			list := e.candidates(d)
			if _, done := e.mend[id]; !done && e.wasBroken(id, list) {
				e.mend[id] = e.newVar(-1)
				e.tiers[tierBroken] = append(e.tiers[tierBroken], yes(e.mend[id]))
			}
		}
	}
}
