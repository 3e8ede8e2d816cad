package plan

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"muster/control"
)

// TestDebianUpgrades draws machines with packages of Debian, some of them behind,
// and requests for them. Each plan must be valid, the same whatever the
// order of the facts, and without a step that could be left out.
func TestDebianUpgrades(t *testing.T) {
	packages, err := ReadDebian(debianIndex(t), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 14))
	shuffled := slices.Clone(packages)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	pool, other := NewPool(DebianRules(), packages), NewPool(DebianRules(), shuffled)
	counts := map[Op]int{}
	for range 40 {
		p := Problem{Pool: pool, State: someMachine(t, pool, r)}
		p.Request = someUpgrade(pool, &p.State, r)
		plan, err := Solve(p)
		q := p
		q.Pool, q.State.Installed = other, slices.Clone(p.State.Installed)
		r.Shuffle(len(q.State.Installed), func(i, j int) {
			q.State.Installed[i], q.State.Installed[j] = q.State.Installed[j], q.State.Installed[i]
		})
		again, errAgain := Solve(q)
		if err != nil || errAgain != nil {
			if err == nil || errAgain == nil || err.Error() != errAgain.Error() {
				t.Errorf("%+v: %v, in another order %v", p.Request, err, errAgain)
			}
			continue
		}
		if err := Check(p, plan); err != nil {
			t.Errorf("%+v: %v", p.Request, err)
		}
		if plan.String() != again.String() {
			t.Errorf("%+v:\n%s\nin another order\n%s", p.Request, plan, again)
		}
		needless(t, p, plan)
		newest(t, p, plan)
		for _, s := range plan.Steps {
			counts[s.Op]++
		}
	}
	t.Logf("steps: %v", counts)
	if counts[Upgrade] < 100 || counts[Install] == 0 || counts[Remove] == 0 {
		t.Error("the requests prove little")
	}
}

// someMachine has a few packages that a person asked for and what they need; one in
// five is behind.
func someMachine(t *testing.T, pool *Pool, r *rand.Rand) State {
	for {
		var names []string
		for range 1 + r.IntN(4) {
			names = append(names, pool.Package(r.IntN(pool.Len())).Name)
		}
		plan, err := solveNames(pool, names)
		if err != nil {
			continue // they conflict
		}
		state := plan.After(State{})
		for i := range state.Installed {
			if r.IntN(5) == 0 {
				state.Installed[i].Version += "~old"
			}
		}
		return state
	}
}

// someUpgrade asks for all upgrades, for some, for a further package, or to
// be rid of one.
func someUpgrade(pool *Pool, state *State, r *rand.Rand) (q Request) {
	some := state.Installed[r.IntN(len(state.Installed))].Name
	switch r.IntN(4) {
	case 0:
		q.UpgradeAll = true
	case 1:
		q.Upgrade = []string{some}
	case 2:
		q.Install = []control.Relation{{Name: pool.Package(r.IntN(pool.Len())).Name}}
	case 3:
		q.UpgradeAll, q.Autoremove = true, true
		q.Remove, q.Force = []string{some}, true
	}
	return q
}

// needless holds that without any one new package the plan is wrong: what is not
// needed is not installed.
func needless(t *testing.T, p Problem, plan *Plan) {
	t.Helper()
	for i, s := range plan.Steps {
		if s.Op != Install {
			continue
		}
		less := *plan
		less.Steps = slices.Delete(slices.Clone(plan.Steps), i, i+1)
		less.Cycles = slices.DeleteFunc(slices.Clone(plan.Cycles), func(names []string) bool { return slices.Contains(names, s.Name()) })
		if err := Check(p, &less); err == nil {
			t.Errorf("%+v: %s could be left out", p.Request, s)
		}
	}
}

// newest holds that an upgrade of everything leaves nothing behind that could be at
// its newest version by itself.
func newest(t *testing.T, p Problem, plan *Plan) {
	t.Helper()
	if !p.Request.UpgradeAll || !plan.Proved {
		return
	}
	after := plan.After(p.State)
	w := worldOf(p.Pool.rules, after.Installed)
	for _, in := range after.Installed {
		if !strings.HasSuffix(in.Version, "~old") {
			continue
		}
		id := p.Pool.versions[p.Pool.names[in.Name]][0]
		if fits(w, p.Pool.Package(int(id))) {
			t.Errorf("%+v: %s stays behind %s", p.Request, &in.Package, p.Pool.Package(int(id)))
		}
	}
}

// fits reports whether p could stand in w in place of what has its name, with nothing
// else changed.
func fits(w *world, p *Package) bool {
	old := w.byName[p.Name]
	defer w.put(old)
	w.put(p)
	for _, q := range w.byName {
		if w.lacks(q) != nil {
			return false
		}
		for _, r := range q.Conflicts {
			clash := false
			w.each(r, func(other *Package) { clash = clash || other.Name != q.Name })
			if clash {
				return false
			}
		}
	}
	return true
}
