package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/internal/task"
)

// TestCase22Kill kills the program and its actions before every call that
// changes a file.
func TestCase22Kill(t *testing.T) {
	each(t, func(t *testing.T, s scenario) {
		struck := map[string]int{}
		for n := 1; ; n += stride(23) {
			h := newHost(t, s, "kill")
			at, r := h.killAt(n, s.do)
			if at.n == 0 {
				if r.code != 0 {
					t.Errorf("undisturbed: exit code %d\n%s", r.code, r.output)
				}
				break
			}
			h.recovered(s, "killed before "+at.String())
			struck[at.name]++
			if t.Failed() {
				return
			}
		}
		t.Logf("%d kill points: %v", total(struck), struck)
		if total(struck) < 120/stride(23) {
			t.Errorf("only %d kill points", total(struck))
		}
	})
}

// TestCase24KillTwice kills the recovery as well, and then once more.
func TestCase24KillTwice(t *testing.T) {
	each(t, func(t *testing.T, s scenario) {
		struck := 0
		for n := 3; ; n += stride(61) {
			h := newHost(t, s, "twice")
			at, _ := h.killAt(n, s.do)
			if at.n == 0 || t.Failed() {
				break
			}
			again, _ := h.killAt(1+n*7%23, "resume")
			third, _ := h.killAt(1+n*5%19, "resume")
			for _, c := range []call{at, again, third} {
				struck += min(c.n, 1)
			}
			what := fmt.Sprintf("killed before %v, then before %v and %v", at, again, third)
			// An action that was killed three times is not tried a fourth time.
			if r := h.run("resume"); strings.Contains(r.output, "interrupted 3 times") {
				t.Log(what, "; taken back")
			}
			h.recovered(s, what)
		}
		t.Logf("%d kill points", struck)
		if struck < 200/stride(61) {
			t.Errorf("only %d kill points", struck)
		}
	})
}

// TestCase25KillInHook kills everything at every call of an action: it runs
// once more, and is told so.
func TestCase25KillInHook(t *testing.T) {
	needSite(t)
	s := scenarios[0]
	struck := 0
	for n := 1; ; n++ {
		h := newHost(t, s, "hook")
		at := h.killInHook(n, s.do)
		if at.n == 0 {
			break
		}
		struck++
		h.must("resume")
		log, err := os.ReadFile(h.state("journal/000001/tool-install.log"))
		if err != nil || !strings.Contains(string(log), "attempt 2") {
			t.Errorf("killed before %v: the action was not told of a second attempt: %v, %q", at, err, log)
		}
		if c := h.lastChange(); !slices.ContainsFunc(c.Tasks, func(t *task.Task) bool { return t.Kind == "hook" && t.Attempts == 2 }) {
			t.Errorf("killed before %v: no task has two attempts", at)
		}
		if state := h.whole(s, "killed in the hook before "+at.String()); state != "new" {
			t.Errorf("killed before %v: the root is %q", at, state)
		}
	}
	if struck < 5 {
		t.Errorf("only %d kill points", struck)
	}
}

// killInHook kills everything before the n-th call that the action makes.
func (h *host) killInHook(n int, line string) (at call) {
	h.Helper()
	seen := 0
	h.watch(func(c call) verdict {
		if filepath.Dir(c.path) != "var" && c.path != "var" {
			return verdict{}
		}
		if seen++; seen == n {
			at = c
		}
		return verdict{kill: seen == n}
	}, strings.Fields(line)...)
	return at
}

func total(m map[string]int) (sum int) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// killAt runs a command and kills it before its n-th call. The call is zero
// when the command ended before.
func (h *host) killAt(n int, line string) (at call, r result) {
	h.Helper()
	r = h.watch(func(c call) verdict {
		if c.n == n {
			at = c
		}
		return verdict{kill: c.n == n}
	}, strings.Fields(line)...)
	if at.n > 0 && r.code != -1 {
		h.Errorf("killed before %v, but the exit code is %d", at, r.code)
	}
	return at, r
}
