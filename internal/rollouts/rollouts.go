// Package rollouts is how far staged rollouts have come on a server: it counts how
// hosts get on, opens the next ring or halts, and has the repository's head say so.
// It owns the tables rollouts_*.
//
// Start with [Open]; then [Rollouts.Run] looks once a minute and whenever
// [Rollouts.Poke] says that something happened. [Rollouts.Change] is what people
// may do beside.
//
// What is rolled out, to whom and under which conditions, stands in signed packages
// (package rollout), which this package cannot make. What it decides is a gate, and
// hosts hold that to what was signed.
//
// # Promise
//
// What is decided is in the database before it is in a head, and the head follows
// the database: a crash between the two is made up for at the next look. A database
// that was lost, or is an older copy, takes over what the head says. Several servers may use one
// database: of two that decide at once, one does.
package rollouts

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/rollout"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "rollouts", Files: schema} }

// A Repository lists rollouts and carries gates.
type Repository interface {
	// Rollouts lists the newest package of each rollout, and the gates of the head.
	Rollouts(ctx context.Context) ([]Listed, map[string]rollout.Gate, error)
	// SetGates publishes a head with these gates beside those that it has, and tells
	// hosts. Where it has them it does nothing.
	SetGates(ctx context.Context, gates map[string]rollout.Gate) error
}

// A Listed is a rollout that the repository lists.
type Listed struct {
	Version  string // of its package
	Document *rollout.Document
}

// A Fleet knows the hosts.
type Fleet interface {
	// Find returns the ids of the hosts that a query of the search language finds.
	Find(ctx context.Context, query string) ([]string, error)
	// Failures returns changes that failed, behind an event, the oldest first, and
	// the newest event that it looked at. Behind 0 there are none: it tells the newest.
	Failures(ctx context.Context, since int64) (failed []Failure, newest int64, err error)
}

// A Failure is a change of a host to a version that failed.
type Failure struct {
	Host, Package, Version string
	Time                   int64
	Error                  string
}

// Config says what a [Rollouts] works with.
type Config struct {
	DB         *db.DB
	Repository Repository
	Fleet      Fleet

	Now func() time.Time // time.Now
	// Told is called after every step: for the audit log. nil is nobody.
	Told func(ctx context.Context, id string, s api.RolloutStep)
	// Every is how often to look: every minute.
	Every time.Duration
}

// Rollouts are those of a server. Its methods may be called from many goroutines.
type Rollouts struct {
	Config
	poked chan struct{}
	turn  chan struct{} // who looks: one at a time
	head  sync.Mutex    // who reads the rows for the head, until it says so
}

// Open migrates the tables. Call [Rollouts.Run] beside.
func Open(ctx context.Context, c Config) (*Rollouts, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Every == 0 {
		c.Every = time.Minute
	}
	if c.Told == nil {
		c.Told = func(context.Context, string, api.RolloutStep) {}
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	return &Rollouts{Config: c, poked: make(chan struct{}, 1), turn: make(chan struct{}, 1)}, c.DB.Migrate(ctx, "rollouts", files)
}

// Poke has [Rollouts.Run] look at once: a package was published, a host failed.
func (r *Rollouts) Poke() {
	select {
	case r.poked <- struct{}{}:
	default: // somebody did already
	}
}

// Run looks now, every minute, and when it is poked, until ctx ends.
func (r *Rollouts) Run(ctx context.Context, report func(error)) {
	every := time.NewTicker(r.Every)
	defer every.Stop()
	for {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-every.C:
		case <-r.poked:
		case <-ctx.Done():
			return
		}
	}
}

// Look reads what the repository lists, counts hosts, takes the steps that are due,
// and has the head say what is so.
func (r *Rollouts) Look(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	listed, gates, err := r.Repository.Rollouts(ctx)
	if err != nil {
		return err
	}
	err = r.decide(ctx, listed, gates)
	return errors.Join(err, r.gate(ctx))
}

// decide takes the steps that are due. A rollout that cannot be counted waits, and
// the others go on; but none goes on while nobody knows which hosts failed.
func (r *Rollouts) decide(ctx context.Context, listed []Listed, gates map[string]rollout.Gate) error {
	if err := r.adopt(ctx, listed, gates); err != nil {
		return err
	}
	if err := r.fail(ctx); err != nil {
		return fmt.Errorf("cannot learn which hosts failed: %w", err)
	}
	var wrong []error
	for _, l := range listed {
		if err := r.advance(ctx, l); err != nil {
			wrong = append(wrong, fmt.Errorf("cannot look after rollout %q: %w", l.Document.ID, err))
		}
	}
	return errors.Join(wrong...)
}

// gate has the head say how far the rollouts have come, but those that are over by the
// word of who signed them: no host asks for their gates, and there is room for few.
// One does so at a time: what was read before an abort must not be published after it.
func (r *Rollouts) gate(ctx context.Context) error {
	r.head.Lock()
	defer r.head.Unlock()
	all, err := r.rows(ctx, "listed = 1")
	if err != nil || len(all) == 0 {
		return err
	}
	listed, _, err := r.Repository.Rollouts(ctx)
	if err != nil {
		return err
	}
	over := func(id string) bool {
		return slices.ContainsFunc(listed, func(l Listed) bool { return l.Document.ID == id && l.Document.State != rollout.Running })
	}
	gates := map[string]rollout.Gate{}
	for _, row := range all {
		if over(row.id) {
			continue
		}
		gates[row.id] = rollout.Gate{State: row.state, Ring: row.ring, Since: row.since}
	}
	return r.Repository.SetGates(ctx, gates)
}
