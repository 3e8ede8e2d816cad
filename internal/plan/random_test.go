package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/control"
	"muster/version"
)

func mustRelation(s string) control.Relation {
	r, err := control.ParseRelation(s)
	if err != nil {
		panic(err)
	}
	return r
}

func mustDependency(s string) control.Dependency {
	d, err := control.ParseDependency(s)
	if err != nil {
		panic(err)
	}
	return d
}

// someProblem draws a small universe full of trouble: at most ten packages
// of five names, with virtual names beside them.
func someProblem(t *rapid.T) Problem {
	var packages []Package
	for i := range rapid.IntRange(1, 7).Draw(t, "available") {
		packages = append(packages, somePackage(t, i))
	}
	p := Problem{Request: someRequest(t), State: State{Pins: map[string]version.Constraint{}}}
	for i := range rapid.IntRange(0, 3).Draw(t, "installed") {
		in := Installed{Package: somePackage(t, i), Held: rarely(t, "held")}
		in.Barred = ""
		in.How = rapid.SampledFrom([]How{Explicit, Implicit, Implicit, Assigned}).Draw(t, "how")
		if in.How == Assigned {
			in.By = "unit x"
		}
		if p.State.find(in.Name) == nil {
			p.State.Installed = append(p.State.Installed, in)
		}
	}
	if rarely(t, "pin") {
		r := someRelation(t, "abc")
		p.State.Pins[r.Name] = r.Constraint
	}
	p.Request.Upgrade = slices.DeleteFunc(p.Request.Upgrade, func(n string) bool { return p.State.find(n) == nil })
	p.Request.Remove = slices.DeleteFunc(p.Request.Remove, func(n string) bool { return p.State.find(n) == nil })
	p.Pool = NewPool(Rules{}, packages)
	return p
}

func rarely(t *rapid.T, what string) bool { return rapid.IntRange(0, 6).Draw(t, what) == 0 }

func somePackage(t *rapid.T, i int) Package {
	p := Package{
		Name:    rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "name"),
		Version: fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "version")),
		Index:   i,
	}
	for range rapid.IntRange(0, 2).Draw(t, "depends") {
		var d control.Dependency
		for range rapid.IntRange(1, 2).Draw(t, "alternatives") {
			d = append(d, someRelation(t, "abcdev"))
		}
		p.Depends = append(p.Depends, d)
	}
	if rapid.IntRange(0, 2).Draw(t, "conflicts") == 0 {
		p.Conflicts = append(p.Conflicts, someRelation(t, "abcdev"))
	}
	switch rapid.IntRange(0, 7).Draw(t, "provides") {
	case 0:
		p.Provides = append(p.Provides, mustRelation("v"))
	case 1:
		p.Provides = append(p.Provides, mustRelation("a (= 2)"), mustRelation("v (= 2)"))
	}
	if rapid.IntRange(0, 15).Draw(t, "barred") == 0 {
		p.Barred = "is for plan9"
	}
	p.Essential = rapid.IntRange(0, 20).Draw(t, "essential") == 0
	return p
}

func someRelation(t *rapid.T, names string) control.Relation {
	s := string(rapid.SampledFrom([]byte(names)).Draw(t, "to"))
	bound := rapid.SampledFrom([]string{"", "", "", ">= 2", "< 2", "= 1", "= 2", "< 3"}).Draw(t, "bound")
	if bound != "" {
		s += " (" + bound + ")"
	}
	return mustRelation(s)
}

func someRequest(t *rapid.T) Request {
	q := Request{
		UpgradeAll: rapid.Bool().Draw(t, "upgrade all"),
		Autoremove: rarely(t, "autoremove"),
		Force:      rarely(t, "force"),
		SkipUnmet:  rapid.Bool().Draw(t, "skip unmet"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "installs") {
		q.Install = append(q.Install, someRelation(t, "abcdev"))
	}
	for range rapid.IntRange(0, 1).Draw(t, "wanted") {
		q.Wanted = append(q.Wanted, Wanted{Relation: someRelation(t, "abcdev"), By: "unit x", Back: rarely(t, "back")})
	}
	if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
		q.Remove = append(q.Remove, string(rapid.SampledFrom([]byte("abcde")).Draw(t, "removed")))
	}
	if rapid.IntRange(0, 3).Draw(t, "upgrade") == 0 {
		q.Upgrade = append(q.Upgrade, string(rapid.SampledFrom([]byte("abcde")).Draw(t, "upgraded")))
	}
	return q
}

// everyOutcome calls f with each way to have at most one version of each name.
func everyOutcome(p *Problem, f func(map[string]*Package)) {
	choices := map[string][]*Package{}
	for i := range p.State.Installed {
		in := &p.State.Installed[i]
		choices[in.Name] = append(choices[in.Name], &in.Package)
	}
	for i := range p.Pool.packages {
		pkg := &p.Pool.packages[i]
		in := p.State.find(pkg.Name)
		if pkg.Barred == "" && (in == nil || in.Version != pkg.Version) {
			choices[pkg.Name] = append(choices[pkg.Name], pkg)
		}
	}
	var names []string
	for name := range choices {
		names = append(names, name)
	}
	slices.Sort(names)
	outcome := map[string]*Package{}
	var walk func(i int)
	walk = func(i int) {
		if i == len(names) {
			f(outcome)
			return
		}
		delete(outcome, names[i])
		walk(i + 1)
		for _, pkg := range choices[names[i]] {
			outcome[names[i]] = pkg
			walk(i + 1)
		}
		delete(outcome, names[i])
	}
	walk(0)
}

// planFor makes a plan that leads to outcome, in no good order.
func planFor(p *Problem, outcome map[string]*Package) *Plan {
	plan := &Plan{}
	for i := range p.State.Installed {
		in := &p.State.Installed[i]
		s := Step{From: in, To: outcome[in.Name], How: Explicit, Reason: &Reason{}}
		switch {
		case s.To == nil:
			s.Op = Remove
		case s.To == &in.Package:
			s.Op = Keep
		case version.Compare(s.To.Version, in.Version) > 0:
			s.Op = Upgrade
		default:
			s.Op = Downgrade
		}
		plan.Steps = append(plan.Steps, s)
	}
	for name, pkg := range outcome {
		if p.State.find(name) == nil {
			plan.Steps = append(plan.Steps, Step{Op: Install, To: pkg, How: Explicit, Reason: &Reason{}})
		}
	}
	for _, w := range p.Request.Wanted {
		plan.Unmet = append(plan.Unmet, Unmet{w, &Unsatisfiable{}})
	}
	return plan
}

// valid is Check without the order of the steps.
func valid(p *Problem, plan *Plan) bool {
	err := Check(*p, plan)
	return err == nil || strings.Contains(err.Error(), " comes before ")
}

// costs is what an outcome costs, tier by tier.
func costs(p *Problem, e *encoder, outcome map[string]*Package) [tierCount]int {
	var c [tierCount]int
	after := newWorld(e.u.rules)
	for _, pkg := range outcome {
		after.put(pkg)
	}
	for _, w := range p.Request.Wanted {
		if p.Request.SkipUnmet && !(p.Request.Force && e.u.removed[w.Name]) && !slices.ContainsFunc(e.u.asked(w.Relation), func(id int32) bool {
			return outcome[e.u.pkg(id).Name] == e.u.pkg(id)
		}) {
			c[tierUnmet]++
		}
	}
	for i := range p.State.Installed {
		in := &p.State.Installed[i]
		now := outcome[in.Name]
		switch {
		case e.u.removed[in.Name]:
		case now == nil && in.How != Implicit && !e.u.leaves(in):
			c[tierExplicit]++
		case now == nil && e.u.idle[in.Name]:
			c[tierIdle]++
		case now == nil:
			c[tierImplicit]++
		case now == &in.Package && p.Request.UpgradeAll && after.lacks(now) != nil:
			c[tierBroken]++
		}
		if now == nil {
			continue
		}
		goal, tier := &in.Package, tierChanged
		if best := e.u.newest(in); e.u.isTarget(in) && best >= 0 {
			goal = e.u.pkg(best)
			if !e.u.idle[in.Name] {
				tier = tierBehind
			}
		} else if e.u.isTarget(in) {
			goal = now
		}
		if now != goal {
			c[tier]++
		}
	}
	c[tierBehind] += behindNew(p, e, outcome)
	return c
}

// behindNew counts the requests for packages that were not there and are not
// at their newest version in outcome.
func behindNew(p *Problem, e *encoder, outcome map[string]*Package) int {
	n := 0
	requests := slices.Clone(p.Request.Install)
	for _, w := range p.Request.Wanted {
		if !(p.Request.Force && e.u.removed[w.Name]) {
			requests = append(requests, w.Relation)
		}
	}
	for _, r := range requests {
		ids := slices.DeleteFunc(e.u.asked(r), func(id int32) bool {
			_, barred := e.u.bar(id)
			return barred || !e.u.rules.names(r, e.u.pkg(id))
		})
		if e.u.present(r.Name) == nil && len(ids) > 0 && outcome[r.Name] != e.u.pkg(ids[0]) {
			n++
		}
	}
	return n
}

// TestSolveAgainstAllOutcomes holds the verdict and the proved costs to
// those of trying everything, and every plan to Check.
func TestSolveAgainstAllOutcomes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := someProblem(t)
		u, err := newUniverse(&p)
		if err != nil {
			t.Fatal(err)
		}
		e := newEncoder(u)
		e.demand()
		possible, least := false, [tierCount]int{}
		everyOutcome(&p, func(outcome map[string]*Package) {
			if !valid(&p, planFor(&p, outcome)) {
				return
			}
			if c := costs(&p, e, outcome); !possible || slices.Compare(c[:], least[:]) < 0 {
				possible, least = true, c
			}
		})
		plan, err := Solve(p)
		var why *Unsatisfiable
		switch {
		case err == nil && !possible:
			t.Fatalf("planned the impossible (%v):\n%s\n%+v\n%+v\n%+v\n", Check(p, plan), plan, p.Pool.packages, p.State, p.Request)
		case err != nil && possible:
			t.Fatalf("a plan exists, but: %v", err)
		case err != nil && (!errors.As(err, &why) || len(why.Sentences) == 0):
			t.Fatalf("no explanation: %v", err)
		case err != nil:
			return
		}
		if err := Check(p, plan); err != nil {
			t.Fatalf("%v\n%s", err, plan)
		}
		if !plan.Proved {
			t.Fatal("not proved")
		}
		sel, _, _ := e.solve()
		sel.trim()
		outcome := map[string]*Package{}
		for _, v := range sel.list {
			if pkg := u.pkg(e.pkgOf[v]); sel.in[v] {
				outcome[pkg.Name] = pkg
			}
		}
		if c := costs(&p, e, outcome); c != least {
			t.Fatalf("costs %v, but %v is possible:\n%s\n%+v\n%+v\n%+v\n", c, least, plan, p.Pool.packages, p.State, p.Request)
		}
	})
}

// TestSolveShuffled: the order in which facts are given does not matter.
func TestSolveShuffled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := someProblem(t)
		plan, err := Solve(p)
		q := shuffled(&p, rapid.Uint64().Draw(t, "seed"))
		again, err2 := Solve(q)
		if fmt.Sprint(plan, err) != fmt.Sprint(again, err2) {
			t.Fatalf("one order gave\n%v%v\nanother\n%v%v", plan, err, again, err2)
		}
	})
}

func shuffled(p *Problem, seed uint64) Problem {
	r := rand.New(rand.NewPCG(seed, 0))
	q := *p
	packages := slices.Clone(p.Pool.packages)
	r.Shuffle(len(packages), func(i, j int) { packages[i], packages[j] = packages[j], packages[i] })
	q.Pool = NewPool(Rules{}, packages)
	q.State.Installed = slices.Clone(q.State.Installed)
	r.Shuffle(len(q.State.Installed), func(i, j int) {
		q.State.Installed[i], q.State.Installed[j] = q.State.Installed[j], q.State.Installed[i]
	})
	q.Request.Install = slices.Clone(q.Request.Install)
	slices.Reverse(q.Request.Install)
	return q
}
