// Package relay brings signed actions (package action) to hosts, and keeps what
// hosts answer. It owns the tables relay_*.
//
// Start with [Open]; then [Relay.Post] takes an action from a person, [Relay.Attend]
// and [Relay.Take] give it to the hosts that it is for, and [Relay.Report] takes
// their signed results. [Relay.Watch] follows an action.
//
// The relay is believed by nobody: a host verifies what it is given, a person what
// a host has signed. It verifies itself what it can, so that mistakes are found
// where they were made.
//
// # Promise
//
// An action that was accepted is given to every host of its list until the host says
// that it has it, its time is over, or it is cancelled; also after a crash, and so
// perhaps twice: hosts begin each once. A result that was acknowledged is on disk.
//
// Several servers may use one database: what one takes the others deliver within
// [Config.Refresh]. The text of a running action ([Relay.Log]) is passed on by the
// server that its host speaks to, and not kept.
package relay

import (
	"context"
	"crypto/x509"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"muster"
	"muster/action"
	"muster/internal/db"
	"muster/sign"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "relay", Files: schema} }

// Config says what a [Relay] works with. Zero values of what follows Trust do.
type Config struct {
	DB          *db.DB
	Server      string              // id of the server
	Authorities []*x509.Certificate // that issue the certificates of hosts
	// Trust is whom to believe about actions at this moment.
	Trust func() (*sign.Trust, error)

	Now    func() time.Time // time.Now
	Logger *slog.Logger     // none
	// Need are the persons who have to sign an action of a kind before hosts are
	// given it: one where it is not named. Hosts have rules of their own.
	Need map[string]int
	// Keep is how long actions are kept when they are over: 90 days.
	Keep time.Duration
	// Resend is how long a host has to say that it has an action, before it is given
	// it again: ten seconds.
	Resend time.Duration
	// Refresh is how often this server looks what others on its database changed:
	// every second, and never on SQLite.
	Refresh time.Duration
	// Pace is how many hosts a second are to answer what many are given at once: 500.
	Pace float64
}

// A Relay is the actions of a server. Its methods may be called from many goroutines.
type Relay struct {
	Config

	mu       sync.Mutex
	change   int64              // newest change that memory knows
	behind   bool               // more was committed here, but could not be read
	parcels  map[int64]*parcel  // those that hosts may still be given
	boxes    map[string]*box    // by host
	taken    []taking           // that are not in the database yet
	watchers map[int64][]*Watch // by number of the action
	rush     rush
	posted   map[string]*action.Tree // by id: of actions that are being posted

	reading    *reading // that has not begun
	refreshing sync.Mutex
}

// Open migrates the tables and reads what is to be delivered. Call [Relay.Run]
// beside.
func Open(ctx context.Context, c Config) (*Relay, error) {
	c.defaults()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "relay", files); err != nil {
		return nil, err
	}
	r := &Relay{Config: c, parcels: map[int64]*parcel{}, boxes: map[string]*box{}, watchers: map[int64][]*Watch{}, posted: map[string]*action.Tree{}}
	return r, r.load(ctx)
}

func (c *Config) defaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.Keep, 90*24*time.Hour)
	set(&c.Resend, 10*time.Second)
	if c.Pace == 0 {
		c.Pace = 500
	}
	if c.DB.Dialect() != db.SQLite {
		set(&c.Refresh, time.Second)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// tick is how often the clock is looked at: actions begin and end by the second.
const tick = time.Second

// Run writes down what hosts have, begins and ends actions when their time has
// come, and learns what other servers changed, until ctx ends.
func (r *Relay) Run(ctx context.Context, report func(error)) {
	second, prune := time.NewTicker(tick), time.NewTicker(time.Hour)
	defer second.Stop()
	defer prune.Stop()
	var news <-chan time.Time
	if r.Refresh > 0 {
		t := time.NewTicker(r.Refresh)
		defer t.Stop()
		news = t.C
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := r.Flush(last); err != nil {
				report(err)
			}
			return
		case <-second.C:
			err = errors.Join(r.catchUp(ctx), r.Flush(ctx), r.Turn(ctx))
		case <-news:
			err = r.refresh(ctx)
		case <-prune.C:
			err = r.Prune(ctx)
		}
		if err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}

// write runs f, and learns what it changed of what memory has.
func (r *Relay) write(ctx context.Context, f func(*db.Tx) error) error {
	if err := r.DB.Write(ctx, f); err != nil {
		return err
	}
	r.learned(ctx)
	return nil
}

// unknown is the same for actions that are not there and those that the caller may
// not see.
func unknown(id string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "action %.40q is not known", id), "muster actions")
}
