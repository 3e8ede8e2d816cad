package agent

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"muster"
	"muster/api"
	"muster/internal/install"
	"muster/settings"
)

// An Agent is the loop on one root.
type Agent struct {
	Root    string
	Version string // of muster
	// Exe is the program that does the work, in processes of their own; "" does it
	// in this one.
	Exe string
	Log *slog.Logger
	// Settings returns the settings as they are now. nil is those that the rounds find.
	Settings func() *settings.Agent
	// Conditions looks whether the machine may be worked on; nil asks the system.
	Conditions func(processes []string) Conditions
	// Stopping reports whether the machine is about to stop; nil asks the system.
	Stopping func() bool
	// Instant is the time; nil is that of the system.
	Instant func() Instant
	// Do does a work; nil is as Exe says.
	Do func(ctx context.Context, w *Work, tell func(News)) *Done

	// Well is called once, when the agent knows that it is well. Renews has it look
	// for its own package and end, with [ErrAnother], when there is a new version.
	Well   func()
	Renews bool
	// Held is called when work could not be done because another program has the
	// root; nil is for nobody.
	Held func()
	// Prompt has the first round be made at once.
	Prompt bool

	once    sync.Once
	told    bool
	another bool        // a new version is staged
	asked   chan *asked // what people want done, one at a time
	delays  chan *postponing
	reading chan struct{} // full while the shelf is read
	ordered chan *ordered
	again   time.Time // when actions are to be looked at; zero: when some come
	desk    desk
	kick    chan struct{}
	mu      sync.Mutex
	state   State
	watch   map[chan Event]bool
	waker   *waker
	link    *Link        // of the waker
	ahead   atomic.Int64 // [Outcome.Ahead], of the last round
	seen    atomic.Int64 // [Outcome.Seen]
	home    *Home        // nil: there is no root yet
	kept    memory
}

// State is what the agent tells people.
type State struct {
	Version   string      `json:"version"`
	Root      string      `json:"root"`
	Host      string      `json:"host,omitempty"`
	Server    string      `json:"server,omitempty"`
	Doing     Action      `json:"doing,omitempty"`
	Last      time.Time   `json:"last,omitzero"` // end of the last round
	Next      time.Time   `json:"next,omitzero"` // of the next
	Online    bool        `json:"online"`        // the server was told in the last round
	Problem   *Failure    `json:"problem,omitempty"`
	Upgrade   *Upgradable `json:"upgrade,omitempty"`
	Postponed string      `json:"postponed,omitempty"` // what the upgrade waits for
	Until     time.Time   `json:"until,omitzero"`
	PutOff    time.Time   `json:"put-off,omitzero"`  // until when a person put the upgrade off
	Deadline  time.Time   `json:"deadline,omitzero"` // of the pending upgrade
	Reboot    bool        `json:"reboot,omitempty"`
}

// An Event is something that a person who watches sees.
type Event struct {
	Time time.Time `json:"time"`
	News
	State *State `json:"state,omitempty"` // when it changed
}

// asked is a wish of a person, and where the answer goes.
type asked struct {
	work  *Work
	begun func() // nil for nobody who wants to know
	done  chan *Done
}

// ErrAnother ends [Agent.Run] when another version of the agent should run.
var ErrAnother = errors.New("another version of the agent is staged")

// Run is the loop. It ends with ctx, after what is under way.
func (a *Agent) Run(ctx context.Context) error {
	a.once.Do(a.prepare)
	sched := &Schedule{Settings: a.Settings(), Random: rand.Float64}
	a.resume(sched)
	if a.unfinished() {
		a.again = a.Instant().Wall
	}
	if !a.Prompt {
		sched.spread(a.Instant())
	}
	go a.waker.run(ctx)
	var before Instant
	began := a.Instant().Up
	for {
		now := a.Instant()
		a.jumped(sched, before, now)
		before = now
		sched.Settings = a.Settings()
		if a.another && now.Up-began >= settle {
			return ErrAnother
		}
		do, pause, waits := sched.Next(now, a.conditions(sched))
		a.waiting(sched, now, waits)
		if a.due(now) {
			do = Acting
		}
		if do != Rest {
			a.act(ctx, sched, do)
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		if !a.rest(ctx, sched, a.until(now, pause)) {
			a.last(sched)
			a.keep(sched)
			return nil
		}
	}
}

func (a *Agent) prepare() {
	if a.Settings == nil {
		a.Settings = ownSettings(a.Root)
	}
	if a.Instant == nil {
		a.Instant = systemInstant
	}
	if a.Conditions == nil {
		a.Conditions = systemConditions
	}
	if a.Stopping == nil {
		a.Stopping = stopping
	}
	if a.Do == nil {
		a.Do = a.hand
	}
	a.asked, a.kick, a.watch = make(chan *asked), make(chan struct{}, 1), map[chan Event]bool{}
	a.delays, a.reading = make(chan *postponing), make(chan struct{}, 1)
	a.state.Version, a.state.Root = a.Version, a.Root
	a.ordered = make(chan *ordered)
	a.waker = newWaker(a.wait, a.Kick)
	a.waker.orders = a.order
}

// hand does work as Exe says.
func (a *Agent) hand(ctx context.Context, w *Work, tell func(News)) *Done {
	if a.Exe == "" {
		return w.Do(ctx, tell)
	}
	return w.Hand(ctx, a.Exe, tell)
}

// conditions are looked at only when they matter.
func (a *Agent) conditions(s *Schedule) Conditions {
	if s.pending == nil {
		return Conditions{}
	}
	return a.Conditions(s.pending.what.Processes)
}

// jumped notes a clock that was set. Intervals do not care, and what goes by the
// clock is planned anew at every turn; but a person should know.
func (a *Agent) jumped(s *Schedule, before, now Instant) {
	if before.Wall.IsZero() {
		return
	}
	off := now.Wall.Round(0).Sub(before.Wall.Round(0)) - (now.Up - before.Up)
	if off.Abs() > time.Minute {
		a.Log.Warn("the clock was set", "by", off.Round(time.Second))
		s.Hurry()
	}
}

// waiting shows what the pending upgrade waits for.
func (a *Agent) waiting(s *Schedule, now Instant, waits string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.Postponed, a.state.Until = waits, time.Time{}
	a.state.PutOff, a.state.Deadline = s.putOff(now), s.deadline(now)
	if waits != "" {
		a.state.Until = s.deadline(now)
	}
	a.state.Next = now.Wall.Add(s.look - now.Up)
}

// rest waits for the next turn. It reports whether there is one.
func (a *Agent) rest(ctx context.Context, s *Schedule, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-a.kick:
		s.Hurry()
	case w := <-a.asked:
		a.serve(ctx, s, w)
	case p := <-a.delays:
		a.postpone(s, p)
	case o := <-a.ordered:
		a.obeyThen(ctx, s, o.all, o.answer)
		close(o.done)
	}
	return true
}

// lastPatience is how long an upgrade may hold up a machine that stops: what is under
// way then, or what is begun and then asked to end. The unit of systemd gives them a
// minute more.
const (
	lastPatience = 14 * time.Minute
	lastGrace    = 4 * time.Minute
)

// last makes the pending upgrade while the machine stops, where settings want that
// and no window forbids it. What is not done in time is taken back or finished at
// the next start.
func (a *Agent) last(s *Schedule) {
	if !s.Settings.AtStop || s.pending == nil || !s.Settings.Open(a.Instant().Wall) || !s.putOff(a.Instant()).IsZero() || !a.Stopping() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastPatience-lastGrace)
	defer cancel()
	w := a.work(s, Upgraded)
	w.Grace = lastGrace
	done := a.perform(ctx, w)
	s.Changed(a.Instant(), done.Error == nil)
}

// act does one thing and plans by what came of it.
func (a *Agent) act(ctx context.Context, s *Schedule, do Action) {
	if do == Acting {
		a.obey(ctx, s, nil)
		return
	}
	w := a.work(s, do)
	if do == Upgraded {
		s.tried = a.Instant().Wall
		a.keep(s) // before: one that takes the machine down has been tried
	}
	done := a.perform(ctx, w)
	if ctx.Err() != nil {
		return
	}
	defer a.keep(s)
	now := a.Instant()
	switch do {
	case Look:
		s.Looked(now, done.Outcome, w.Collect)
		a.looked(done)
		if done.Outcome != nil && len(done.Outcome.Orders) > 0 {
			a.obey(ctx, s, done.Outcome.Orders)
		}
	case Download:
		s.Fetched(now, done.Error == nil)
	case Upgraded:
		s.Changed(now, done.Error == nil)
	}
}

// work fills in a piece of work.
func (a *Agent) work(s *Schedule, do Action) *Work {
	w := &Work{Action: do, Root: a.Root, Version: a.Version, Update: do == Look, Rate: s.Settings.Rate, Wait: time.Minute,
		NoMemberships: s.Settings.Memberships == "none"}
	if a.Held != nil {
		w.Wait = 10 * time.Second // somebody waits to hear of it
	}
	if do != Look {
		w.Grace = lastPatience
		w.Close = patience // none of them runs, but where the deadline has come
		return w
	}
	w.Collect = s.Collecting(a.Instant())
	if a.Renews {
		w.Package = s.Settings.Package
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state.Postponed != "" {
		w.Summary = &Waiting{For: a.state.Postponed, Until: seconds(a.state.Until)}
	}
	return w
}

// lookNow is a round that a person asks for.
func (a *Agent) lookNow() *Work {
	set := a.Settings()
	w := &Work{Action: Look, Update: true, Collect: true, Rate: set.Rate, NoMemberships: set.Memberships == "none"}
	if a.Renews {
		w.Package = set.Package
	}
	return w
}

// patience is how long a program has to end that was asked to.
const patience = time.Minute

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// perform does one piece of work, and nobody else speaks for the host meanwhile.
func (a *Agent) perform(ctx context.Context, w *Work) *Done {
	a.waker.hush()
	defer a.waker.resume()
	a.change(func(s *State) { s.Doing = w.Action })
	done := a.Do(ctx, w, a.tell)
	if out := done.Outcome; out != nil && out.Offline == nil {
		a.ahead.Store(int64(out.Ahead))
		a.seen.Store(out.Seen)
		a.waker.want(out.Waking, out.Wake)
	}
	if out := done.Outcome; out != nil && done.Error == nil {
		a.another = a.another || out.NewAgent != ""
		a.well()
	}
	if err := done.Error; err != nil && ctx.Err() == nil {
		a.Log.Error("failed", "action", string(w.Action), "error", err.Message)
		if err.Kind == muster.Busy && a.Held != nil {
			a.Held()
		}
	}
	a.change(func(s *State) {
		s.Doing = Rest
		s.Reboot = s.Reboot || done.Reboot
	})
	a.tell(News{Done: done})
	debug.FreeOSMemory() // nothing happens for hours now
	return done
}

// looked shows what a round found, and waits for the server's word where it gives
// one.
func (a *Agent) looked(d *Done) {
	a.change(func(s *State) {
		s.Last, s.Problem, s.Online = a.Instant().Wall, d.Error, false
		if out := d.Outcome; out != nil {
			s.Online = out.Offline == nil && out.Next > 0
			s.Upgrade, s.Problem = out.Upgrade, out.Problem
			if s.Problem == nil {
				s.Problem = out.Offline
			}
		}
	})
}

// serve does what a person asks for.
func (a *Agent) serve(ctx context.Context, s *Schedule, w *asked) {
	if w.begun != nil {
		w.begun()
	}
	done := a.perform(ctx, w.work)
	now := a.Instant()
	if w.work.Action == Look {
		s.Looked(now, done.Outcome, w.work.Collect)
		a.keep(s)
		a.looked(done)
		if done.Outcome != nil && len(done.Outcome.Orders) > 0 {
			defer a.obey(ctx, s, done.Outcome.Orders) // who asked is answered first
		}
	} else if done.Error == nil {
		s.Hurry() // the server is to see it; what was refused is nothing to see
	}
	w.done <- done
}

// Ask has the loop do work for a person, and returns when it is done.
func (a *Agent) Ask(ctx context.Context, w *Work) (*Done, error) { return a.ask(ctx, w, nil) }

// ask is Ask, and calls begun before the work begins.
func (a *Agent) ask(ctx context.Context, w *Work, begun func()) (*Done, error) {
	w.Root, w.Version, w.Wait = a.Root, a.Version, time.Minute
	if w.Action != Look {
		w.Grace = lastPatience
	}
	ask := &asked{work: w, begun: begun, done: make(chan *Done, 1)}
	select {
	case a.asked <- ask:
	case <-ctx.Done():
		return nil, muster.WithHint(muster.Errorf(muster.Busy, "the agent is doing something else"), "muster agent status")
	}
	select {
	case d := <-ask.done:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Kick has the loop look for news now.
func (a *Agent) Kick() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// State returns what the agent is doing.
func (a *Agent) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// change changes the state and tells who watches.
func (a *Agent) change(edit func(*State)) {
	a.mu.Lock()
	edit(&a.state)
	now := a.state
	a.mu.Unlock()
	a.event(Event{State: &now})
}

// tell passes news of work on.
func (a *Agent) tell(n News) {
	if n.Text != "" {
		a.Log.Info(n.Text)
	}
	a.event(Event{News: n})
}

func (a *Agent) event(e Event) {
	e.Time = a.Instant().Wall
	a.mu.Lock()
	defer a.mu.Unlock()
	for ch := range a.watch {
		select {
		case ch <- e:
		default: // who does not read misses something, and holds up nobody
		}
	}
}

// Watch returns what happens from now on, until stop is called.
func (a *Agent) Watch() (events <-chan Event, stop func()) {
	ch := make(chan Event, 64)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watch[ch] = true
	return ch, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watch, ch)
	}
}

// wait asks the server to say when it wants something.
func (a *Agent) wait(ctx context.Context, since int64) (news api.Wake, err error) {
	if a.link == nil {
		if a.link, err = a.open(); err != nil {
			return news, err
		}
	}
	began := time.Now()
	news, err = a.link.Attend(ctx, since, nil)
	if err != nil && time.Since(began) < held {
		// The host may have joined another server since.
		a.link.Close()
		a.link = nil
	}
	return news, err
}

// open opens the waker's link. It speaks by the clock that the rounds found the server
// to accept; whose certificate is good is a matter of the host's own.
func (a *Agent) open() (*Link, error) {
	root, err := install.Open(a.Root, nil)
	if err != nil {
		return nil, err
	}
	own := func() time.Time { return a.Instant().Wall }
	l, err := OpenLink(HomeOf(root.State, nil), Dialing{Version: a.Version, Now: own, Seen: time.Unix(a.seen.Load(), 0)})
	if err != nil {
		return nil, err
	}
	l.Now = func() time.Time { return own().Add(time.Duration(a.ahead.Load())) }
	return l, nil
}
