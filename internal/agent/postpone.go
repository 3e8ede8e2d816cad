package agent

import (
	"context"
	"time"

	"muster"
)

// longestPostponed bounds how far a person puts an upgrade off in one go, where no
// deadline is nearer.
const longestPostponed = 7 * 24 * time.Hour

// Postpone has the pending upgrade wait for so long, and no longer than until its
// deadline; 0 has it wait for nobody. It says until when. A person may do so again,
// but the deadline does not move.
func (s *Schedule) Postpone(now Instant, span time.Duration) (until time.Time, err error) {
	if s.pending == nil {
		return until, muster.Errorf(muster.NotFound, "there is no upgrade to put off")
	}
	if s.late(now) {
		return until, muster.Errorf(muster.Denied, "the deadline of the upgrade has passed")
	}
	span = min(max(span, 0), longestPostponed)
	if at := s.deadline(now); !at.IsZero() {
		span = min(span, max(at.Sub(now.Wall), 0))
	}
	s.later = now.Up + span
	// A start of the machine that a person let pass is as if there had been none.
	s.forced = s.forced && span == 0
	return s.putOff(now), nil
}

// putOff is until when a person put the pending upgrade off, zero when none did.
func (s *Schedule) putOff(now Instant) time.Time {
	if s.pending == nil || now.Up >= s.later || s.late(now) {
		return time.Time{}
	}
	return now.Wall.Add(s.later - now.Up)
}

// comes is the time until the pending upgrade is put off no more or its deadline comes,
// whichever is first; a long time where neither is ahead.
func (s *Schedule) comes(now Instant) time.Duration {
	left := longestPostponed
	for _, d := range []time.Duration{s.later - now.Up, s.deadline(now).Sub(now.Wall)} {
		if d > 0 {
			left = min(left, d)
		}
	}
	return left
}

// late reports whether the deadline of the pending upgrade has come.
func (s *Schedule) late(now Instant) bool {
	return s.Settings.Deadline > 0 && now.Up-s.pending.since >= s.Settings.Deadline ||
		s.pending.what.Forced > 0 && now.Wall.Unix() >= s.pending.what.Forced
}

// postponing is the wish of a person, and where the answer goes.
type postponing struct {
	span time.Duration
	done chan postponed // of one, so that nobody waits for who went away
}

type postponed struct {
	until time.Time
	err   error
}

// A Delay is for how long a person wants the pending upgrade to wait; 0 is no longer.
type Delay struct {
	Seconds int64 `json:"seconds"`
}

// A Delayed is until when it waits, zero where it does not.
type Delayed struct {
	Until time.Time `json:"until,omitzero"`
}

// span is the delay, if it is one.
func (d Delay) span() (time.Duration, error) {
	if d.Seconds < 0 || d.Seconds > int64(longestPostponed/time.Second) {
		return 0, muster.Errorf(muster.Invalid, "an upgrade can be put off for up to %d days", longestPostponed/(24*time.Hour))
	}
	return time.Duration(d.Seconds) * time.Second, nil
}

// postponeFor puts the pending upgrade off for a person who may.
func (a *Agent) postponeFor(ctx context.Context, p *Peer, d Delay) (*Delayed, error) {
	span, err := d.span()
	if err != nil {
		return nil, err
	}
	if !a.mayPostpone(p) {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "%s may not put upgrades off here", p.Name), "ask an administrator")
	}
	ask := &postponing{span, make(chan postponed, 1)}
	select {
	case a.delays <- ask:
	case <-ctx.Done():
		return nil, muster.Errorf(muster.Busy, "the agent is doing something else")
	}
	select {
	case out := <-ask.done:
		return &Delayed{out.until}, out.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *Agent) mayPostpone(p *Peer) bool {
	return p.Admin || a.Settings().MayPostpone(foldedPerson(p.person()))
}

// postpone is done by the loop, whose the schedule is. It is written down before
// anybody is told.
func (a *Agent) postpone(s *Schedule, ask *postponing) {
	now := a.Instant()
	until, err := s.Postpone(now, ask.span)
	if err == nil {
		a.keep(s)
		a.change(func(st *State) { st.PutOff = until })
		a.Log.Info("the upgrade was put off", "until", until)
	}
	ask.done <- postponed{until, err}
}
