package engine

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/control"
	"muster/internal/plan"
	"muster/version"
)

// TestAnswered: the plan that comes along with a problem is the one that solving
// the problem gives, so that nobody has to solve it again.
func TestAnswered(t *testing.T) {
	along := 0
	rapid.Check(t, func(t *rapid.T) {
		p := someProblem(t)
		a, unmet, err := plan.InOrder(p)
		if err != nil {
			return
		}
		if len(unmet) == 0 && !p.Request.UpgradeAll && !reflect.DeepEqual(a.Problem, p) {
			t.Fatalf("nothing is left out, and %+v became %+v", p.Request, a.Request)
		}
		missing := someRelations(t, "missing", 2)
		b, skipped := again(a, missing)
		if n := len(b.Request.Install) - len(a.Request.Install) + len(skipped); n != len(missing) {
			t.Fatalf("of %d that are missing %d are added or skipped", len(missing), n)
		}
		for _, a := range []plan.Answered{a, b} {
			if a.Plan == nil {
				continue
			}
			along++
			if want, err := plan.Solve(a.Problem); err != nil || !reflect.DeepEqual(a.Plan, want) {
				t.Fatalf("solved again it is another plan: %v\n%s\nnot\n%s", err, want, a.Plan)
			}
		}
		if p, err := proved(b); err == nil && p.Unmet != nil {
			t.Fatalf("left out without being asked to: %v", p.Unmet)
		}
	})
	if along < 50 {
		t.Errorf("only %d plans came along", along)
	}
}

// someProblem draws a root with assignments, of which some contradict one another
// or what people chose.
func someProblem(t *rapid.T) plan.Problem {
	var packages []plan.Package
	for i := range rapid.IntRange(1, 8).Draw(t, "available") {
		packages = append(packages, somePackage(t, i))
	}
	p := plan.Problem{Pool: plan.NewPool(plan.Rules{}, packages), State: plan.State{Pins: map[string]version.Constraint{}}}
	for i := range rapid.IntRange(0, 3).Draw(t, "installed") {
		in := plan.Installed{Package: somePackage(t, i), How: rapid.SampledFrom([]plan.How{plan.Explicit, plan.Implicit}).Draw(t, "how")}
		if !there(p.State, in.Name) {
			p.State.Installed = append(p.State.Installed, in)
		}
	}
	p.Request.UpgradeAll = rapid.Bool().Draw(t, "upgrade all")
	p.Request.Force = rapid.IntRange(0, 5).Draw(t, "force") == 0
	p.Request.Install = someRelations(t, "install", 1)
	for i, r := range someRelations(t, "wanted", 3) {
		p.Request.Wanted = append(p.Request.Wanted, plan.Wanted{Relation: r, By: fmt.Sprint(muster.Group, " ", i)})
	}
	return p
}

func somePackage(t *rapid.T, i int) plan.Package {
	p := plan.Package{Index: i, Name: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"),
		Version: fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "version"))}
	for _, r := range someRelations(t, "depends", 2) {
		p.Depends = append(p.Depends, control.Dependency{r})
	}
	if rapid.IntRange(0, 2).Draw(t, "conflicts") == 0 {
		p.Conflicts = slices.DeleteFunc(someRelations(t, "with", 1), func(r control.Relation) bool { return r.Name == p.Name })
	}
	return p
}

func someRelations(t *rapid.T, what string, most int) (all []control.Relation) {
	for range rapid.IntRange(0, most).Draw(t, what) {
		text := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "to") +
			rapid.SampledFrom([]string{"", "", " (= 1)", " (= 2)", " (>= 2)", " (< 2)"}).Draw(t, "bound")
		r, err := control.ParseRelation(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}
