// Package sites is what a server knows of hosts that report without an agent: which
// sites there are and who may report for them, what each host has, and what it had on
// any day. It owns the tables sites_*.
//
// Start with [Open] and [Sites.Take], which keeps one report. [Sites.Hosts],
// [Sites.HostPackages] and [Sites.Holders] answer what is there now;
// [Sites.HostDiff], [Sites.SiteAt] and [Sites.Versions] what was. Who compares or
// matches follows [Sites.KnownAfter], the dictionary of packages in the order in which
// they were first seen, and [Sites.HostsAfter], hosts in the order in which they changed.
//
// # How little is stored
//
// A package that any host has is one row of a dictionary, for as long as some host has it
// or its history does. A set of packages is stored once, whichever hosts have it and when, as what differs from another set. A report
// that says what the host said before changes one row, [Host.Last]; one that says
// something new adds one row of history, and a set where that is new. docs/bench/collector.md
// has figures.
//
// # Who a host is
//
// A host is the name that it gives itself, within its site: no address, and no name that
// an address has. So a host cannot speak for one of another site, and two hosts of
// one site that give themselves the same name are one. Hosts under agents are known by
// the ids of those.
//
// # Promise
//
// What [Sites.Take] has taken is on disk. A report that it refuses has changed nothing of
// what hosts have. It is counted, and new packages of it may be in the dictionary.
// History does not change backward: what was answered for a day that is over stays the
// answer until the history ends ([Site.Past]). No report comes in twice, unless its form
// has no time: then it says only what it said before.
package sites

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster/advisory/systems"
	"muster/internal/db"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "sites", Files: schema} }

// Config says what a [Sites] works with. Zero values of all but DB do.
type Config struct {
	DB *db.DB
	// Window is how old a report may be that comes: 14 days. Reporters keep what they
	// could not send.
	Window time.Duration
	// Skew is how far the clock of a host may be ahead: an hour.
	Skew time.Duration
	// Quota is that of sites whose record says nothing of it.
	Quota Quota
	// Systems says where the name of a system decides which platform it is: packages of
	// such systems are told apart by it. nil is the built-in.
	Systems *systems.Table
	// Weeded is called by [Sites.Run] after packages may have gone from the dictionary, for
	// those who keep something of them: [Sites.Absent] says which. nil: nobody does.
	Weeded func(ctx context.Context) error
}

// A Quota bounds what a site may store. 0 is the server's.
type Quota struct {
	Hosts    int64 // at a time: 10,000
	Reports  int64 // a day: 100,000
	Bytes    int64 // a day, as they come: 4 GiB
	Packages int64 // a day, new to the dictionary: 50,000; a year, 20 times that
}

// Sites is the collector's memory. Its methods may be called from many goroutines.
type Sites struct {
	Config
	records *records
	words   *dictionary
	sets    *setCache
	poked   chan struct{} // a site was removed
	pack    *zstd.Encoder
	unpack  *zstd.Decoder
}

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*Sites, error) {
	c.fill()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "sites", files); err != nil {
		return nil, err
	}
	s := &Sites{Config: c, records: newRecords(), words: newDictionary(c.Systems), sets: newSetCache(), poked: make(chan struct{}, 1)}
	if s.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression)); err != nil {
		return nil, err
	}
	s.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxBody))
	return s, err
}

func (c *Config) fill() {
	if c.Window == 0 {
		c.Window = 14 * 24 * time.Hour
	}
	if c.Skew == 0 {
		c.Skew = time.Hour
	}
	if c.Systems == nil {
		c.Systems = systems.Builtin()
	}
	c.Quota = c.Quota.or(Quota{Hosts: 10_000, Reports: 100_000, Bytes: 4 << 30, Packages: 50_000})
}

// or fills in what q does not say.
func (q Quota) or(other Quota) Quota {
	for _, v := range []struct {
		at *int64
		is int64
	}{{&q.Hosts, other.Hosts}, {&q.Reports, other.Reports}, {&q.Bytes, other.Bytes}, {&q.Packages, other.Packages}} {
		if *v.at == 0 {
			*v.at = v.is
		}
	}
	return q
}

// Run forgets hosts that are silent and history that is over, every hour until ctx ends;
// takes out of the dictionary what is not used any more, once a day, on one of the servers
// of the database; and clears sites that are removed, at once.
func (s *Sites) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	self := rand.Text()
	for do := s.Clear; ; {
		if err := do(ctx, time.Now()); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.poked:
			do = s.Clear
		case <-tick.C:
			do = func(ctx context.Context, now time.Time) error {
				return errors.Join(s.Prune(ctx, now), s.weedDaily(ctx, now, self))
			}
		}
	}
}

const (
	weedEach = 24 * time.Hour
	weedHold = 2 * time.Hour // longer than it takes
	weedName = "weed"
)

// weedDaily weeds if no server did so for a day. Nor does the first one, of a database: a
// server of a release before this may still run, which does not know that packages go.
func (s *Sites) weedDaily(ctx context.Context, now time.Time, self string) error {
	at, lead, err := s.Lead(ctx, now, weedName, self, weedHold)
	if err != nil || !lead || at.Swept != 0 && now.Unix() < at.Swept+int64(weedEach/time.Second) {
		return err
	}
	if at.Swept != 0 {
		if err := s.Weed(ctx, now); err != nil {
			return err
		}
		if s.Weeded != nil {
			if err := s.Weeded(ctx); err != nil {
				return err
			}
		}
	}
	return s.Follow(ctx, weedName, self, Place{Swept: now.Unix()}, now)
}
