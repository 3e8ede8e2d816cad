package agent

import (
	"time"

	"muster/internal/install"
)

// A memory is what a schedule keeps over a restart of the agent or the machine:
// schedule.json. Losing it gives the pending upgrade its time anew.
type memory struct {
	At     int64 `json:"at"`               // Unix seconds: when it was written
	Waited int64 `json:"waited,omitempty"` // seconds that the pending upgrade has waited
	Tried  int64 `json:"tried,omitempty"`  // Unix seconds of the last upgrade
	Fails  int   `json:"fails,omitempty"`  // upgrades in a row that failed
	Rest   int64 `json:"rest,omitempty"`   // seconds until the next attempt
	Later  int64 `json:"later,omitempty"`  // seconds for which a person put the upgrade off
}

// longestOff bounds what counts of the time between two runs of the agent, which the
// clock on the wall alone knows: one that was set years ahead meanwhile brings no
// deadline about, and a weekend counts.
const longestOff = 3 * 24 * time.Hour

// remember is what to keep of s.
func (s *Schedule) remember(now Instant) memory {
	m := memory{At: now.Wall.Unix(), Fails: s.fails, Rest: max(0, whole(s.backoff-now.Up)), Later: max(0, whole(s.later-now.Up+time.Second-1)), Waited: whole(s.waited)}
	if s.pending != nil {
		m.Waited = max(1, whole(now.Up-s.pending.since))
	}
	if !s.tried.IsZero() {
		m.Tried = s.tried.Unix()
	}
	return m
}

// recall has a new schedule go on where the one before ended.
func (s *Schedule) recall(m memory, now Instant) {
	if m.At <= 0 {
		return
	}
	off := min(max(now.Wall.Sub(time.Unix(m.At, 0)), 0), longestOff)
	if m.Waited > 0 {
		s.waited = period(m.Waited) + off
	}
	if left := min(period(m.Later), longestPostponed) - off; left > 0 {
		s.later = now.Up + left
	}
	if m.Tried > 0 {
		s.tried = time.Unix(m.Tried, 0).In(now.Wall.Location())
	}
	if s.fails = min(max(m.Fails, 0), 100); s.fails > 0 {
		s.backoff = now.Up + min(max(period(m.Rest)-off, 0), 2*lastRetry)
	}
}

func whole(d time.Duration) int64 { return int64(d / time.Second) }

// period is n seconds, of at most a year: a damaged file may say anything.
func period(n int64) time.Duration {
	const year = 365 * 24 * 3600
	return time.Duration(min(max(n, 0), year)) * time.Second
}

func (h *Home) memory() (m memory) {
	if h.readJSON("schedule.json", &m) != nil {
		return memory{}
	}
	return m
}

// resume goes on where the agent was before it was started.
func (a *Agent) resume(s *Schedule) {
	root, err := install.Open(a.Root, nil)
	if err != nil {
		return // the first round says what is wrong
	}
	a.home = HomeOf(root.State, root.Disk)
	a.kept = a.home.memory()
	s.recall(a.kept, a.Instant())
}

// keep writes down what the schedule is to remember. While nothing is pending that is
// what was written before, but for the time.
func (a *Agent) keep(s *Schedule) {
	m := s.remember(a.Instant())
	old := a.kept
	if old.At = m.At; a.home == nil || old == m && m.Waited == 0 {
		return
	}
	err := a.home.make()
	if err == nil {
		err = a.home.writeJSON("schedule.json", m)
	}
	if err != nil {
		a.Log.Warn("cannot write down what the upgrade waits for", "error", err)
		return
	}
	a.kept = m
}
