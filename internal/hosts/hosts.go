// Package hosts is what a server knows of its hosts: who they are and how they
// came, when they were heard of, what they have and had, which groups they are
// in, what they did. It owns the tables hosts_*.
//
// Start with [Open]; then [Hosts.Enrol] and [Hosts.Accept] are the two doors
// through which hosts come, [Hosts.CheckIn] and [Hosts.PutInventory] what they
// do inside. What people ask and change is in [Hosts.List], [Hosts.Detail] and
// [Hosts.Edit].
//
// # Promise
//
// What a host was told to be kept is on disk. A check-in that brings nothing
// costs no database: who was seen when is in memory, and written every few
// seconds. Documents come back exactly, those of the past too. Counters (how
// many hosts have this, are in that state) are changed in the transaction that
// makes them so.
//
// Several servers may use one database. What one changes the others know within
// [Config.Refresh].
package hosts

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"

	"muster"
	"muster/internal/db"
	"muster/sign"
)

//go:embed schema/*.sql
var schema embed.FS

// Schema says what makes the tables of this package.
func Schema() db.Schema { return db.Schema{Subject: "hosts", Files: schema} }

// Config says what a [Hosts] works with. Zero values of all that follows
// Authority do.
type Config struct {
	DB        *db.DB
	Server    string         // id of the server
	Authority *sign.Identity // issues the certificates of hosts

	Now       func() time.Time // time.Now
	Directory Directory        // none
	Mirrors   []string         // told to hosts
	// Interval is how often a host should check in: two hours.
	Interval time.Duration
	// Skew is how far a host's clock may be off: five minutes.
	Skew time.Duration
	// MaxPending bounds the hosts that wait for approval: 1,000.
	MaxPending int
	// EnrolRate bounds enrolments of all addresses together, a second: 50. One address
	// may do 5 a minute, after a burst of 20.
	EnrolRate float64
	// WholeRate bounds whole inventories that are asked for, a second: 20.
	WholeRate float64
	// Returns has hosts that come back to a server without its database wait for
	// approval. Otherwise their certificates are enough.
	ReturnsWait bool
	// Alarm is called where the server begins to doubt a host, after that is kept: once,
	// until a person decides. nil: nobody is told.
	Alarm func(ctx context.Context, id, text string)
	// Rolling says which packages are in rollouts that go on, and whether one may be
	// counted for being on many hosts: their versions are counted day by day. nil: none
	// is, and all may.
	Rolling func(ctx context.Context) (names []string, may func(name string) bool, err error)
	// KeepHistory and KeepEvents end history of inventories and events; 0: for ever.
	KeepHistory, KeepEvents time.Duration
	// Flush is how often presence is written: 3 seconds. Refresh is how often
	// this server looks what others on its database changed: every second, and
	// never on SQLite.
	Flush, Refresh time.Duration
}

// A Directory knows where computers stand in LDAP or Active Directory.
type Directory interface {
	// Place returns the units of the computer, the outermost first, and its
	// groups, all as package names; nil where it is not known. ready is false while
	// the directory could not be read at all: then hosts keep what they were told.
	// It is called for every check-in and answers from memory.
	Place(fqdn string) (units, groups []string, ready bool)
}

// Hosts are the hosts of a server. Its methods may be called from many goroutines.
type Hosts struct {
	Config
	gate   gate
	words  *dictionary
	census *census
	tally  tally
	// trended is the hour of which this server has counted the hosts, or seen that another has.
	trended time.Time
	whole   *budget
	asks    *budget             // of the database for hosts that memory does not know
	weight  *semaphore.Weighted // of inventories that are taken apart
	pack    *zstd.Encoder
	unpack  *zstd.Decoder

	mu      sync.Mutex
	byID    map[string]*entry
	byNum   map[int64]*entry
	change  int64          // newest change that memory knows
	behind  bool           // more was committed here, but could not be read
	wakeAll int64          // wishes for all hosts
	marked  map[int64]bool // hosts that changed since saved searches were looked at

	reading    *reading // that has not begun
	refreshing sync.Mutex
}

// Open migrates the tables and reads what is kept in memory: some 500 bytes a
// host. Call [Hosts.Run] beside.
func Open(ctx context.Context, c Config) (*Hosts, error) {
	c.defaults()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, err
	}
	if err := c.DB.Migrate(ctx, "hosts", files); err != nil {
		return nil, err
	}
	h := &Hosts{Config: c, byID: map[string]*entry{}, byNum: map[int64]*entry{}, marked: map[int64]bool{}, words: newDictionary(),
		gate: newGate(c.EnrolRate), census: newCensus(), whole: newBudget(c.WholeRate), asks: newBudget(20), weight: semaphore.NewWeighted(maxWeight)}
	if h.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	if h.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxUnpacked)); err != nil {
		return nil, err
	}
	return h, h.refresh(ctx)
}

// maxUnpacked bounds what a value of the database unpacks to.
const maxUnpacked = 64 << 20

func (c *Config) defaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.Interval, 2*time.Hour)
	set(&c.Skew, 5*time.Minute)
	set(&c.Flush, 3*time.Second)
	if c.DB.Dialect() != db.SQLite {
		set(&c.Refresh, time.Second)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxPending == 0 {
		c.MaxPending = 1000
	}
	if c.EnrolRate == 0 {
		c.EnrolRate = 50
	}
	if c.WholeRate == 0 {
		c.WholeRate = 20
	}
}

// Run writes presence, learns what other servers changed, and ends what has
// become old, until ctx ends; then it writes presence once more. First it reads what
// searches need: until then those that come are told to wait.
func (h *Hosts) Run(ctx context.Context, report func(error)) {
	if err := h.keepCensus(ctx); err != nil && ctx.Err() == nil {
		report(err)
	}
	flush, prune := time.NewTicker(h.Flush), time.NewTicker(time.Hour)
	defer flush.Stop()
	defer prune.Stop()
	var news <-chan time.Time
	if h.Refresh > 0 {
		t := time.NewTicker(h.Refresh)
		defer t.Stop()
		news = t.C
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := h.FlushPresence(last); err != nil {
				report(err)
			}
			return
		case <-flush.C:
			err = errors.Join(h.catchUp(ctx), h.FlushPresence(ctx), h.Regroup(ctx), h.keepCensus(ctx), h.keepTrend(ctx))
		case <-news:
			err = h.refresh(ctx)
		case <-prune.C:
			err = h.Prune(ctx)
		}
		if err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}

// total counts hosts by a property.
func total(tx *db.Tx, kind, name string, by int) error {
	if name == "" || by == 0 {
		return nil
	}
	r, err := tx.Exec("UPDATE hosts_total SET hosts = hosts + ? WHERE kind = ? AND name = ?", by, kind, name)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return tx.Insert("hosts_total", []string{"kind", "name", "hosts"}, [][]any{{kind, name, by}})
}

// Totals says how many hosts are in each state, or have each status.
func (h *Hosts) Totals(ctx context.Context, kind string) (map[string]int, error) {
	all := map[string]int{}
	err := h.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.Each("SELECT name, hosts FROM hosts_total WHERE kind = ? AND hosts > 0", []any{kind}, func(scan db.Scan) error {
			var name string
			var n int
			if err := scan(&name, &n); err != nil {
				return err
			}
			all[name] = n
			return nil
		})
	})
	return all, err
}

// unknownHost is the same for hosts that are not there and those that were
// forgotten: a stranger learns nothing.
func unknownHost(id string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "host %q is not known", id), "run 'muster join' on it")
}
