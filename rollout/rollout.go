// Package rollout is how a new version of a package reaches hosts: in rings,
// each opened when the one before it has done well, and none when it has not.
//
// A [Document] is signed by a person, in a package of kind rollout. A [Gate] says
// how far it has come; it stands in the signed head of the repository and is all
// that a server changes by itself. Start with [Read] for the document, with
// [Document.Decide] for what one host does, and with [Document.Judge] for what a
// server does next.
//
// # Grammar
//
// In a recipe, and for people, a document is a text of stanzas (RFC 822 fields):
// the first says what is rolled out, each further one is a ring.
//
//	package: age
//	version: 1.3-1
//	from: 1.2-1
//	start: 2026-11-21T20:00:00Z
//	reason: security fix
//
//	ring: pilot
//	group: it
//	soak: 12h
//	max-errors: 0
//
//	ring: all
//	percent: 100
//
// docs/formats/rollout.md has every field.
//
// # Promise
//
// A host that is in a ring is in all rings after it. Whoever does not
// understand a document, or knows no gate for it, holds. No gate, whoever wrote
// it, opens a ring before the start and the soak times of the rings before it
// are over: so much of the time is signed by the person. That holds for hosts that
// saw the document, and for all where the version says "rollout: required" itself.
//
// The package is pure: no I/O, no clock, no log.
package rollout

import (
	"errors"
	"fmt"
	"time"

	"muster/control"
	"muster/version"
)

// A State is how a rollout stands.
type State string

// The states. A document is Running, Aborted or Completed by the word of who
// signed it; a gate may have any.
const (
	Running   State = "running"
	Paused    State = "paused"    // by a person, who may have it go on
	Halted    State = "halted"    // by itself: too many hosts failed
	Aborted   State = "aborted"   // for good
	Completed State = "completed" // the version is for everybody
)

// Valid reports whether s is a state.
func (s State) Valid() bool {
	switch s {
	case Running, Paused, Halted, Aborted, Completed:
		return true
	}
	return false
}

// A Gate is how far a rollout has come. Fields are in the order of their JSON names.
type Gate struct {
	Ring  int   `json:"ring"`  // rings that are open: 0 is none
	Since int64 `json:"since"` // Unix seconds: when it became so
	State State `json:"state"`
}

// Check reports why g is no gate, or nil.
func (g Gate) Check() error {
	if !g.State.Valid() {
		return fmt.Errorf("%.40q is no state of a rollout", g.State)
	}
	if g.Ring < 0 || g.Ring > MaxRings || g.Since < 0 {
		return fmt.Errorf("ring %d or time %d of a rollout is out of range", g.Ring, g.Since)
	}
	return nil
}

// A Document is what a person signed.
type Document struct {
	ID      string // of the rollout: the name of the package that carries it
	Package string // what is rolled out
	Version string // of it, exactly
	From    string // the version before, to go back to; "" is none
	State   State
	Start   time.Time // no ring opens before
	Return  bool      // Aborted: hosts that have the version go back to From
	Reason  string
	Rings   []Ring // 1 to MaxRings; the last one is everybody
}

// A Ring is a part of the hosts. One who is in a ring is in those after it.
type Ring struct {
	Name    string
	Percent Share  // of the hosts, by [Bucket]
	Group   string // of the server
	Query   string // of the search language
	// Soak is how long the ring is watched at least before the next one opens.
	Soak time.Duration
	// Success is the least share of those that reported to have succeeded, and
	// AtLeast that of the hosts in the ring to have reported, before the next
	// ring opens.
	Success, AtLeast Share
	// MaxErrors is how many hosts may fail; one more halts. -1 is any number.
	MaxErrors int
	// MaxErrorRate is the largest share of those that reported to have failed,
	// once After of them have; a larger one halts.
	MaxErrorRate Share
	After        int
}

// Bounds of a document.
const (
	MaxRings = 32
	maxText  = 1000
	maxHosts = 1_000_000
	maxQuery = 4096 // search.MaxText
	maxSoak  = 365 * 24 * time.Hour
)

// A FieldError is a field with which something is wrong.
type FieldError struct {
	Stanza int // from 0
	Field  string
	Err    error
}

func (e *FieldError) Error() string { return fmt.Sprintf("field %q: %v", e.Field, e.Err) }
func (e *FieldError) Unwrap() error { return e.Err }

// Check reports the first rule that d breaks as a [*FieldError], or nil.
func (d *Document) Check() error {
	for _, c := range []struct {
		field string
		err   error
	}{
		{"package", control.CheckName(d.Package)},
		{"version", version.Check(d.Version)},
		{"from", d.checkFrom()},
		{"state", d.checkState()},
		{"start", checkStart(d.Start)},
		{"reason", checkLine(d.Reason, maxText)},
	} {
		if c.err != nil {
			return &FieldError{0, c.field, c.err}
		}
	}
	return d.checkRings()
}

func (d *Document) checkFrom() error {
	if d.From == "" && d.Return {
		return errors.New("missing: to return to")
	}
	if d.From == "" {
		return nil
	}
	if d.From == d.Version {
		return errors.New("it is the version that is rolled out")
	}
	return version.Check(d.From)
}

func (d *Document) checkState() error {
	if d.State == Running || d.State == Aborted || d.State == Completed {
		return nil
	}
	return fmt.Errorf("%.40q is none of %s, %s, %s", d.State, Running, Aborted, Completed)
}

func checkStart(t time.Time) error {
	if t.Unix() <= 0 || t.Year() > 9999 || t.Nanosecond() != 0 {
		return fmt.Errorf("%s is no time to start at", t)
	}
	return nil
}

func (d *Document) checkRings() error {
	if len(d.Rings) == 0 || len(d.Rings) > MaxRings {
		return &FieldError{0, "ring", fmt.Errorf("%d rings, not 1 to %d", len(d.Rings), MaxRings)}
	}
	names := map[string]bool{}
	for i := range d.Rings {
		r := &d.Rings[i]
		if err := r.check(); err != nil {
			err.Stanza = i + 1
			return err
		}
		if names[r.Name] {
			return &FieldError{i + 1, "ring", fmt.Errorf("%q stands twice", r.Name)}
		}
		names[r.Name] = true
		if i > 0 && r.Percent < d.Rings[i-1].Percent {
			return &FieldError{i + 1, "percent", fmt.Errorf("%s is less than the %s of the ring before", r.Percent, d.Rings[i-1].Percent)}
		}
	}
	if last := len(d.Rings); d.Rings[last-1].Percent != Whole {
		return &FieldError{last, "percent", fmt.Errorf("the last ring has to be of 100: who is in no ring would never get the version")}
	}
	return nil
}

func (r *Ring) check() *FieldError {
	for _, c := range []struct {
		field string
		err   error
	}{
		{"ring", control.CheckName(r.Name)},
		{"percent", r.Percent.check()},
		{"group", checkGroup(r.Group)},
		{"query", checkLine(r.Query, maxQuery)},
		{"soak", checkSoak(r.Soak)},
		{"success", r.Success.check()},
		{"at-least", r.AtLeast.check()},
		{"max-errors", checkCount(r.MaxErrors, -1)},
		{"max-error-rate", r.MaxErrorRate.check()},
		{"after", checkCount(r.After, 1)},
	} {
		if c.err != nil {
			return &FieldError{0, c.field, c.err}
		}
	}
	if r.Percent == 0 && r.Group == "" && r.Query == "" {
		return &FieldError{0, "percent", errors.New("missing: or group, or query, to say who is in the ring")}
	}
	return nil
}

func checkGroup(name string) error {
	if name == "" {
		return nil
	}
	return control.CheckName(name)
}

func checkCount(n, least int) error {
	if n < least || n > maxHosts {
		return fmt.Errorf("%d is not from %d to %d", n, least, maxHosts)
	}
	return nil
}

func checkSoak(d time.Duration) error {
	if d < 0 || d > maxSoak || d%time.Second != 0 {
		return fmt.Errorf("%s is no time from nothing to a year", d)
	}
	return nil
}

// Queries lists the queries of the rings, for who can tell whether they can be read.
func (d *Document) Queries() (all []string) {
	for _, r := range d.Rings {
		if r.Query != "" {
			all = append(all, r.Query)
		}
	}
	return all
}
