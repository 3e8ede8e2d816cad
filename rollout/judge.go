package rollout

import (
	"fmt"
	"time"
)

// Counts are of the hosts in one ring, without those in rings before it.
type Counts struct {
	Hosts  int `json:"hosts"`
	Done   int `json:"done"`   // have the version
	Failed int `json:"failed"` // could not change to it
}

func (c Counts) reported() int { return c.Done + c.Failed }

// A Step is what becomes of a rollout that is running.
type Step string

// The steps.
const (
	Wait     Step = "wait"
	Open     Step = "open" // the next ring
	Halt     Step = "halt"
	Complete Step = "complete"
)

// A Verdict is the next step, and why, in a sentence without a subject.
type Verdict struct {
	Step Step
	Why  string
}

// Judge says what becomes of a rollout of which ring rings are open, since since,
// with the counts of each ring by itself. A ring is held to its own limits by its own
// hosts: many that do well before do not make up for it, and what was tolerated before
// is not held against it. Failures in any open ring halt at any time; the newest is
// done when its soak time is over and as many hosts as it asks for have reported and
// succeeded. A ring in which nobody is only soaks; but a package that is new to all
// waits for the first host that is to have it.
func (d *Document) Judge(ring int, counts []Counts, since, now time.Time) Verdict {
	if ring == 0 {
		if now.Before(d.Start) {
			return Verdict{Wait, "starts on " + d.Start.UTC().Format(timeForm)}
		}
		return Verdict{Open, "the time to start has come"}
	}
	open := d.Rings[:min(ring, len(d.Rings))]
	each := make([]Counts, len(open)) // nobody where nothing was counted
	copy(each, counts)
	hosts := 0
	for i, c := range each {
		if why := open[i].failing(c); why != "" {
			return Verdict{Halt, fmt.Sprintf("in ring %d (%s) %s", i+1, open[i].Name, why)}
		}
		hosts += c.Hosts
	}
	if hosts == 0 && d.From == "" {
		return Verdict{Wait, "no host in the open rings is to have the package yet"}
	}
	c := each[len(open)-1]
	if why := open[len(open)-1].unfinished(c, since, now); why != "" {
		return Verdict{Wait, why}
	}
	why := fmt.Sprintf("%d of %d hosts have the version", c.Done, c.Hosts)
	if ring >= len(d.Rings) {
		return Verdict{Complete, why}
	}
	return Verdict{Open, why}
}

// failing says why a ring has to halt, "" where it need not.
func (r *Ring) failing(c Counts) string {
	if r.MaxErrors >= 0 && c.Failed > r.MaxErrors {
		return fmt.Sprintf("%d of %d hosts failed, more than %d", c.Failed, c.Hosts, r.MaxErrors)
	}
	if c.Failed > 0 && c.reported() >= r.After && !(Whole-r.MaxErrorRate).of(c.Done, c.reported()) {
		return fmt.Sprintf("%d of %d hosts that reported failed, more than %s %%", c.Failed, c.reported(), r.MaxErrorRate)
	}
	return ""
}

// unfinished says what the ring waits for, "" for nothing.
func (r *Ring) unfinished(c Counts, since, now time.Time) string {
	switch over := since.Add(r.Soak); {
	case now.Before(over):
		return "watched until " + over.UTC().Format(timeForm)
	case !r.AtLeast.of(c.reported(), c.Hosts):
		return fmt.Sprintf("%d of %d hosts have reported, less than %s %%", c.reported(), c.Hosts, r.AtLeast)
	case !r.Success.of(c.Done, c.reported()):
		return fmt.Sprintf("%d of %d hosts that reported succeeded, less than %s %%", c.Done, c.reported(), r.Success)
	}
	return ""
}
