// Package advisories keeps what is published about vulnerable packages, and which
// packages of hosts it concerns. It owns the tables advisories_*.
//
// Start with [Open] and [Advisories.Run], which fetches what is due, matches what is new
// and counts hosts. [Advisories.Import] brings in what somebody holds in the hand.
// [Advisories.HostFindings], [Advisories.SiteFindings], [Advisories.PackageFindings] and
// [Advisories.Holders] answer; every answer takes the sites that the asker may see.
//
// # What is stored
//
// A finding is of a row of the dictionary of packages (package sites), never of a host:
// it is computed once, when the row is first seen or an advisory that names it changes,
// whoever has the package and however many they are. Hosts of a site that have the same
// packages and run the same kernel are one group, which is counted once.
//
// # Promise
//
// What a source says counts as a whole: either what it says now or what it said before.
// A fetch that fails, or what cannot be read, changes nothing, and the state of the
// source says so. What is answered follows by itself: after every crash the work goes on
// where it was, and what is stored becomes what a computation from nothing would give.
// Several servers may use one database: one of them does the work.
//
// A serious advisory is told once when it comes to a site, and once when it leaves it.
package advisories

import (
	"context"
	"crypto/rand"
	"embed"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster/advisory"
	"muster/advisory/systems"
	"muster/internal/db"
	"muster/internal/sites"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "advisories", Files: schema} }

// A Dictionary is the packages that any host has or had. Rows do not change.
type Dictionary interface {
	// KnownAfter lists at most so many rows with greater numbers, in their order.
	KnownAfter(ctx context.Context, id int64, most int) ([]sites.Known, error)
	// KnownNamed lists those whose name or source name is one of these.
	KnownNamed(ctx context.Context, names []string) ([]sites.Known, error)
}

// A Fleet is the hosts, and what they have.
type Fleet interface {
	// HostsAfter lists hosts in the order in which they changed, behind a number of
	// that; those that are gone too. No hosts: there are no more.
	HostsAfter(ctx context.Context, change int64, most int) ([]sites.Host, error)
	// HostRows are the numbers of what a host has now, sorted; NotFound where it is gone.
	HostRows(ctx context.Context, host int64) ([]int64, sites.Host, error)
	// Holders calls f with every host of some sites, or of all where these are nil, that
	// has one of these rows now, and which.
	Holders(ctx context.Context, ids []int64, of []string, f func(h sites.Host, id int64) error) error
}

// Config says what an [Advisories] works with.
type Config struct {
	DB         *db.DB
	Dictionary Dictionary
	Fleet      Fleet
	Sources    []Source

	Systems *systems.Table // nil is the built-in
	// Mapping names the table: where it changes, all is matched anew.
	Mapping string
	// Serious is from which severity on a site is told; exploited ones always are. High.
	Serious advisory.Severity
	// Folder is where what is fetched is kept until it is read; "" is the system's for
	// temporary files.
	Folder string

	// Guard refuses addresses that are about to be dialled; nil: none. Allow are those
	// that may be dialled all the same, and without TLS.
	Guard func(netip.Addr) error
	Allow []netip.Prefix
	// Proxy is as in [http.Transport]; nil: none. It is dialled whatever Guard says.
	Proxy   func(*http.Request) (*url.URL, error)
	Timeout time.Duration // of one fetch: 30 minutes
	Idle    time.Duration // for how long a server may send nothing: 1 minute
	MaxSize int64         // of one fetch: 1 GiB

	Self string        // of this process, of several on one database; random where it is ""
	Each time.Duration // how often it is looked what there is to do: 15 seconds
	Now  func() time.Time
	// Imported is told of every import and fetch that changed something or failed.
	Imported func(ctx context.Context, source string, err error)
}

// Advisories are those of a server. Its methods may be called from many goroutines.
type Advisories struct {
	Config
	turn   chan struct{} // who works, of this process
	poked  chan struct{}
	wanted chan struct{}            // somebody waits for their turn
	asked  map[string]chan struct{} // sources that are to be looked at at once
	lines  chan struct{}            // fetches under way
	heldTo atomic.Int64             // until when this server had the work when it last wrote
	client *http.Client
	pack   *zstd.Encoder
	unpack *zstd.Decoder
	unseen unmapped
	known  factKeeper
	heads  headKeeper
	lapsed time.Time // when ends of support were last looked for

	broken func(after bool) error // of tests: the process ends before a write, or after it
}

// Open brings the tables up to date.
func Open(ctx context.Context, c Config) (*Advisories, error) {
	c.fill()
	if err := checkSources(c.Sources); err != nil {
		return nil, err
	}
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "advisories", files); err != nil {
		return nil, err
	}
	a := &Advisories{Config: c, turn: make(chan struct{}, 1), poked: make(chan struct{}, 1), wanted: make(chan struct{}, 1),
		asked: map[string]chan struct{}{}, lines: make(chan struct{}, maxFetches)}
	for _, s := range c.Sources {
		a.asked[s.Name] = make(chan struct{}, 1)
	}
	a.client = a.newClient()
	if a.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	if a.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDocument)); err != nil {
		return nil, err
	}
	return a, a.adoptSources(ctx)
}

func (c *Config) fill() {
	if c.Systems == nil {
		c.Systems = systems.Builtin()
	}
	if c.Serious == advisory.Unknown {
		c.Serious = advisory.High
	}
	if c.Self == "" {
		c.Self = rand.Text()
	}
	if c.Each == 0 {
		c.Each = 15 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Minute
	}
	if c.Idle == 0 {
		c.Idle = time.Minute
	}
	if c.MaxSize == 0 {
		c.MaxSize = 1 << 30
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Imported == nil {
		c.Imported = func(context.Context, string, error) {}
	}
}

// Poke has [Advisories.Run] look at once: a report came.
func (a *Advisories) Poke() { signal(a.poked) }

// ask has it look at a source at once.
func (a *Advisories) ask(source string) {
	if c := a.asked[source]; c != nil {
		signal(c)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // somebody did already
	}
}

// maxFetches is how many sources are fetched at once.
const maxFetches = 4

// Run does what there is to do until ctx ends: every [Config.Each], and when poked. Each
// source is fetched beside: one that is slow holds up no other, and nobody who reports.
func (a *Advisories) Run(ctx context.Context, report func(error)) {
	var all sync.WaitGroup
	for _, s := range a.Sources {
		all.Go(func() {
			a.again(ctx, a.asked[s.Name], func(ctx context.Context) error { return a.refreshMine(ctx, s) }, report)
		})
	}
	a.again(ctx, a.poked, a.Follow, report)
	all.Wait()
}

// again calls f every [Config.Each], and when poked.
func (a *Advisories) again(ctx context.Context, poked <-chan struct{}, f func(context.Context) error, report func(error)) {
	tick := time.NewTicker(a.Each)
	defer tick.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-poked:
		}
	}
}

// Look follows, see [Advisories.Follow], and fetches what is due.
func (a *Advisories) Look(ctx context.Context) error {
	mine, err := a.work(ctx, func() error { return a.follow(ctx) })
	if err != nil || !mine {
		return err
	}
	for _, s := range a.Sources {
		if err := a.refresh(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// refreshMine is refresh where no other server works.
func (a *Advisories) refreshMine(ctx context.Context, s Source) error {
	due, err := a.isDue(ctx, &s)
	if err != nil || !due {
		return err
	}
	if mine, err := a.work(ctx, func() error { return nil }); err != nil || !mine {
		return err
	}
	select {
	case a.lines <- struct{}{}:
		defer func() { <-a.lines }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return a.refresh(ctx, s)
}

func (a *Advisories) isDue(ctx context.Context, s *Source) (bool, error) {
	src, err := a.source(ctx, s.Name)
	return src.due <= a.Now().Unix(), err
}

// Follow matches what is new in the dictionary and what imports changed, counts the
// hosts that this concerns, and those that changed. Where another server does so, it
// returns at once.
func (a *Advisories) Follow(ctx context.Context) error {
	_, err := a.work(ctx, func() error { return a.follow(ctx) })
	return err
}

func (a *Advisories) follow(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.leave, a.remap, a.settle, a.dawn, a.matchNew, a.expire, a.cover, a.moveHosts, a.soil, a.recount, a.lapse, a.keepDay, a.lookOver} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// followHosts does of that what goes on while a list is read.
func (a *Advisories) followHosts(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.matchNew, a.moveHosts, a.soil, a.recount} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
