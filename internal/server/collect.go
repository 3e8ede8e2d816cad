package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"muster"
	"muster/advisory/systems"
	"muster/internal/db"
	"muster/internal/durable"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

// A Collect opens reports that a server without the key has kept, and stores them. It is
// 'musterd collect'.
type Collect struct {
	DB     *db.DB
	Key    *sign.Identity
	Dir    string    // the spool, or a copy of it
	Config Collector // window, quotas and the site of reports that name none
	Say    func(format string, args ...any)
	Disk   *durable.Disk
	// Systems is the server's table of systems: what one server takes another must know.
	Systems *systems.Table

	now  func() time.Time   // nil: time.Now
	busy map[string]waiting // letters of which a quota was used up
}

// A waiting letter is tried again on another day, or with another quota.
type waiting struct {
	day   int64 // of UTC
	site  string
	quota sites.Quota
}

// Collected is what one round did.
type Collected struct {
	Taken   int // kept
	Again   int // came before, or were older than what came
	Refused int // can never be taken: they lie in the folder refused
	Left    int // for the next day, as a quota was used up
}

// collectEach is how often the spool is looked at.
const collectEach = 5 * time.Second

// Run looks at the spool until ctx ends.
func (c *Collect) Run(ctx context.Context) error {
	tick := time.NewTicker(collectEach)
	defer tick.Stop()
	for {
		if _, err := c.Once(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			c.Say("%v", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Once opens what lies there, the oldest first. A letter is deleted when what it says is
// on disk: whatever ends this in between, the next round finds that it came before.
func (c *Collect) Once(ctx context.Context) (done Collected, err error) {
	kept, err := sites.Open(ctx, sites.Config{DB: c.DB, Window: c.Config.Window.std(), Quota: c.Config.quota(), Systems: c.Systems})
	if err != nil {
		return done, err
	}
	if c.now == nil {
		c.now = time.Now
	}
	o := newCollector(kept, c.now)
	o.id, o.clear, o.site = c.Key, false, c.Config.Site
	names, err := spooled(c.Dir)
	if err != nil {
		return done, err
	}
	quotas, err := quotasOf(ctx, kept)
	if err != nil {
		return done, err
	}
	today := c.now().Unix() / 86400
	maps.DeleteFunc(c.busy, func(_ string, w waiting) bool { return w.day != today || w.quota != quotas[w.site] })
	for _, name := range names {
		// Opening it again is work for nothing until quotas begin anew, or are raised.
		if _, ok := c.busy[name]; ok {
			done.Left++
			continue
		}
		if err := c.one(ctx, o, name, quotas, &done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// one deals with a letter.
func (c *Collect) one(ctx context.Context, o *collector, name string, quotas map[string]sites.Quota, done *Collected) error {
	path := filepath.Join(c.Dir, name)
	l, err := readSpooled(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another collector was faster
	}
	var m *message
	if err == nil {
		m, err = o.open(ctx, l)
	}
	if err == nil {
		defer m.done()
		_, err = o.keep(ctx, l, m, sitereport.StoreOnly)
	}
	switch kind := muster.KindOf(err); {
	case err == nil:
		done.Taken++
	case kind == muster.Conflict:
		done.Again++
		c.Say("%s: %v", name, err)
	case kind == muster.Busy:
		done.Left++
		c.Say("%s: %v", name, err)
		if m != nil {
			c.wait(name, m.report.Site, quotas)
		}
		return nil
	case kind == muster.Invalid, kind == muster.Denied, kind == muster.NotFound:
		done.Refused++
		c.Say("%s: %v", name, err)
		return c.refuse(path, name)
	default:
		return fmt.Errorf("cannot take report %q: %w", name, err)
	}
	if err := c.Disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return muster.WithKind(muster.Unavailable, err)
	}
	return nil
}

// quotasOf are those of the records of sites, as they are before letters are tried: one
// that is raised meanwhile is another the next time.
func quotasOf(ctx context.Context, s *sites.Sites) (map[string]sites.Quota, error) {
	all, err := s.Sites(ctx)
	quotas := make(map[string]sites.Quota, len(all))
	for i := range all {
		quotas[all[i].Name] = all[i].Quota
	}
	return quotas, err
}

// wait leaves a letter for the next day of UTC, or another quota of its site. Others of the
// site are tried: where the versions of packages are used up, reports that bring none are
// taken.
func (c *Collect) wait(name, site string, quotas map[string]sites.Quota) {
	if c.busy == nil {
		c.busy = map[string]waiting{}
	}
	c.busy[name] = waiting{c.now().Unix() / 86400, site, quotas[site]}
}

// refuse puts a letter aside, for people.
func (c *Collect) refuse(path, name string) error {
	dir := filepath.Join(c.Dir, refusedDir)
	if err := c.Disk.MkdirAll(dir, 0o700); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	err := c.Disk.Rename(path, filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return muster.WithKind(muster.Unavailable, err)
	}
	return c.bound(dir)
}

// maxRefused is how many letters that could not be taken are kept, if they take no more
// than a sixteenth of the spool: anybody can send such.
const maxRefused = 100

// bound deletes the oldest of what was refused.
func (c *Collect) bound(dir string) error {
	all, err := sizes(dir)
	if err != nil {
		return err
	}
	total := int64(0)
	for i, one := range slices.Backward(all) {
		total += one.bytes
		if i >= len(all)-maxRefused && total <= int64(c.Config.Spool)/16 {
			continue
		}
		if err := c.Disk.Remove(filepath.Join(dir, one.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	return nil
}

// OpenSites opens the database of a configuration for what is known of sites, as the
// server has it. The caller closes the database.
func OpenSites(ctx context.Context, cfg *Config, drivers ...db.Driver) (*db.DB, *sites.Sites, error) {
	table, err := cfg.Advisories.Table()
	if err != nil {
		return nil, nil, err
	}
	base, err := db.Open(ctx, cfg.DSN(), drivers...)
	if err != nil {
		return nil, nil, err
	}
	s, err := sites.Open(ctx, sites.Config{DB: base, Window: cfg.Collector.Window.std(), Quota: cfg.Collector.quota(), Systems: table})
	if err != nil {
		base.Close() //nolint:errcheck // the first error tells more
		return nil, nil, err
	}
	return base, s, nil
}
