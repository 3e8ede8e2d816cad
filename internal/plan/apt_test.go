package plan

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"muster/control"
	"muster/internal/testneed"
)

var aptRequests = flag.Int("apt", 3, "how many requests TestAgainstApt compares")

// TestAgainstApt asks apt and Solve for the same packages, on a machine with
// none, from the same index. What apt can install, Solve must; what only Solve can,
// Check must prove, for apt's search is not complete.
func TestAgainstApt(t *testing.T) {
	apt := testneed.Program(t, "apt-get")
	pool := debianPool(t)
	options, err := aptOptions(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, "-s", "--no-install-recommends", "install")
	r := rand.New(rand.NewPCG(7, 11))
	possible, refused := 0, 0
	for range *aptRequests {
		names := someNames(pool, r)
		out, aptErr := exec.Command(apt, slices.Concat(options, names)...).CombinedOutput()
		plan, err := solveNames(pool, names)
		switch {
		case aptErr == nil && err != nil:
			t.Errorf("apt can install %q, but: %v", names, err)
		case aptErr != nil && err == nil:
			t.Logf("only Solve can install %q; apt says\n%s", names, out)
		case err != nil:
			refused++
			t.Logf("%q: %v", names, err)
		default:
			possible++
			t.Logf("%q: %d steps, apt %d", names, len(plan.Steps), strings.Count(string(out), "\nInst "))
		}
	}
	if *aptRequests > 2 && (possible == 0 || refused == 0) {
		t.Errorf("%d possible, %d refused: the requests prove little", possible, refused)
	}
}

func solveNames(pool *Pool, names []string) (*Plan, error) {
	p := Problem{Pool: pool}
	for _, name := range names {
		p.Request.Install = append(p.Request.Install, control.Relation{Name: name})
	}
	plan, err := Solve(p)
	if err == nil {
		if err := Check(p, plan); err != nil {
			return nil, fmt.Errorf("planned wrongly: %w", err)
		}
	}
	return plan, err
}

// someNames draws up to four packages, and every other time two of them from
// the ends of a conflict.
func someNames(pool *Pool, r *rand.Rand) []string {
	var names []string
	if r.IntN(2) == 0 {
		for len(names) == 0 {
			p := pool.Package(r.IntN(pool.Len()))
			if len(p.Conflicts) == 0 {
				continue
			}
			other := p.Conflicts[r.IntN(len(p.Conflicts))].Name
			if id, ok := pool.names[other]; ok && len(pool.versions[id]) > 0 {
				names = append(names, p.Name, other)
			}
		}
	}
	for n := r.IntN(3) + 1; n > 0; n-- {
		names = append(names, pool.Package(r.IntN(pool.Len())).Name)
	}
	return names
}
