package agent

import "time"

// Settings say how the agent behaves. Their zero value is not useful: see
// [Defaults].
type Settings struct {
	// Update is the time between two looks for news, where the server does not
	// direct it. Each is off by up to Jitter percent, so that hosts that were
	// started together do not ask together.
	Update time.Duration
	Jitter int
	// Collect is the time between two looks at the whole machine.
	Collect time.Duration
	// Upgrade says when to upgrade: at these times, or where there is none whenever
	// there is something to do. Windows are the only times in which the agent
	// changes anything by itself; none is always.
	Upgrade []Slot
	Windows []Window
	AtStart bool // upgrade when the agent starts
	AtStop  bool // upgrade when the machine is about to stop
	// Predownload fetches before the time has come to upgrade.
	Predownload bool
	// Rate is the most bytes a second to fetch; 0 is no limit.
	Rate int64
	// Battery and Metered allow upgrades and downloads on battery and on connections
	// that cost money.
	Battery, Metered bool
	// Deadline is how long something that an upgrade waits for may delay it.
	Deadline time.Duration
	// Memberships "none" has the host not believe what the server says of its groups.
	Memberships string
	// Package is the name of the agent's own package, which it updates itself by; ""
	// keeps the agent that is there.
	Package string
}

// Defaults are the settings where nothing says otherwise.
func Defaults() *Settings {
	return &Settings{Update: 2 * time.Hour, Jitter: 20, Collect: 24 * time.Hour, Predownload: true,
		Deadline: 7 * 24 * time.Hour, Memberships: "server", Package: "muster-agent"}
}

// A Slot is a time of the day on some days of the week.
type Slot struct {
	Days   Days `json:"days,omitempty"` // 0 is every day
	Minute int  `json:"minute"`         // of the day, local time
}

// A Window is a span of local time. One whose end is not after its start goes on
// into the next day; its days are those on which it starts.
type Window struct {
	Days Days `json:"days,omitempty"` // 0 is every day
	From int  `json:"from"`           // minute of the day
	To   int  `json:"to"`
}

// Days are days of the week: bit n is time.Weekday n.
type Days uint8

func (d Days) has(day time.Weekday) bool { return d == 0 || d&(1<<day) != 0 }

// holds reports whether t, in local time, is in the window.
func (w Window) holds(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	yesterday := (t.Weekday() + 6) % 7
	if w.From < w.To {
		return w.Days.has(t.Weekday()) && w.From <= minute && minute < w.To
	}
	return w.Days.has(t.Weekday()) && minute >= w.From || w.Days.has(yesterday) && minute < w.To
}

// open reports whether the agent may change something at t.
func (s *Settings) open(t time.Time) bool {
	for _, w := range s.Windows {
		if w.holds(t) {
			return true
		}
	}
	return len(s.Windows) == 0
}

// lastSlot is the newest time to upgrade that is not after t, zero where the
// settings name none. A minute that a change to summer time skips is taken as the
// first after it.
func (s *Settings) lastSlot(t time.Time) (last time.Time) {
	for _, slot := range s.Upgrade {
		for back := range 8 {
			at := time.Date(t.Year(), t.Month(), t.Day()-back, slot.Minute/60, slot.Minute%60, 0, 0, t.Location())
			if slot.Days.has(at.Weekday()) && !at.After(t) {
				if at.After(last) {
					last = at
				}
				break
			}
		}
	}
	return last
}
