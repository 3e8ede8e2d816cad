package agent

import (
	"context"
	"sync"
	"time"

	"muster"
)

// A desk is where people wait for the loop, which serves one at a time: however many
// ask, and however often, it has time for its own work.
type desk struct {
	mu   sync.Mutex
	next map[string]time.Duration // by user: when the wishes so far are paid for, in Up
	here map[string]bool          // users with a wish that waits or is under way
	sits map[string]int           // those who watch, by user
	look *shared                  // the look that waits for its turn, nil without one
}

// A user may wish for something every wishPause, and wishBurst times in a row before
// that counts.
const (
	wishPause = 10 * time.Second
	wishBurst = 6
)

// maxUsers is how many users are remembered before those that count no more are
// forgotten.
const maxUsers = 256

// admit lets a user's wish in, one at a time, until leave is called.
func (d *desk) admit(id string, now time.Duration) (leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next == nil {
		d.next, d.here = map[string]time.Duration{}, map[string]bool{}
	}
	if d.here[id] {
		return nil, muster.WithHint(muster.Errorf(muster.Busy, "another wish of yours is under way"), "muster agent status")
	}
	paid := max(d.next[id], now)
	if wait := paid - now - (wishBurst-1)*wishPause; wait > 0 {
		return nil, muster.WithHint(muster.Errorf(muster.Busy, "you have asked too often"), "ask again in %s", wait.Round(time.Second))
	}
	d.forget(now)
	d.next[id], d.here[id] = paid+wishPause, true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.here, id)
	}, nil
}

// maxSitting is how many connections of one user may watch at a time.
const maxSitting = 8

// sit lets a user watch, until leave is called.
func (d *desk) sit(id string) (leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sits == nil {
		d.sits = map[string]int{}
	}
	if d.sits[id] >= maxSitting {
		return nil, muster.Errorf(muster.Busy, "%d programs of yours watch already", maxSitting)
	}
	d.sits[id]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.sits[id]--; d.sits[id] == 0 {
			delete(d.sits, id)
		}
	}, nil
}

func (d *desk) forget(now time.Duration) {
	if len(d.next) < maxUsers {
		return
	}
	for id, paid := range d.next {
		if paid <= now {
			delete(d.next, id)
		}
	}
}

// A shared look is one that answers all who asked before it began.
type shared struct {
	over chan struct{}
	done *Done
	err  error
}

// share joins the look that waits for its turn, or asks for one that lasts as long
// as the loop does: who goes away does not take it from the others.
func (a *Agent) share(loop context.Context) *shared {
	a.desk.mu.Lock()
	defer a.desk.mu.Unlock()
	if a.desk.look != nil {
		return a.desk.look
	}
	s := &shared{over: make(chan struct{})}
	a.desk.look = s
	begun := func() {
		a.desk.mu.Lock()
		defer a.desk.mu.Unlock()
		if a.desk.look == s {
			a.desk.look = nil
		}
	}
	go func() {
		defer close(s.over)
		s.done, s.err = a.ask(loop, a.lookNow(), begun)
		begun() // or it never will be
	}()
	return s
}
