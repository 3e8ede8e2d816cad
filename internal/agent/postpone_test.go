package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/internal/install"
	"muster/settings"
)

// TestPostpone: a person puts an upgrade off, again and again, and the deadline comes
// when it would have come.
func TestPostpone(t *testing.T) {
	s := newSchedule(nil)
	if _, err := s.Postpone(noon, time.Hour); muster.KindOf(err) != muster.NotFound {
		t.Errorf("nothing waits: %v", err)
	}
	s.Looked(noon, found("upgrade tool"), true)
	deadline := s.deadline(noon)
	for now := noon; now.Wall.Before(deadline); now = now.after(6 * time.Hour) {
		s.look = now.after(48 * time.Hour).Up
		until, err := s.Postpone(now, 24*time.Hour)
		if want := now.Wall.Add(24 * time.Hour); err != nil || until.After(deadline) || want.Before(deadline) && !until.Equal(want) {
			t.Fatalf("at %s: until %s, %v", now.Wall, until, err)
		}
		if do, _, waits := s.Next(now.after(time.Minute), Conditions{}); do != Rest || waits != "a person who put it off" {
			t.Fatalf("at %s: %q, waits for %q", now.Wall, do, waits)
		}
	}
	late := noon.after(7 * 24 * time.Hour)
	s.look = late.after(time.Hour).Up
	if do, _, waits := s.Next(late, Conditions{Battery: true}); do != Upgraded {
		t.Errorf("at the deadline: %q, waits for %q", do, waits)
	}
	if _, err := s.Postpone(late, time.Hour); muster.KindOf(err) != muster.Denied {
		t.Errorf("past the deadline: %v", err)
	}
	if !s.putOff(late).IsZero() {
		t.Error("past the deadline the upgrade is put off")
	}
}

// TestPostponeTaken back, forced by a package, without a deadline, and over what else
// an upgrade waits for.
func TestPostponeCases(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*settings.Agent)
		span  time.Duration
		with  func(*Schedule)
		after time.Duration
		want  Action
		wait  string
	}{
		"over":             {span: time.Hour, after: time.Hour, want: Upgraded},
		"not over":         {span: time.Hour, after: 59 * time.Minute, wait: "a person who put it off"},
		"taken back":       {span: time.Hour, with: func(s *Schedule) { s.Postpone(noon, 0) }, after: time.Second, want: Upgraded},
		"forced":           {span: 8 * time.Hour, with: func(s *Schedule) { s.pending.what.Forced = noon.after(time.Hour).Wall.Unix() }, after: time.Hour, want: Upgraded},
		"no deadline":      {edit: func(s *settings.Agent) { s.Deadline = 0 }, span: 30 * 24 * time.Hour, after: 8 * 24 * time.Hour, want: Upgraded},
		"at the start":     {edit: func(s *settings.Agent) { s.AtStart = true }, span: time.Hour, after: time.Minute, wait: "a person who put it off"},
		"window is closed": {edit: func(s *settings.Agent) { s.Windows = []settings.Window{{From: 22 * 60, To: 23 * 60}} }, span: time.Hour, after: 2 * time.Hour, wait: "a maintenance window"},
		"new packages": {span: 2 * time.Hour, with: func(s *Schedule) { s.Looked(noon.after(time.Minute), found("upgrade a", "upgrade b"), false) },
			after: time.Hour, wait: "a person who put it off"},
	} {
		s := newSchedule(c.edit)
		s.Looked(noon, found("upgrade tool"), true)
		if _, err := s.Postpone(noon, c.span); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.with != nil {
			c.with(s)
		}
		now := noon.after(c.after)
		s.look = now.after(time.Hour).Up
		if do, _, waits := s.Next(now, Conditions{}); do != c.want || waits != c.wait {
			t.Errorf("%s: %q, waits for %q", name, do, waits)
		}
	}
}

// TestPostponedRestart: the agent or the machine is started again, and the upgrade waits
// as long as it would have, also where settings want it made at the start.
func TestPostponedRestart(t *testing.T) {
	s := newSchedule(nil)
	s.Looked(noon, found("upgrade tool"), true)
	if _, err := s.Postpone(noon, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	m := s.remember(noon.after(time.Hour))
	on := Instant{Wall: noon.Wall.Add(10 * time.Hour), Up: time.Second}
	s = newSchedule(func(s *settings.Agent) { s.AtStart = true })
	s.recall(m, on)
	s.Looked(on, found("upgrade tool"), true)
	s.look = on.after(72 * time.Hour).Up
	for after, want := range map[time.Duration]Action{13 * time.Hour: Rest, 14*time.Hour + time.Second: Upgraded} {
		if do, _, waits := s.Next(on.after(after), Conditions{}); do != want {
			t.Errorf("%s after the start: %q, waits for %q", after, do, waits)
		}
	}
}

// TestPostponeAsked: who may is asked to wait for nobody, who may not is refused, and it
// is written down before it is answered.
func TestPostponeAsked(t *testing.T) {
	dir := t.TempDir()
	if _, err := install.Setup(dir, install.Config{Area: true}, nil); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScene(func(s *settings.Agent) {
			s.Postpone = []string{"alice"}
			s.Upgrade = []settings.Slot{{Minute: 12 * 60}}
		})
		s.Root, s.out = dir, func(int) *Done { return &Done{Outcome: found("upgrade tool")} }
		ctx, stop := context.WithCancel(t.Context())
		s.once.Do(s.prepare)
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(time.Minute)
		s.cond.Battery = true
		synctest.Wait()
		if _, err := s.postponeFor(ctx, &Peer{ID: "12345", Name: "bob"}, Delay{3600}); muster.KindOf(err) != muster.Denied {
			t.Errorf("bob: %v", err)
		}
		if _, err := s.postponeFor(ctx, &Peer{ID: "12345", Name: "alice"}, Delay{1 << 40}); muster.KindOf(err) != muster.Invalid {
			t.Errorf("for ever: %v", err)
		}
		out, err := s.postponeFor(ctx, &Peer{ID: "12345", Name: "alice"}, Delay{3600})
		if err != nil || time.Until(out.Until).Round(time.Minute) != time.Hour {
			t.Errorf("alice: %+v, %v", out, err)
		}
		if st := s.State(); !st.PutOff.Equal(out.Until) || HomeOf(must(install.Open(dir, nil)).State, nil).memory().Later < 3500 {
			t.Errorf("state %+v", st)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
