package agent

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"muster"
	"muster/settings"
)

// TestCase29Clock: a host whose clock is years off goes on telling its server,
// who sees by how much; it takes the floor for what is signed, and the repository
// that looks expired from the future is told, not acted on.
func TestCase29Clock(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1", "bin/tool=one")
	id := f.host("pc")
	f.round("pc")
	f.install("pc", "tool")
	at := func(when time.Time) *Outcome {
		t.Helper()
		job := f.job("pc")
		job.Now = func() time.Time { return when }
		out, err := Round(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	past := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if out := at(past); out.Offline != nil || out.Stale || out.Problem == nil {
		t.Errorf("in 2001: %+v", out)
	}
	if got := f.row(id).last.Clock; got != past.Unix() {
		t.Errorf("the server was told that the clock says %d", got)
	}
	f.publish("tool 1.1-1", "bin/tool=two")
	future := time.Now().AddDate(5, 0, 0)
	out := at(future)
	if out.Offline != nil || !out.Stale || out.Problem == nil {
		t.Errorf("in five years: %+v", out)
	}
	if s := f.row(id).summary; s == nil || s.Problem == "" {
		t.Errorf("the server does not know: %+v", s)
	}
	if out = at(time.Now()); out.Offline != nil || out.Stale || out.Problem != nil || len(out.Upgrade.Steps) != 1 {
		t.Errorf("when the clock is right again: %+v", out)
	}
	if s := f.row(id).summary; s.Problem != "" || s.Status != muster.NeedUpgrade {
		t.Errorf("the server believes %+v", s)
	}
}

// TestCase29Steps: a clock that is set, forth and back, moves neither the next
// round nor a deadline.
func TestCase29Steps(t *testing.T) {
	day := 24 * time.Hour
	s := &Schedule{Settings: settings.Defaults(), Random: func() float64 { return 0.5 }}
	now := Instant{Wall: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Up: time.Hour}
	s.Looked(now, &Outcome{Next: 2 * time.Hour, Upgrade: &Upgradable{Steps: []string{"x"}}}, true)
	busy := Conditions{Battery: true}
	for _, year := range []int{2001, 2031, 2026} {
		wall := time.Date(year, 11, 21, 12, 30, 0, 0, time.UTC)
		if do, pause, waits := s.Next(Instant{wall, now.Up + 30*time.Minute}, busy); do != Rest || pause <= 0 || waits == "" {
			t.Errorf("in %d: %q in %s, waits for %q", year, do, pause, waits)
		}
	}
	s.Looked(Instant{now.Wall.AddDate(-25, 0, 0), now.Up + 6*day}, &Outcome{Next: 2 * day, Upgrade: &Upgradable{Steps: []string{"x"}}}, true)
	if do, _, _ := s.Next(Instant{now.Wall.AddDate(5, 0, 0), now.Up + 6*day + time.Hour}, busy); do != Rest {
		t.Errorf("after six days, with a clock of five years ahead: %q", do)
	}
	if do, _, waits := s.Next(Instant{now.Wall.AddDate(-25, 0, 0), now.Up + 7*day}, busy); do != Upgraded {
		t.Errorf("after the deadline, with a clock of 2001: %q, waits for %q", do, waits)
	}
}

// TestCase29Waker: a host whose clock is off waits for the server's word as others do.
func TestCase29Waker(t *testing.T) {
	f := newFleet(t)
	f.host("pc")
	for _, off := range []time.Duration{time.Hour, -time.Hour, -20 * 365 * 24 * time.Hour, 0} {
		clock := func() time.Time { return time.Now().Add(off) }
		a := &Agent{Root: f.path("pc"), Version: "1.0", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Instant: func() Instant { return Instant{Wall: clock()} },
			Do: func(ctx context.Context, w *Work, _ func(News)) *Done {
				job := f.job("pc")
				job.Now = clock
				out, err := Round(ctx, job)
				return &Done{Outcome: out, Error: failureOf(err)}
			}}
		a.once.Do(a.prepare)
		if d := a.perform(t.Context(), &Work{Action: Look}); d.Error != nil || d.Outcome.Offline != nil {
			t.Fatalf("off by %s: %+v", off, d)
		}
		f.call()
		if n, err := a.wait(t.Context(), 0); err != nil || n.Number == 0 {
			t.Errorf("off by %s: number %d, %v", off, n.Number, err)
		}
	}
}
