package agent

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"muster/internal/install"
	"muster/settings"
)

// TestSwitchedOff: an upgrade waits on a desktop that is switched on for eight hours a
// day. Its deadline comes after a week, as on a machine that is never off.
func TestSwitchedOff(t *testing.T) {
	day, wall := 24*time.Hour, noon.Wall
	var m memory
	for n := range 10 {
		on := Instant{Wall: wall.Add(time.Duration(n) * day), Up: time.Minute}
		s := newSchedule(nil)
		s.recall(m, on)
		s.Looked(on, found("upgrade tool"), true)
		s.look = on.Up + day
		do, _, _ := s.Next(on.after(8*time.Hour), Conditions{Battery: true})
		if want := map[bool]Action{true: Upgraded, false: Rest}[n >= 7]; do != want {
			t.Errorf("on day %d: %q", n, do)
		}
		m = s.remember(on.after(8 * time.Hour))
	}
}

// TestTriedAlready: what was tried at its time today is not tried again because the
// agent is started again; what failed waits for its next attempt.
func TestTriedAlready(t *testing.T) {
	daily := func(s *settings.Agent) { s.Upgrade = []settings.Slot{{Minute: 11 * 60}} }
	s := newSchedule(daily)
	s.Looked(noon, found("upgrade tool"), true)
	s.Changed(noon, false)
	m := s.remember(noon.after(time.Minute))
	again := Instant{Wall: noon.Wall.Add(2 * time.Minute), Up: time.Second}
	for _, c := range []struct {
		at   Instant
		edit func(*settings.Agent)
		wait string
	}{
		{again, daily, "the next attempt"},
		{again.after(6 * time.Hour), daily, "the time to upgrade"},
		{again, nil, "the next attempt"},
		{again.after(6 * time.Hour), nil, ""},
		{again.after(23 * time.Hour), daily, ""},
	} {
		s := newSchedule(c.edit)
		s.recall(m, again)
		s.Looked(c.at, found("upgrade tool"), true)
		if got := s.waits(c.at, Conditions{}); got != c.wait {
			t.Errorf("%s after the start: waits for %q, not %q", c.at.Up, got, c.wait)
		}
	}
}

// TestRecallClock: whatever the clock says about the time in which the machine was off,
// and whatever a file says, no deadline comes by it alone, and none is lost.
func TestRecallClock(t *testing.T) {
	m := memory{At: noon.Wall.Unix(), Waited: 24 * 3600, Fails: 3, Rest: 600}
	for name, at := range map[string]time.Time{"2001": noon.Wall.AddDate(-25, 0, 0), "2031": noon.Wall.AddDate(5, 0, 0), "true": noon.Wall.Add(time.Hour)} {
		s := newSchedule(nil)
		s.recall(m, Instant{at, time.Minute})
		if s.waited < 24*time.Hour || s.waited > 24*time.Hour+longestOff || s.backoff < 0 || s.backoff > time.Minute+10*time.Minute {
			t.Errorf("in %s it has waited for %s, and waits until %s", name, s.waited, s.backoff)
		}
	}
	s := newSchedule(nil)
	s.recall(memory{At: 1 << 62, Waited: 1 << 62, Tried: 1 << 62, Fails: 1 << 40, Rest: 1 << 62}, noon)
	s.Looked(noon, found("upgrade tool"), true)
	if s.backoff > noon.Up+2*lastRetry || s.deadline(noon).IsZero() {
		t.Errorf("a damaged file: %+v", s)
	}
}

// TestMemoryKept: the loop writes down what it needs when it is started again, and not
// more often than there is something new.
func TestMemoryKept(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	r, err := install.Setup(root, install.Config{Area: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := HomeOf(r.State, nil)
	run := func(d time.Duration, steps ...string) string {
		var got string
		synctest.Test(t, func(t *testing.T) {
			s := newScene(nil)
			s.Root, s.cond.Battery = root, true
			s.out = func(int) *Done { return &Done{Outcome: found(steps...)} }
			got = s.run(t, d)
		})
		return got
	}
	run(time.Hour)
	if m := h.memory(); m.At != 0 {
		t.Errorf("nothing was pending, and %+v was written", m)
	}
	run(3*time.Hour, "upgrade tool")
	if m := h.memory(); m.Waited < 2*3600 || m.Waited > 3*3600 {
		t.Errorf("after three hours: %+v", m)
	}
	m := h.memory()
	m.Waited = 7*24*3600 - 3600
	if err := h.writeJSON("schedule.json", m); err != nil {
		t.Fatal(err)
	}
	expect(t, run(90*time.Minute, "upgrade tool"), "0s look+collect, 1h0m0s upgrade, 1h0m0s look")
	if m := h.memory(); m.Tried == 0 {
		t.Errorf("after an upgrade: %+v", m)
	}
}
