package api

import (
	"context"
	"net/http"
)

// Routes of rollouts.
const (
	RouteRollouts = "/api/v1/rollouts"      // GET, person: [RolloutPage]
	RouteRollout  = "/api/v1/rollouts/{id}" // GET, POST [RolloutChange], person: [RolloutDetail]
)

// What may be asked of a rollout.
const (
	RolloutPause  = "pause"
	RolloutResume = "resume" // after a pause or a halt
	RolloutAbort  = "abort"  // for good; hosts keep what they have
)

// A Rollout is how far a version has come.
type Rollout struct {
	ID      string `json:"id"`      // name of the package that carries it
	Version string `json:"version"` // of that package
	Package string `json:"package"`
	Of      string `json:"of"`    // the version that is rolled out
	State   string `json:"state"` // running, paused, halted, aborted, completed
	Ring    int    `json:"ring"`  // rings that are open
	Since   int64  `json:"since"`
	Why     string `json:"why,omitempty"`   // of state and ring
	Waits   string `json:"waits,omitempty"` // what the next step waits for
	Created int64  `json:"created"`
	Counted int64  `json:"counted,omitempty"` // when the hosts were
	// Rings counts the hosts of each ring by itself that have the package in any
	// version, or miss it.
	Rings []RolloutCounts `json:"rings,omitempty"`
	// Gone: the repository lists it no more.
	Gone bool `json:"gone,omitempty"`
}

// RolloutCounts are of the hosts of a ring.
type RolloutCounts struct {
	Hosts  int `json:"hosts"`
	Done   int `json:"done"`   // have the version, or a newer one
	Failed int `json:"failed"` // could not change to it
}

// Total counts the hosts of all rings.
func (r *Rollout) Total() (all RolloutCounts) {
	for _, ring := range r.Rings {
		all.Hosts, all.Done, all.Failed = all.Hosts+ring.Hosts, all.Done+ring.Done, all.Failed+ring.Failed
	}
	return all
}

// RolloutPage answers GET [RouteRollouts].
type RolloutPage struct {
	Rollouts []Rollout `json:"rollouts"`
}

// A RolloutDetail is all about a rollout.
type RolloutDetail struct {
	Rollout
	Document string           `json:"document,omitempty"` // what was signed, as text
	Steps    []RolloutStep    `json:"steps"`              // the newest first, at most 100
	Failures []RolloutFailure `json:"failures,omitempty"` // the newest first, at most 100
}

// A RolloutStep is what became of a rollout.
type RolloutStep struct {
	Number int64  `json:"number"`
	Time   int64  `json:"time"`
	Who    string `json:"who,omitempty"` // "": the server by itself
	State  string `json:"state"`
	Ring   int    `json:"ring"`
	Why    string `json:"why,omitempty"`
}

// A RolloutFailure is a host whose change to the version failed.
type RolloutFailure struct {
	Host  string `json:"host"`
	Time  int64  `json:"time"`
	Error string `json:"error,omitempty"`
}

// RolloutChange asks something of a rollout.
type RolloutChange struct {
	Do  string `json:"do"`
	Why string `json:"why,omitempty"`
}

// Rollouts lists rollouts.
func (p *PersonClient) Rollouts(ctx context.Context) (out RolloutPage, err error) {
	err = p.get(ctx, RouteRollouts, nil, &out)
	return out, err
}

// Rollout tells all about one.
func (p *PersonClient) Rollout(ctx context.Context, id string) (out RolloutDetail, err error) {
	if err = p.get(ctx, at(RouteRollout, id), nil, &out); err == nil {
		err = asked("rollout", id, out.ID)
	}
	return out, err
}

// ChangeRollout pauses, resumes or aborts one.
func (p *PersonClient) ChangeRollout(ctx context.Context, id string, in RolloutChange) (out RolloutDetail, err error) {
	err = p.send(ctx, http.MethodPost, at(RouteRollout, id), in, &out)
	return out, err
}
