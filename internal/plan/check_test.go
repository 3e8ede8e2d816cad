package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/control"
)

// TestCheckRefuses spoils a right plan in one way at a time.
func TestCheckRefuses(t *testing.T) {
	p := Problem{
		Pool: NewPool(Rules{}, []Package{
			{Name: "app", Version: "2", Depends: []control.Dependency{mustDependency("lib (>= 2)")}},
			{Name: "lib", Version: "2"},
			{Name: "lib", Version: "1"},
			{Name: "rival", Version: "1", Conflicts: []control.Relation{mustRelation("old")}},
		}),
		State: State{Installed: []Installed{
			{Package: Package{Name: "app", Version: "1"}, How: Explicit},
			{Package: Package{Name: "old", Version: "1"}, How: Implicit},
		}},
		Request: Request{UpgradeAll: true, Install: []control.Relation{mustRelation("rival")}},
	}
	for _, test := range []struct {
		want  string
		spoil func(*Plan)
	}{
		{"", func(*Plan) {}},
		{"comes before its dependency", func(plan *Plan) { swap(plan, "lib", "app") }},
		{"comes before old 1 is gone", func(plan *Plan) { swap(plan, "old", "rival") }},
		{"lacks lib", func(plan *Plan) { drop(plan, "lib") }},
		{"conflicts with old", func(plan *Plan) { drop(plan, "old") }},
		{"rival is asked for, but missing", func(plan *Plan) { drop(plan, "rival") }},
		{"two steps", func(plan *Plan) { plan.Steps = append(plan.Steps, plan.Steps[0]) }},
		{"should be", func(plan *Plan) { plan.Steps[0].Op = Remove }},
		{"has no reason", func(plan *Plan) { plan.Steps[0].Reason = nil }},
		{"is no cycle", func(plan *Plan) { plan.Cycles = [][]string{{"app", "lib"}} }},
		{"not available", func(plan *Plan) { plan.Steps[0].To = &Package{Name: plan.Steps[0].Name(), Version: "9"} }},
		{"is explicit, but removed", func(plan *Plan) {
			i := find(plan, "app")
			plan.Steps[i].Op, plan.Steps[i].To = Remove, nil
		}},
	} {
		plan, err := Solve(p)
		if err != nil {
			t.Fatal(err)
		}
		test.spoil(plan)
		err = Check(p, plan)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("Check = %v, want %q, of\n%s", err, test.want, plan)
		}
	}
}

func find(plan *Plan, name string) int {
	return slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Name() == name })
}

func swap(plan *Plan, a, b string) {
	i, j := find(plan, a), find(plan, b)
	plan.Steps[i], plan.Steps[j] = plan.Steps[j], plan.Steps[i]
}

func drop(plan *Plan, name string) {
	i := find(plan, name)
	plan.Steps = slices.Delete(plan.Steps, i, i+1)
}

// TestSolveHard: one application too many for the slots that their newest versions
// need. That fifteen do not fit into fourteen is a pigeonhole problem, whose proof
// is exponential for this kind of solver. A good plan comes all the same.
func TestSolveHard(t *testing.T) {
	const apps, slots = 15, 14
	var packages []Package
	p := Problem{Request: Request{UpgradeAll: true}}
	for i := range apps {
		name := fmt.Sprintf("app%02d", i)
		var d control.Dependency
		for j := range slots {
			place := fmt.Sprintf("place%02d-%d", i, j)
			slot := mustRelation(fmt.Sprintf("slot%d", j))
			packages = append(packages, Package{
				Name: place, Version: "1",
				Provides: []control.Relation{slot}, Conflicts: []control.Relation{slot},
			})
			d = append(d, mustRelation(place))
		}
		packages = append(packages, Package{Name: name, Version: "2", Depends: []control.Dependency{d}})
		p.State.Installed = append(p.State.Installed, Installed{Package: Package{Name: name, Version: "1"}, How: Explicit})
	}
	p.Pool = NewPool(Rules{}, packages)
	plan, err := Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(p, plan); err != nil {
		t.Fatal(err)
	}
	upgrades := 0
	for _, s := range plan.Steps {
		if s.Op == Upgrade {
			upgrades++
		}
	}
	if upgrades != slots || plan.Proved {
		t.Errorf("%d upgrades, proved %v; want %d, not proved", upgrades, plan.Proved, slots)
	}
}
