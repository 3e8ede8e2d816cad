package plan

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"muster/control"
	"muster/internal/testneed"
)

var aptRequests = flag.Int("apt", 40, "how many requests TestAgainstApt compares")

// TestAgainstApt asks apt and Solve for the same packages, on a machine with
// none, from the same lists. What apt can install, Solve must. What only Solve
// can, for apt's search is not complete, apt must accept once it is told every
// package of the plan. What both refuse, nobody can tell but the next test.
// Apt sees what the requests can reach (within), for it reads all it sees at every start.
func TestAgainstApt(t *testing.T) {
	testneed.Program(t, "apt-get")
	pool := debianPool(t)
	requests := someRequests(pool, *aptRequests)
	a := newApt(t, within(t, pool, slices.Concat(requests...)))
	verdicts := make([]verdict, len(requests))
	var g errgroup.Group
	g.SetLimit(2)
	for i, names := range requests {
		g.Go(func() error {
			verdicts[i] = a.compare(pool, names)
			t.Logf("%q: %s", names, verdicts[i])
			return nil
		})
	}
	g.Wait()
	count := map[outcome]int{}
	for i, v := range verdicts {
		count[v.outcome]++
		if v.outcome == onlyApt || v.outcome == disputed {
			t.Errorf("%q: %s", requests[i], v)
		}
	}
	t.Logf("%d requests: %v", len(requests), count)
	if len(requests) >= 40 && (count[both] == 0 || count[neither] == 0) {
		t.Error("the requests prove little")
	}
}

// An outcome is how two verdicts compare.
type outcome string

const (
	both      outcome = "both can"
	neither   outcome = "both refuse"
	onlySolve outcome = "only Solve can, and apt accepts the whole plan"
	onlyApt   outcome = "only apt can"
	disputed  outcome = "only Solve can, and apt refuses the whole plan"
)

type verdict struct {
	outcome outcome
	detail  string
}

func (v verdict) String() string { return strings.TrimSpace(string(v.outcome) + "\n" + v.detail) }

// apt is the real one, on a machine of amd64 with nothing installed.
type apt struct {
	program string
	options []string
}

// newApt makes an apt that knows the packages of index and no others.
func newApt(t *testing.T, index string) *apt {
	dir := t.TempDir()
	options, err := aptOptions(dir)
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, ownList(t, dir, index)...)
	out, err := exec.Command("apt-get", slices.Concat(options, []string{"update"})...).CombinedOutput()
	if err != nil {
		t.Fatalf("apt cannot read its own list: %s", out)
	}
	a := &apt{"apt-get", slices.Concat(options, []string{"-s", "--no-install-recommends", "install"})}
	if out, ok := a.install([]string{"base-files"}); !ok { // it makes apt's cache, too
		t.Fatalf("apt cannot install base-files: %s", out)
	}
	return a
}

// ownList makes a repository of index in dir, and the options that have apt look there
// and nowhere else.
func ownList(t *testing.T, dir, index string) (options []string) {
	list, lists := filepath.Join(dir, "own.list"), filepath.Join(dir, "lists")
	if err := os.MkdirAll(filepath.Join(lists, "partial"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		list:                           "deb [trusted=yes] file:" + dir + " ./\n",
		filepath.Join(dir, "Packages"): index,
	} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"-o", "Dir::Etc::sourcelist=" + list, "-o", "Dir::Etc::sourceparts=-",
		"-o", "Dir::State::lists=" + lists,
		"-o", "APT::Sandbox::User=", // the folder is root's alone
	}
}

// within is the index of Debian, shortened to what names can reach: every version of
// every package that they, base-files and what is reached depend on, by any
// alternative, or that provides it.
func within(t *testing.T, pool *Pool, names []string) string {
	reached := map[string]bool{}
	names = append(slices.Clone(names), "base-files")
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		id, known := pool.names[name]
		if !known || reached[name] {
			continue
		}
		reached[name] = true
		for _, i := range slices.Concat(pool.versions[id], pool.providers[id]) {
			p := pool.Package(int(i))
			names = append(names, p.Name)
			for _, d := range p.Depends {
				for _, r := range d {
					names = append(names, r.Name)
				}
			}
		}
	}
	var b strings.Builder
	for stanza := range strings.SplitSeq(debianIndex(t), "\n\n") {
		first, _, _ := strings.Cut(stanza, "\n")
		if reached[strings.TrimPrefix(first, "Package: ")] {
			b.WriteString(strings.TrimSuffix(stanza, "\n") + "\n\n")
		}
	}
	return b.String()
}

// install reports whether apt can install what the arguments name.
func (a *apt) install(args []string) (out string, ok bool) {
	text, err := exec.Command(a.program, slices.Concat(a.options, args)...).CombinedOutput()
	return string(text), err == nil
}

func (a *apt) compare(pool *Pool, names []string) verdict {
	out, can := a.install(names)
	plan, err := solveNames(pool, names)
	switch {
	case can && err == nil:
		return verdict{both, ""}
	case can:
		return verdict{onlyApt, err.Error()}
	case err != nil:
		return verdict{neither, err.Error()}
	}
	if again, ok := a.install(spelled(plan)); !ok {
		return verdict{disputed, again + "\n" + plan.String()}
	}
	return verdict{onlySolve, pool.whyNotApt(plan) + "\n" + lastLines(out, 4)}
}

// spelled names every package of the plan with its version, as apt reads them.
func spelled(p *Plan) (args []string) {
	for _, s := range p.Steps {
		args = append(args, s.To.Name+"="+s.To.Version)
	}
	return args
}

// whyNotApt says what apt would have had to consider: it takes one version of
// each name into account, the newest, and does not go back on most choices.
func (p *Pool) whyNotApt(plan *Plan) string {
	for _, s := range plan.Steps {
		newest := p.versions[p.names[s.To.Name]][0]
		if p.packages[newest].Version != s.To.Version {
			return fmt.Sprintf("needs %s, which is not the newest", s.To)
		}
	}
	return "needs another choice than apt's first"
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
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

// someRequests draws n requests: two of three are for one package, one is for
// both ends of a conflict.
func someRequests(pool *Pool, n int) (requests [][]string) {
	r := rand.New(rand.NewPCG(7, 11))
	for i := range n {
		if i%3 == 2 {
			requests = append(requests, someClash(pool, r))
		} else {
			requests = append(requests, []string{pool.Package(r.IntN(pool.Len())).Name})
		}
	}
	return requests
}

// someClash draws two packages of which one conflicts with the other, in some
// version. Those that nobody may have together are few beside them.
func someClash(pool *Pool, r *rand.Rand) []string {
	for {
		p := pool.Package(r.IntN(pool.Len()))
		if len(p.Conflicts) == 0 {
			continue
		}
		other := p.Conflicts[r.IntN(len(p.Conflicts))].Name
		if id, ok := pool.names[other]; ok && other != p.Name && len(pool.versions[id]) > 0 {
			return []string{p.Name, other}
		}
	}
}
