package agent

import (
	"muster/settings"
	"time"
)

// An Instant is a moment by two clocks: the one on the wall, which people and
// daylight saving set and which may be years off, and Up, the time since the
// machine or the agent was started, which only goes on. Intervals are measured by
// Up; only what a person wrote as a time of the day goes by Wall.
type Instant struct {
	Wall time.Time
	Up   time.Duration
}

// An Action is what the loop does next.
type Action string

// The actions.
const (
	Rest     Action = ""         // nothing now
	Look     Action = "look"     // a round
	Download Action = "download" // fetch what an upgrade will install
	Upgraded Action = "upgrade"  // an upgrade
)

// A Schedule is what the loop plans by. Its methods are pure: they know the time
// from their arguments, and change nothing but the schedule.
type Schedule struct {
	Settings *settings.Agent
	// Random is in [0,1); it spreads hosts over time.
	Random func() float64

	look     time.Duration // Up of the next round
	hurry    bool          // somebody waits for it
	collect  time.Duration // Up of the next look at the machine
	failures int           // rounds in a row that could not reach the server
	pending  *pending
	tried    time.Time // Wall of the last upgrade that the agent began by itself
	backoff  time.Duration
	fails    int // upgrades in a row that failed
	started  bool
	forced   bool          // the agent has just started
	waited   time.Duration // of the upgrade that was pending before the agent was started
	later    time.Duration // Up until which a person put the pending upgrade off
}

// pending is an upgrade that has something to do.
type pending struct {
	what       *Upgradable
	since      time.Duration // Up
	downloaded bool
}

// Conditions are what a considerate agent waits for.
type Conditions struct {
	Battery bool
	Metered bool
	Running []string // of the programs that the upgrade wants closed
}

// spread has the first round be made soon, and not in the same second on all hosts
// of a site where the power came back.
func (s *Schedule) spread(now Instant) {
	s.look = now.Up + time.Duration(s.Random()*float64(min(time.Minute, s.Settings.Update/10)))
}

// rest is the longest that the loop sleeps. Timers of the system stand still while
// a machine is suspended: that much later after it wakes, what is due is done.
const rest = 5 * time.Minute

// Next says what to do now, or how long to rest until something may be due, and
// what an upgrade that could be made waits for.
func (s *Schedule) Next(now Instant, c Conditions) (do Action, pause time.Duration, waits string) {
	if s.hurry || now.Up >= s.look {
		return Look, 0, ""
	}
	pause = min(rest, s.look-now.Up)
	if s.pending == nil {
		return Rest, pause, ""
	}
	if waits = s.waits(now, c); waits == "" {
		return Upgraded, 0, ""
	}
	if s.Settings.Predownload && !s.pending.downloaded && s.pending.what.Download > 0 && now.Up >= s.backoff && s.mayFetch(c) {
		return Download, 0, waits
	}
	// Windows, slots and what runs are looked at again every minute.
	return Rest, min(pause, time.Minute, s.comes(now)), waits
}

func (s *Schedule) mayFetch(c Conditions) bool {
	return (s.Settings.Metered || !c.Metered) && (s.Settings.Battery || !c.Battery)
}

// waits says what keeps the pending upgrade from being made now, "" for nothing.
// A person who put it off, and what nobody chose, such as a battery or a program that
// runs, hold until the deadline. A maintenance window always does: it is the word of who looks
// after the host, and no package and no start of the machine goes past it.
func (s *Schedule) waits(now Instant, c Conditions) string {
	set := s.Settings
	switch {
	case now.Up < s.backoff:
		return "the next attempt"
	case !set.Open(now.Wall):
		return "a maintenance window"
	case s.late(now):
		return ""
	case now.Up < s.later:
		return "a person who put it off"
	case s.forced:
		return ""
	case !s.slot(now):
		return "the time to upgrade"
	case c.Battery && !set.Battery:
		return "power: the machine is on battery"
	case c.Metered && !set.Metered && s.pending.what.Download > 0 && !s.pending.downloaded:
		return "a connection that costs nothing"
	case len(c.Running) > 0:
		return c.Running[0] + " to be closed"
	}
	return ""
}

// slot reports whether a time to upgrade has come since the last upgrade. A clock
// that was set back makes the last upgrade lie ahead: then it does not count.
func (s *Schedule) slot(now Instant) bool {
	if len(s.Settings.Upgrade) == 0 {
		return true
	}
	last := s.Settings.LastSlot(now.Wall)
	return !last.IsZero() && (s.tried.After(now.Wall) || s.tried.Before(last))
}

// deadline is when the pending upgrade waits no longer for what is not a window.
func (s *Schedule) deadline(now Instant) time.Time {
	if s.pending == nil || s.Settings.Deadline == 0 {
		return time.Time{}
	}
	at := now.Wall.Add(s.pending.since + s.Settings.Deadline - now.Up)
	if f := s.pending.what.Forced; f > 0 && f < at.Unix() {
		at = time.Unix(f, 0)
	}
	return at
}

// Hurry has the next round be made at once: the server or a person asks for it.
func (s *Schedule) Hurry() { s.hurry = true }

// Collecting reports whether the machine is to be looked at in this round.
func (s *Schedule) Collecting(now Instant) bool { return now.Up >= s.collect }

// firstRetry and lastRetry bound the time between two attempts that fail.
const (
	firstRetry = time.Minute
	lastRetry  = 4 * time.Hour
)

// Looked plans after a round, successful where out is not nil.
func (s *Schedule) Looked(now Instant, out *Outcome, collected bool) {
	s.hurry = false
	next := s.Settings.Update
	switch {
	case out == nil || out.Offline != nil:
		s.failures++
		next = min(retry(s.failures), s.Settings.Update)
		if out != nil {
			next = max(next, out.After)
		}
	case out.More:
		s.failures, next = 0, time.Second
	default:
		s.failures = 0
		if out.Next > 0 {
			s.look = now.Up + out.Next // the server has spread its hosts already
			next = 0
		}
	}
	if next > 0 {
		s.look = now.Up + s.jitter(next)
	}
	if collected && out != nil {
		s.collect = now.Up + s.jitter(s.Settings.Collect)
	}
	if out != nil && out.Upgrade != nil {
		s.found(now, out.Upgrade)
	}
}

// found notes what an upgrade would do. What changes in it does not make the
// deadline later.
func (s *Schedule) found(now Instant, u *Upgradable) {
	// A start outside of the windows is none to upgrade at, nor is the window after it.
	// One that a person put off is not begun by starting the machine anew.
	atStart := !s.started && s.Settings.AtStart && s.Settings.Open(now.Wall) && now.Up >= s.later
	s.started = true
	if len(u.Steps) == 0 {
		s.pending, s.forced, s.waited, s.later = nil, false, 0, 0
		return
	}
	p := &pending{what: u, since: now.Up - s.waited}
	s.waited = 0
	if s.pending != nil {
		p.since = s.pending.since
		p.downloaded = u.Download == 0
	}
	s.pending = p
	if atStart {
		s.forced, s.backoff = true, 0
	}
}

// Changed plans after an upgrade that the agent made by itself.
func (s *Schedule) Changed(now Instant, ok bool) {
	s.tried, s.forced, s.hurry = now.Wall, false, true
	if ok {
		s.pending, s.fails, s.backoff, s.later = nil, 0, 0, 0
		return
	}
	s.fails++
	s.backoff = now.Up + s.jitter(min(retry(s.fails+4), 24*time.Hour))
}

// Fetched plans after a download.
func (s *Schedule) Fetched(now Instant, ok bool) {
	if s.pending != nil && ok {
		s.pending.downloaded = true
	}
	if !ok {
		s.fails++
		s.backoff = now.Up + s.jitter(retry(s.fails+4))
	}
}

// retry is how long to wait after n failures in a row: one minute, and twice as
// long each time.
func retry(n int) time.Duration {
	d := firstRetry
	for range n - 1 {
		if d *= 2; d > lastRetry {
			return lastRetry
		}
	}
	return d
}

// jitter moves d by up to the settings' share.
func (s *Schedule) jitter(d time.Duration) time.Duration {
	share := float64(s.Settings.Jitter) / 100
	return time.Duration(float64(d) * (1 + share*(2*s.Random()-1)))
}
