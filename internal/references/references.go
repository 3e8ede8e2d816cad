// Package references keeps lists of wanted versions, and holds the hosts of sites
// against them. It owns the tables references_*.
//
// Start with [Open] and [References.Run], which follows hosts and lists. [References.Put]
// changes a list; [References.Compare] tells how hosts stand to it, [References.Host] how
// one does, also on a day that is over, and [References.Days] how that changed.
// [References.Patched] says how fast a version came to hosts.
//
// # How little is done
//
// What a version is to a list is found out once for each package that any host has, and
// kept in memory for as long as one does; so are the sets of packages that hosts have, each once, whichever hosts
// have it. A host that changes costs a look at its set, a list that changes a look at
// every set. docs/bench/references.md has figures.
//
// # Promise
//
// What [References.Put] took is on disk, with what was there before. What a list said at
// a time, and who said so, stays the answer. Comparisons are of hosts as they were some
// seconds ago, and of lists as they are. Counts of a day are kept while a server runs;
// several may use one database.
package references

import (
	"context"
	"embed"
	"io/fs"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster/advisory/systems"
	"muster/internal/db"
	"muster/internal/sites"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "references", Files: schema} }

// A Source is the store of hosts, [sites.Sites].
type Source interface {
	// KnownNumbered lists packages by their numbers, without those that are gone.
	KnownNumbered(ctx context.Context, ids []int64) ([]sites.Known, error)
	// HostsAfter lists hosts by the numbers of their changes.
	HostsAfter(ctx context.Context, edited int64, most int) ([]sites.Host, error)
	// HostRows lists the numbers of the packages that a host has, sorted.
	HostRows(ctx context.Context, host int64) ([]int64, sites.Host, error)
	// Host tells of a host by its number, also where it is forgotten.
	Host(ctx context.Context, host int64) (sites.Host, error)
	// HostPackages lists what a host has, or had at a time.
	HostPackages(ctx context.Context, host, at int64) ([]sites.Known, sites.Host, error)
	// Hosts lists hosts by their numbers.
	Hosts(ctx context.Context, f sites.Filter, p sites.Page) ([]sites.Host, error)
	// Versions calls f with every time for which a host had a package of a name.
	Versions(ctx context.Context, name string, from, to int64, f func(sites.Interval) error) error
}

// Config says what a [References] works with.
type Config struct {
	DB      *db.DB
	Source  Source
	Systems *systems.Table   // nil: the one that comes with the program
	Now     func() time.Time // nil: time.Now
	Each    time.Duration    // how often it is looked what changed: 5 seconds
}

// References are the lists of a server. Its methods may be called from many goroutines.
type References struct {
	Config
	pack   *zstd.Encoder
	unpack *zstd.Decoder
	poked  chan struct{}
	turn   chan struct{} // who follows: one at a time

	mu    sync.RWMutex // over all below; only who has the turn changes it
	fleet fleet
	views map[string]*view
	seen  int64 // number of the newest revision that was read
	ready bool  // all was read once

	written map[dayKey]dayRow // who has the turn: counts as the database has them
	counted int64             // who has the turn: when that was
	dirty   bool              // who has the turn: something changed since
}

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*References, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Each == 0 {
		c.Each = 5 * time.Second
	}
	if c.Systems == nil {
		c.Systems = systems.Builtin()
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "references", files); err != nil {
		return nil, err
	}
	r := &References{Config: c, poked: make(chan struct{}, 1), turn: make(chan struct{}, 1), fleet: newFleet(c.Systems), views: map[string]*view{}}
	if r.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	r.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*maxBody))
	return r, err
}

// Poke has [References.Run] look at once: hosts changed.
func (r *References) Poke() {
	select {
	case r.poked <- struct{}{}:
	default: // somebody did already
	}
}

// Run follows hosts and lists until ctx ends.
func (r *References) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(r.Each)
	defer tick.Stop()
	for {
		if err := r.Follow(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.poked:
		}
	}
}

// Follow takes in what changed since the last time: hosts, lists, days. It waits for who
// does so at the moment.
func (r *References) Follow(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.turn }()
	return r.follow(ctx)
}

func (r *References) follow(ctx context.Context) error {
	if err := r.followHosts(ctx); err != nil {
		return err
	}
	if err := r.followLists(ctx); err != nil {
		return err
	}
	if !r.ready {
		r.mu.Lock()
		r.ready = true
		r.mu.Unlock()
	}
	return r.count(ctx)
}
