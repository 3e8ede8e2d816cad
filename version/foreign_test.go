package version

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"muster/internal/testneed"
)

// The tests of this file ask the real programs about real versions and random
// mutations of them. The seed is fixed: a failure can be repeated.

func shuffled(list []string) []string {
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// mutated returns n pairs: of a real version and a neighbour of it, changed in
// up to three places, or of two neighbours.
func mutated(t testing.TB, n int, alphabet string, valid func(string) bool) []pair {
	r := rand.New(rand.NewPCG(3, 4))
	real := lines(t, "testdata/debian.txt")
	var pairs []pair
	for len(pairs) < n {
		i := r.IntN(len(real) - 1)
		a, b := real[i], real[i+r.IntN(2)]
		for range r.IntN(4) {
			b = mutate(r, b, alphabet)
		}
		if r.IntN(4) == 0 {
			a = mutate(r, a, alphabet)
		}
		if valid(a) && valid(b) {
			pairs = append(pairs, pair{a: a, b: b})
		}
	}
	return pairs
}

func mutate(r *rand.Rand, s, alphabet string) string {
	i := r.IntN(len(s) + 1)
	c := alphabet[r.IntN(len(alphabet))]
	switch r.IntN(3) {
	case 0:
		return s[:i] + string(c) + s[i:]
	case 1:
		return s[:i] + string(c) + s[min(i+1, len(s)):]
	}
	return s[:i] + s[min(i+1, len(s)):]
}

func validDpkg(v string) bool { return Check(v) == nil }

// TestDpkgProgram asks dpkg itself, one process a question.
func TestDpkgProgram(t *testing.T) {
	dpkg := testneed.Program(t, "dpkg")
	pairs := mutated(t, 1000, "0019az.+~-:", validDpkg)
	for _, p := range vectors(t) {
		if p.order == "dpkg" {
			pairs = append(pairs, p)
		}
	}
	var wg sync.WaitGroup
	work := make(chan pair)
	for range 4 {
		wg.Go(func() {
			for p := range work {
				op := [...]string{"lt", "eq", "gt"}[sign(Dpkg(p.a, p.b))+1]
				if err := exec.Command(dpkg, "--compare-versions", p.a, op, p.b).Run(); err != nil {
					t.Errorf("Dpkg says %s %s %s, dpkg denies it: %v", p.a, op, p.b, err)
				}
			}
		})
	}
	for _, p := range pairs {
		work <- p
	}
	close(work)
	wg.Wait()
}

// TestDpkgPerl asks the Dpkg::Version module of dpkg-dev, a second
// implementation by the same hands, in one process.
func TestDpkgPerl(t *testing.T) {
	perl := testneed.Program(t, "perl")
	if exec.Command(perl, "-MDpkg::Version", "-e", "1").Run() != nil {
		testneed.Missing(t, "perl module Dpkg::Version")
	}
	pairs := mutated(t, 10000, "0019az.+~-:", validDpkg)
	const program = `while (<>) { my ($a, $b) = split; print version_compare($a, $b), "\n" }`
	out := ask(t, pairs, exec.Command(perl, "-MDpkg::Version", "-e", program, pairFile(t, pairs)))
	compareAnswers(t, "Dpkg::Version", Dpkg, pairs, out)
}

// TestRPMProgram asks rpm itself, through its Lua interpreter.
func TestRPMProgram(t *testing.T) {
	rpm := testneed.Program(t, "rpm")
	hasVersion := func(v string) bool {
		_, rest := cutRPMEpoch(v)
		upstream, _, _ := cutPackaging(rest)
		return upstream != "" // rpm.vercmp refuses others
	}
	pairs := mutated(t, 20000, "0019azA.+~^~^_-:", hasVersion)
	for _, p := range vectors(t) {
		if p.order == "rpm" {
			pairs = append(pairs, p)
		}
	}
	program := fmt.Sprintf(`%%{lua: for l in io.lines(%q) do print(rpm.vercmp(l:match("^(.*) (.*)$")) .. " ") end}`, pairFile(t, pairs))
	out := ask(t, pairs, exec.Command(rpm, "--eval", program))
	compareAnswers(t, "rpm", RPM, pairs, out)
}

// TestVercmpProgram asks pacman's vercmp, one process a question. Left out are
// the two cases in which it contradicts itself; see [Arch].
func TestVercmpProgram(t *testing.T) {
	vercmp := testneed.Program(t, "vercmp")
	pairs := mutated(t, 2500, "0019azA.+~^_-:", archSettled)
	for _, p := range vectors(t) {
		if p.order == "arch" {
			pairs = append(pairs, p)
		}
	}
	pairs = slices.DeleteFunc(pairs, func(p pair) bool { return strings.Contains(p.a, "-") != strings.Contains(p.b, "-") })
	answers := make([]int, len(pairs))
	var wg sync.WaitGroup
	for start := range 4 {
		wg.Go(func() {
			for i := start; i < len(pairs); i += 4 {
				out, err := exec.Command(vercmp, pairs[i].a, pairs[i].b).Output()
				if answers[i], err = number(out, err); err != nil {
					t.Errorf("vercmp %s %s: %v", pairs[i].a, pairs[i].b, err)
				}
			}
		})
	}
	wg.Wait()
	compareAnswers(t, "vercmp", Arch, pairs, answers)
}

func number(out []byte, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// archSettled reports whether neither part of v ends in a separator, and v
// cannot be taken for an option.
func archSettled(v string) bool {
	software, release, _ := cutPackaging(v)
	return v != "" && v[0] != '-' && endsAlnum(software) && endsAlnum(release)
}

func endsAlnum(s string) bool { return s == "" || isAlnum(s[len(s)-1]) }

// pairFile writes pairs, one to a line, for a program to read.
func pairFile(t *testing.T, pairs []pair) string {
	var b strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&b, "%s %s\n", p.a, p.b)
	}
	path := filepath.Join(t.TempDir(), "pairs")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask runs the program and returns one number for each pair.
func ask(t *testing.T, pairs []pair, c *exec.Cmd) []int {
	t.Helper()
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []int
	for field := range strings.FieldsSeq(string(out)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, n)
	}
	if len(answers) != len(pairs) {
		t.Fatalf("%d answers for %d pairs", len(answers), len(pairs))
	}
	return answers
}

func compareAnswers(t *testing.T, who string, order Order, pairs []pair, answers []int) {
	t.Helper()
	wrong, equal := 0, 0
	for i, p := range pairs {
		if got := sign(order(p.a, p.b)); got != sign(answers[i]) {
			if wrong++; wrong <= 10 {
				t.Errorf("%q ? %q: got %d, %s says %d", p.a, p.b, got, who, answers[i])
			}
		}
		if answers[i] == 0 {
			equal++
		}
	}
	if equal == len(pairs) {
		t.Errorf("%s calls all pairs equal; it cannot have read them", who)
	}
}
