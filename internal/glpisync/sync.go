// Package glpisync tells GLPI what hosts are and have, as if an agent of GLPI ran on
// each. It owns the tables glpi_*.
//
// Start with [Open] and [Sync.Run]. What changed comes from a [Source], which is the
// server; each host that changed is marked, then told, one after the other.
//
// # Promise
//
// A change that was reported is told, whatever goes down meanwhile: the mark is on
// disk before the place in the feed is. What GLPI has already is not told again, but
// once every [Config.Refresh], so that GLPI does not take the host for gone, and
// when the server ended between GLPI's answer and the note of it. GLPI is asked one
// thing at a time, at most [Config.Rate] times a second; while it is away nobody
// knocks but one host, later each time. A host that GLPI refuses holds up no other. Nothing
// is deleted in GLPI.
//
// No request goes where the server's own network begins unless the configuration
// says so: see [Config.Guard].
package glpisync

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"

	"muster/glpi"
	"muster/internal/db"
	"muster/inventory"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "glpi", Files: schema} }

// A Source is the hosts that GLPI is told of.
type Source interface {
	// Now is the cursor behind all that has happened.
	Now(ctx context.Context) (place string, err error)
	// Changed lists the hosts that something happened to after a cursor, and the cursor
	// behind that. No ids and the same cursor: there is no more.
	Changed(ctx context.Context, place string) (ids []string, next string, err error)
	// Each calls f with every host, and when it was heard of last.
	Each(ctx context.Context, f func(id string, seen int64) error) error
	// Whole is all of a host; NotFound of one that GLPI is not told of any more,
	// Unavailable of one that has not yet said what it has.
	Whole(ctx context.Context, id string) (glpi.Host, *inventory.Document, *inventory.Volatile, error)
}

// Config says what a [Sync] works with.
type Config struct {
	DB     *db.DB
	Source Source
	// URL is GLPI's own address, or that of the page or plugin that takes inventories.
	URL string
	// Scope is what the source was made of: where it changes, all hosts are told again.
	Scope string
	// ClientID and SecretFile are for OAuth2 client credentials, User and PasswordFile
	// for basic authentication. The files are read whenever they are needed.
	ClientID, SecretFile, User, PasswordFile string
	// CA is a PEM file with the authorities of GLPI's certificate; "" is the system's.
	CA string
	// Guard refuses addresses that are about to be dialled. Allow are those that may be
	// dialled without TLS.
	Guard func(netip.Addr) error
	Allow []netip.Prefix
	// Interval is the least time between two pushes of a host, Refresh after how long one
	// is told again that did not change. An hour, a day.
	Interval, Refresh time.Duration
	Rate              float64 // pushes a second: 2
	Version           string  // of this program

	Self     string        // of this process, of several on one database; random where it is ""
	Each     time.Duration // how often it is looked what there is to do: 5 seconds
	Timeout  time.Duration // of one request: 5 minutes, as GLPI gives itself
	Resolver *net.Resolver // nil: the system's
	Now      func() time.Time
	Wait     func(ctx context.Context, d time.Duration) error // tests do not
}

// Sync tells one GLPI.
type Sync struct {
	Config
	client *client
	next   time.Time // not before is the next push
	odd    int       // hosts refused one after the other
}

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*Sync, error) {
	c.fill()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "glpi", files); err != nil {
		return nil, err
	}
	s := &Sync{Config: c}
	if s.client, err = newClient(&s.Config); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

func (c *Config) fill() {
	if c.Self == "" {
		c.Self = rand.Text()
	}
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{{&c.Interval, time.Hour}, {&c.Refresh, 24 * time.Hour}, {&c.Each, 5 * time.Second}, {&c.Timeout, 5 * time.Minute}} {
		if *d.at == 0 {
			*d.at = d.is
		}
	}
	if c.Rate == 0 {
		c.Rate = 2
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = wait
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// target names what is told to whom.
func (c *Config) target() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.URL, c.Scope}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// Run tells GLPI what there is to tell until ctx ends.
func (s *Sync) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(s.Each)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.round(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}

// sweepEach is how often all hosts are looked over: for those that are due again, and
// for those that came into the query or left it without a change of their own.
const sweepEach = time.Hour

// round does what there is to do, if no other server does.
func (s *Sync) round(ctx context.Context) error {
	me, err := s.claim(ctx)
	if err != nil || me == nil {
		return err
	}
	defer s.release(ctx)
	if me.target != s.target() {
		if err := s.anew(ctx, me); err != nil {
			return err
		}
	}
	now := s.Now().Unix()
	if now >= me.swept+int64(sweepEach.Seconds()) {
		if err := s.sweep(ctx); err != nil {
			return err
		}
	}
	if err := s.follow(ctx, me); err != nil || me.due > now {
		return err
	}
	return s.pushAll(ctx, me)
}

// follow marks the hosts that changed.
func (s *Sync) follow(ctx context.Context, me *self) error {
	for ctx.Err() == nil {
		ids, next, err := s.Source.Changed(ctx, me.place)
		if err != nil {
			return err
		}
		if next == me.place {
			return nil
		}
		if err := s.mark(ctx, ids, next); err != nil {
			return err
		}
		me.place = next
	}
	return nil
}
