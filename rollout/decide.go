package rollout

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Buckets is how many buckets hosts fall into.
const Buckets = 10_000

// Bucket is where a host falls in a rollout, from 0 to Buckets-1: the same
// everywhere and always, and in the next rollout elsewhere, so that it is not
// always the same hosts that go first.
func Bucket(host, rollout string) int {
	sum := sha256.Sum256([]byte(host + "\n" + rollout))
	return int(binary.BigEndian.Uint64(sum[:8]) % Buckets) // 2^64 is so much larger that nobody sees the bias
}

// A Host is what decides about one host.
type Host struct {
	ID     string
	Groups []string // of the server
	// Matches reports whether a query matches the host; nil is none. It is not
	// asked twice about one document.
	Matches func(query string) bool
}

// An Action is what a host does about a version that is rolled out.
type Action string

// The actions.
const (
	Hold   Action = "hold"   // the version is not for this host now; who has it keeps it
	Take   Action = "take"   // it is a version like any other
	Return Action = "return" // not for this host, and who has it goes back
)

// A Decision is what a host does, and why, in words that follow "held by rollout X: ".
type Decision struct {
	Action Action
	Ring   int // in which the host is, from 1
	Why    string
	// Opens is when the host may take the version at the earliest.
	Opens time.Time
}

// Place is the first ring that the host is in, from 1.
func (d *Document) Place(h Host) int {
	bucket := Share(Bucket(h.ID, d.ID))
	for i := range d.Rings {
		r := &d.Rings[i]
		if bucket < r.Percent || r.Group != "" && slices.Contains(h.Groups, r.Group) ||
			r.Query != "" && h.Matches != nil && h.Matches(r.Query) {
			return i + 1
		}
	}
	return len(d.Rings) // the last is everybody; Check holds it
}

// Opens is when a ring opens at the earliest, whatever a gate says.
func (d *Document) Opens(ring int) time.Time {
	at := d.Start
	for _, r := range d.Rings[:min(ring-1, len(d.Rings))] {
		at = at.Add(r.Soak)
	}
	return at
}

// Decide says what a host does about the version of d. gate is nil where none is
// known; now is the host's time.
func (d *Document) Decide(gate *Gate, h Host, now time.Time) Decision {
	c := Decision{Action: Hold, Ring: d.Place(h)}
	c.Opens = d.Opens(c.Ring)
	switch {
	case d.State == Aborted && d.Return:
		c.Action, c.Why = Return, "it was aborted, and hosts go back to "+d.From
	case d.State == Aborted:
		c.Why = "it was aborted"
	case d.State == Completed:
		c.Action, c.Why = Take, "it is completed"
	case gate == nil:
		c.Why = "nobody says yet that it has begun"
	default:
		c.gated(d, gate, now)
	}
	return c
}

// gated is what a gate says, as far as the document lets it.
func (c *Decision) gated(d *Document, gate *Gate, now time.Time) {
	where := fmt.Sprintf("this host is in ring %d of %d (%s)", c.Ring, len(d.Rings), d.Rings[c.Ring-1].Name)
	switch {
	case gate.State != Running && gate.State != Completed:
		c.Why = fmt.Sprintf("it was %s on %s", gate.State, time.Unix(gate.Since, 0).UTC().Format(timeForm))
	case gate.State == Running && gate.Ring < c.Ring:
		c.Why = fmt.Sprintf("%s, of which %d %s open", where, gate.Ring, isAre(gate.Ring))
		if now.Before(c.Opens) {
			c.Why += "; it opens on " + c.Opens.Format(timeForm) + " at the earliest"
		}
	case now.Before(c.Opens):
		c.Why = fmt.Sprintf("%s, which may not open before %s", where, c.Opens.Format(timeForm))
	default:
		c.Action, c.Why = Take, where+", which is open"
	}
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Forgotten is what a host does when a repository does not list the rollout any
// more that it had seen: as if every gate were open, and so not before its ring
// may open. Who hides a rollout from a host that saw it wins no more than who lies
// about its gate. A host that never saw it takes the version at once, for to that
// host it is one like any other, unless the version itself says "rollout: required".
func (d *Document) Forgotten(h Host, now time.Time) Decision {
	if d.State != Running {
		return d.Decide(nil, h, now)
	}
	return d.Decide(&Gate{State: Running, Ring: len(d.Rings)}, h, now)
}
