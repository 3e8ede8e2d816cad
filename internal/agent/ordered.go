package agent

import (
	"context"
	"slices"
	"time"

	"muster/api"
)

// ordered are signed actions that came to the loop.
type ordered struct {
	all    []api.Order
	answer time.Time // the server is told nothing before: see [api.Apart]
	done   chan struct{}
}

// order has the loop carry out what came, when it has time, and returns when it is
// done: nothing more comes meanwhile.
func (a *Agent) order(ctx context.Context, o *ordered) {
	o.done = make(chan struct{})
	select {
	case a.ordered <- o:
	case <-ctx.Done():
		return
	}
	select {
	case <-o.done:
	case <-ctx.Done():
	}
}

// obey carries out what came, and what comes with the answers, a few times: who
// sends without end must not keep the host from its own work.
func (a *Agent) obey(ctx context.Context, s *Schedule, orders []api.Order) {
	a.obeyThen(ctx, s, orders, time.Time{})
}

// obeyThen is obey, of which the server is told nothing before answer.
func (a *Agent) obeyThen(ctx context.Context, s *Schedule, orders []api.Order, answer time.Time) {
	a.again = time.Time{}
	for range 16 {
		now := orders[:min(len(orders), api.MaxOrders)] // what a process is told is bounded
		w := &Work{Action: Acting, Root: a.Root, Version: a.Version, Orders: now, Answer: answer, Rate: s.Settings.Rate, Wait: time.Minute,
			NoMemberships: s.Settings.Memberships == "none", Grace: lastPatience}
		done := a.perform(ctx, w)
		if done.Acted == nil || ctx.Err() != nil {
			if a.unfinished() {
				a.again = a.Instant().Wall.Add(firstRetry) // another muster may have had the root
			}
			return
		}
		a.acted(s, done.Acted)
		if orders = append(orders[len(now):], done.Acted.Orders...); len(orders) == 0 {
			return
		}
	}
}

// acted plans by what acting came to.
func (a *Agent) acted(s *Schedule, out *Acted) {
	if out.Due > 0 {
		a.again = time.Unix(out.Due, 0)
	}
	if out.Changed || out.Untold {
		s.Hurry() // the server sees what changed; or is asked for when it is back
	}
}

// due reports whether an action may begin now, by the clock that people wrote its
// time by.
func (a *Agent) due(now Instant) bool { return !a.again.IsZero() && !now.Wall.Before(a.again) }

// until is how long the loop rests until an action may begin.
func (a *Agent) until(now Instant, pause time.Duration) time.Duration {
	if a.again.IsZero() {
		return pause
	}
	return max(0, min(pause, a.again.Sub(now.Wall)))
}

// unfinished reports whether there are actions that wait, or were left by an agent
// that stopped.
func (a *Agent) unfinished() bool {
	if a.home == nil {
		return false
	}
	l := &ledger{home: a.home, now: time.Now}
	all, err := l.deeds()
	if err != nil {
		a.Log.Error("cannot read what people ordered", "error", err)
	}
	return slices.ContainsFunc(all, func(d *deed) bool { return d.Stage != over })
}
