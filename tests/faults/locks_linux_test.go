package faults_test

import (
	"bytes"
	"strings"
	"testing"
)

// TestCase27TwoAtOnce runs a second muster at every call of a first one that
// is behind the lock: it is busy, changes nothing, and can still look.
func TestCase27TwoAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s scenario) {
		h := newHost(t, s, "both")
		asked := 0
		r := h.watch(func(c call) verdict {
			if c.n > 1 && c.n%stride(60) == 2 { // the first call makes the lock
				asked++
				if r := h.run(s.do); r.code != 5 || !strings.Contains(r.output, "another process is changing") {
					t.Errorf("before %v: exit code %d, want 5: %s", c, r.code, r.output)
				}
				h.must("list")
			}
			return verdict{}
		}, strings.Fields(s.do)...)
		if r.code != 0 || asked < 2 {
			t.Errorf("exit code %d after %d others: %s", r.code, asked, r.output)
		}
		if state := h.whole(s, "after others were refused"); state != "new" {
			t.Errorf("the root is %q", state)
		}
	})
}

// TestCase27Waits has the second muster wait for the first.
func TestCase27Waits(t *testing.T) {
	needSite(t)
	s := scenarios[0]
	h := newHost(t, s, "waits")
	var out bytes.Buffer
	second := h.command(append(strings.Fields(s.do), "--wait", "1m")...)
	second.Stdout, second.Stderr = &out, &out
	r := h.watch(func(c call) verdict {
		if c.n == 20 {
			if err := second.Start(); err != nil {
				t.Fatal(err)
			}
		}
		return verdict{}
	}, strings.Fields(s.do)...)
	if err := second.Wait(); err != nil || r.code != 0 {
		t.Errorf("the first: %s; the second: %v, %s", r.output, err, &out)
	}
	if state := h.whole(s, "after two one after the other"); state != "new" || h.lastChange().ID != 1 {
		t.Errorf("the root is %q after %d changes, want one", state, h.lastChange().ID)
	}
}

// TestCase27HolderKilled kills the holder of the lock: nobody has to remove
// anything, the next command goes on at once.
func TestCase27HolderKilled(t *testing.T) {
	each(t, func(t *testing.T, s scenario) {
		for _, n := range []int{3, 40, 90} {
			h := newHost(t, s, "holder")
			if at, _ := h.killAt(n, s.do); at.n == 0 {
				t.Fatalf("there is no call %d", n)
			}
			// The very same command, without a wait: it recovers first.
			if r := h.run(s.do); r.code == 5 {
				t.Errorf("killed at %d: the lock is stale: %s", n, r.output)
			}
			h.recovered(s, "the holder of the lock was killed")
		}
	})
}
