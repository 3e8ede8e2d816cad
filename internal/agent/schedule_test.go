package agent

import (
	"muster/settings"
	"testing"
	"time"
)

var paris = must(time.LoadLocation("Europe/Paris"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newSchedule(edit func(*settings.Agent)) *Schedule {
	s := &Schedule{Settings: settings.Defaults(), Random: func() float64 { return 0.5 }}
	if edit != nil {
		edit(s.Settings)
	}
	return s
}

// noon is a Saturday.
var noon = Instant{Wall: time.Date(2026, 11, 21, 12, 0, 0, 0, paris), Up: 10 * time.Hour}

func (i Instant) after(d time.Duration) Instant { return Instant{i.Wall.Add(d), i.Up + d} }

func found(steps ...string) *Outcome {
	return &Outcome{Next: 2 * time.Hour, Upgrade: &Upgradable{Steps: steps}}
}

func TestRetries(t *testing.T) {
	s := newSchedule(nil)
	var gaps []time.Duration
	now := noon
	for range 10 {
		s.Looked(now, &Outcome{Offline: &Failure{}}, false)
		gaps = append(gaps, s.look-now.Up)
		now = now.after(s.look - now.Up)
	}
	if gaps[0] != time.Minute || gaps[1] != 2*time.Minute || gaps[9] != 2*time.Hour {
		t.Errorf("attempts come after %v", gaps)
	}
	s.Looked(now, &Outcome{Offline: &Failure{}, After: 3 * time.Hour}, false)
	if gap := s.look - now.Up; gap != 3*time.Hour {
		t.Errorf("the server asked for three hours, the host waits %s", gap)
	}
	s.Looked(now, &Outcome{Next: 10 * time.Minute}, false)
	if gap := s.look - now.Up; gap != 10*time.Minute || s.failures != 0 {
		t.Errorf("the server directs to ten minutes, the host waits %s", gap)
	}
	s.Looked(now, &Outcome{More: true, Next: time.Hour}, false)
	if gap := s.look - now.Up; gap > 2*time.Second {
		t.Errorf("with more results to tell the host waits %s", gap)
	}
	s.Looked(now, nil, false)
	if gap := s.look - now.Up; gap != time.Minute {
		t.Errorf("after a round that broke down the host waits %s", gap)
	}
}

func TestJitter(t *testing.T) {
	for _, random := range []float64{0, 0.25, 0.999} {
		s := newSchedule(nil)
		s.Random = func() float64 { return random }
		s.Looked(noon, &Outcome{}, false)
		if gap := s.look - noon.Up; gap < 96*time.Minute || gap > 144*time.Minute {
			t.Errorf("random %v: the next look comes after %s", random, gap)
		}
	}
}

// TestWaits is when an upgrade is made, and what it waits for.
func TestWaits(t *testing.T) {
	night := settings.Window{From: 22 * 60, To: 5 * 60}
	busy := Conditions{Battery: true, Running: []string{"firefox"}}
	for name, c := range map[string]struct {
		edit func(*settings.Agent)
		with func(*Schedule)
		now  Instant
		cond Conditions
		want Action
		wait string
	}{
		"at once":             {now: noon, want: Upgraded},
		"on battery":          {now: noon, cond: Conditions{Battery: true}, wait: "power: the machine is on battery"},
		"on battery, allowed": {now: noon, cond: Conditions{Battery: true}, edit: func(s *settings.Agent) { s.Battery = true }, want: Upgraded},
		"program runs":        {now: noon, cond: Conditions{Running: []string{"firefox"}}, wait: "firefox to be closed"},
		"program, deadline":   {now: noon.after(8 * 24 * time.Hour), cond: busy, want: Upgraded},
		"outside windows":     {now: noon, edit: func(s *settings.Agent) { s.Windows = []settings.Window{night} }, wait: "a maintenance window"},
		"outside, deadline":   {now: noon.after(8 * 24 * time.Hour), edit: func(s *settings.Agent) { s.Windows = []settings.Window{night} }, wait: "a maintenance window"},
		"in a window":         {now: noon.after(11 * time.Hour), edit: func(s *settings.Agent) { s.Windows = []settings.Window{night} }, want: Upgraded},
		"after midnight":      {now: noon.after(16 * time.Hour), edit: func(s *settings.Agent) { s.Windows = []settings.Window{night} }, want: Upgraded},
		"on another day": {now: noon.after(11 * time.Hour), edit: func(s *settings.Agent) {
			s.Windows = []settings.Window{{Days: 1 << time.Monday, From: 22 * 60, To: 5 * 60}}
		}, wait: "a maintenance window"},
		"at the start":           {now: noon, cond: busy, with: func(s *Schedule) { s.forced = true }, want: Upgraded},
		"start outside windows":  {now: noon, with: func(s *Schedule) { s.forced = true }, edit: func(s *settings.Agent) { s.Windows = []settings.Window{night} }, wait: "a maintenance window"},
		"forced outside windows": {now: noon, with: func(s *Schedule) { s.pending.what.Forced = noon.Wall.Unix() }, edit: func(s *settings.Agent) { s.Windows = []settings.Window{night} }, wait: "a maintenance window"},
		"forced by a package":    {now: noon, cond: busy, with: func(s *Schedule) { s.pending.what.Forced = noon.Wall.Unix() }, want: Upgraded},
		"before the slot":        {now: noon, edit: func(s *settings.Agent) { s.Upgrade = []settings.Slot{{Minute: 13 * 60}} }, with: func(s *Schedule) { s.tried = noon.Wall.Add(-time.Hour) }, wait: "the time to upgrade"},
		"after the slot":         {now: noon.after(61 * time.Minute), edit: func(s *settings.Agent) { s.Upgrade = []settings.Slot{{Minute: 13 * 60}} }, with: func(s *Schedule) { s.tried = noon.Wall.Add(-time.Hour) }, want: Upgraded},
		"slot missed, asleep":    {now: noon.after(20 * time.Hour), edit: func(s *settings.Agent) { s.Upgrade = []settings.Slot{{Minute: 13 * 60}} }, with: func(s *Schedule) { s.tried = noon.Wall.Add(-time.Hour) }, want: Upgraded},
		"slot, clock set back":   {now: noon, edit: func(s *settings.Agent) { s.Upgrade = []settings.Slot{{Minute: 11 * 60}} }, with: func(s *Schedule) { s.tried = noon.Wall.AddDate(5, 0, 0) }, want: Upgraded},
		"metered, to be fetched": {now: noon, cond: Conditions{Metered: true}, with: func(s *Schedule) { s.pending.what.Download = 1 }, wait: "a connection that costs nothing"},
		"metered, fetched":       {now: noon, cond: Conditions{Metered: true}, with: func(s *Schedule) { s.pending.what.Download, s.pending.downloaded = 1, true }, want: Upgraded},
		"fetched before":         {now: noon, cond: Conditions{Running: []string{"x"}}, with: func(s *Schedule) { s.pending.what.Download = 1 }, want: Download, wait: "x to be closed"},
		"not fetched, metered":   {now: noon, cond: Conditions{Metered: true, Running: []string{"x"}}, with: func(s *Schedule) { s.pending.what.Download = 1 }, wait: "a connection that costs nothing"},
		"after a failure":        {now: noon.after(time.Minute), with: func(s *Schedule) { s.Changed(noon, false); s.hurry = false; s.pending = &pending{what: &Upgradable{}} }, wait: "the next attempt"},
	} {
		s := newSchedule(c.edit)
		s.Looked(noon, found("upgrade tool"), true)
		if c.with != nil {
			c.with(s)
		}
		s.look = c.now.Up + time.Hour
		do, pause, waits := s.Next(c.now, c.cond)
		if do != c.want || waits != c.wait || do == Rest && (pause <= 0 || pause > rest) {
			t.Errorf("%s: %q in %s, waits for %q; want %q, %q", name, do, pause, waits, c.want, c.wait)
		}
	}
}

// TestDeadlineStays: what comes while an upgrade waits does not give it more time.
func TestDeadlineStays(t *testing.T) {
	s := newSchedule(nil)
	s.Looked(noon, found("upgrade a"), true)
	first := s.deadline(noon)
	s.Looked(noon.after(48*time.Hour), found("upgrade a", "upgrade b"), false)
	if got := s.deadline(noon.after(48 * time.Hour)); !got.Equal(first) || first.Sub(noon.Wall) != 7*24*time.Hour {
		t.Errorf("deadline %s became %s", first, got)
	}
	s.Looked(noon.after(49*time.Hour), found(), false)
	if s.pending != nil {
		t.Error("nothing is to be done, and an upgrade waits")
	}
}

// TestDaylightSaving: a slot in the hour that is left out, and a window in the
// one that comes twice.
func TestDaylightSaving(t *testing.T) {
	set := &settings.Agent{Upgrade: []settings.Slot{{Minute: 2*60 + 30}}, Windows: []settings.Window{{From: 2 * 60, To: 3 * 60}}}
	spring := time.Date(2026, 3, 29, 4, 0, 0, 0, paris)
	if last := set.LastSlot(spring); spring.Sub(last) > time.Hour || last.After(spring) {
		t.Errorf("before %s the last slot was %s", spring, last)
	}
	open := 0
	for at := time.Date(2026, 10, 25, 0, 0, 0, 0, paris); at.Day() == 25; at = at.Add(time.Minute) {
		if set.Open(at) {
			open++
		}
	}
	if open != 120 {
		t.Errorf("the window of an hour that comes twice is open for %d minutes", open)
	}
}

// TestStart: an upgrade at the start is made at once, whatever else it would wait for,
// and only once. A start outside of the windows is as if there were none.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		from int // of the window, in minutes of the day
		at   time.Duration
		want Action
	}{{from: 11 * 60, want: Upgraded}, {from: 13 * 60, want: Rest}, {from: 13 * 60, at: 2 * time.Hour, want: Rest}} {
		s := newSchedule(func(s *settings.Agent) {
			s.AtStart, s.Windows, s.Upgrade = true, []settings.Window{{From: c.from, To: 20 * 60}}, []settings.Slot{{Minute: 19 * 60}}
		})
		s.spread(noon)
		s.tried = noon.Wall.Add(-time.Hour)
		if do, _, _ := s.Next(noon.after(time.Minute), Conditions{}); do != Look {
			t.Fatalf("first: %q", do)
		}
		s.Looked(noon, found("upgrade tool"), true)
		s.look = noon.after(10 * time.Hour).Up
		if do, _, waits := s.Next(noon.after(c.at+time.Second), Conditions{}); do != c.want {
			t.Errorf("window from %d: %q, waits for %q", c.from, do, waits)
		}
		if c.want == Rest {
			continue
		}
		s.Changed(noon.after(time.Minute), true)
		s.Looked(noon.after(time.Minute), found("upgrade other"), false)
		if do, _, waits := s.Next(noon.after(2*time.Minute), Conditions{}); do != Rest || waits == "" {
			t.Errorf("later: %q", do)
		}
	}
}
