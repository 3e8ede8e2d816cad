package relay

import (
	"time"
)

// A rush is the hosts that were told at about the same time that there is something for
// them. Answers cost the server more than deliveries do: two signatures and a commit
// against a proof. If hosts answered as fast as they can, the first answers would keep
// the last hosts waiting.
type rush struct {
	hosts int
	began time.Time
}

// grew counts n hosts that are told now. Those of a while ago have been given what they
// were told of.
func (r *rush) grew(n int, now time.Time, lasts time.Duration) {
	if now.Sub(r.began).Abs() >= lasts {
		*r = rush{began: now}
	}
	r.hosts += n
}

// knock tells the hosts that wait and have something due. The caller holds mu.
func (r *Relay) knock(hosts map[string]bool) {
	now := r.Now()
	var due []*box
	for host := range hosts {
		if b := r.boxes[host]; b != nil && len(b.tell) > 0 && r.due(b, now) {
			due = append(due, b)
		}
	}
	r.knockAt(due, now)
}

// knockAt tells those who wait at the boxes. The number of all is known before the
// first of them takes what is his. The caller holds mu.
func (r *Relay) knockAt(all []*box, now time.Time) {
	r.rush.grew(len(all), now, r.Resend)
	for _, b := range all {
		b.knock()
	}
}

// Spread is over how many seconds hosts that take orders now are to answer: 0 where
// they are few.
func (r *Relay) Spread() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Now().Sub(r.rush.began).Abs() >= r.Resend {
		return 0
	}
	return int(float64(r.rush.hosts) / r.Pace)
}
