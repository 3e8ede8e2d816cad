package steer

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/control"
	"muster/index"
	"muster/version"
)

// Of returns the packages of a host or unit, the newest first: they stand in small
// indexes of their own.
func (l *List) Of(ctx context.Context, name string) ([]*index.Entry, error) {
	if l.Head == nil {
		return nil, nil
	}
	prefix, bins := index.BinOf(name), l.Head.Bins
	for {
		b := index.FindBin(bins, prefix)
		if b == nil {
			return nil, nil
		}
		if !b.IsBin() {
			t, err := l.shelf.table(ctx, b)
			if err != nil {
				return nil, err
			}
			bins = t.Bins
			continue
		}
		x, err := l.shelf.bin(ctx, b)
		if err != nil {
			return nil, err
		}
		found := x.Find(name)
		newestFirst(found)
		return found, nil
	}
}

func (s *Shelf) table(ctx context.Context, b *index.Bin) (*index.Table, error) {
	text, err := s.blob(ctx, "hosts/by-hash/"+b.SHA256, min(b.Size, index.MaxBinFile), index.MaxTable)
	if err != nil {
		return nil, err
	}
	return index.ParseTable(b.Prefix, []byte(text))
}

func (s *Shelf) bin(ctx context.Context, b *index.Bin) (*index.Index, error) {
	text, err := s.blob(ctx, "hosts/by-hash/"+b.SHA256, min(b.Size, index.MaxBinFile), index.MaxBin)
	if err != nil {
		return nil, err
	}
	return index.ParseBin(b.Prefix, text)
}

// An Assigner is a package that says what hosts should have.
type Assigner struct {
	Kind      muster.Kind
	Name      string
	Version   string
	AppliesTo string
	Depends   []control.Dependency
	Conflicts []control.Relation
}

// Assigns reports whether it says that a package should be there.
func (a *Assigner) Assigns(name string) bool {
	return slices.ContainsFunc(a.Depends, func(d control.Dependency) bool {
		return slices.ContainsFunc(d, func(r control.Relation) bool { return r.Name == name })
	})
}

// Forbids reports whether it says that a package must not be there.
func (a *Assigner) Forbids(name string) bool {
	return slices.ContainsFunc(a.Conflicts, func(r control.Relation) bool { return r.Name == name })
}

func assigner(e *index.Entry) Assigner {
	return Assigner{e.Kind, e.Name, e.Version, e.AppliesTo, e.Depends, e.Conflicts}
}

// Assigners are the newest packages of the index that say what hosts should have, in
// the order of their names.
func (l *List) Assigners() (all []Assigner) {
	for _, name := range l.names {
		switch e := l.byName[name][0]; e.Kind {
		case muster.Group, muster.Profile, muster.Config, muster.SelfService, muster.WSUS:
			all = append(all, assigner(e))
		}
	}
	return all
}

// Binned are the newest packages of hosts and units. They are read once, and go on being
// read when the time of patience is over: all reports whether these are all of them.
func (l *List) Binned(ctx context.Context, patience time.Duration) (found []Assigner, all bool, err error) {
	if l.Head == nil {
		return nil, true, nil
	}
	r := l.shelf.reading(ctx, l.Head)
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-r.done:
		all, err = r.err == nil, r.err
	case <-wait.C:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, some := range r.seen {
		found = append(found, some...)
	}
	return found, all, err
}

// A reading of all bins of a head.
type reading struct {
	shelf  *Shelf
	serial int64
	group  errgroup.Group
	done   chan struct{} // closed at its end; then err counts
	err    error
	mu     sync.Mutex
	seen   map[string][]Assigner // by the hash of the file
}

// maxReading ends a reading of bins for which nobody waits any more.
const maxReading = 2 * time.Minute

// reading is the one of this head. It begins where there is none, or where the one
// before failed, and outlives who asked first.
func (s *Shelf) reading(ctx context.Context, head *index.Head) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.bins; old != nil && old.serial == head.Serial && !old.failed() {
		return old
	}
	r := &reading{shelf: s, serial: head.Serial, done: make(chan struct{}), seen: map[string][]Assigner{}}
	before := map[string][]Assigner{} // what no head names any more is forgotten with it
	if s.bins != nil {
		s.bins.mu.Lock()
		before = maps.Clone(s.bins.seen)
		s.bins.mu.Unlock()
	}
	r.group.SetLimit(8)
	s.bins = r
	go r.run(context.WithoutCancel(ctx), head.Bins, before)
	return r
}

func (r *reading) failed() bool {
	select {
	case <-r.done:
		return r.err != nil
	default:
		return false
	}
}

func (r *reading) run(ctx context.Context, bins []index.Bin, before map[string][]Assigner) {
	ctx, cancel := context.WithTimeout(ctx, maxReading)
	defer cancel()
	r.err = r.below(ctx, bins, before)
	if later := r.group.Wait(); r.err == nil {
		r.err = later
	}
	close(r.done)
}

func (r *reading) below(ctx context.Context, bins []index.Bin, before map[string][]Assigner) error {
	for i := range bins {
		b := &bins[i]
		if b.IsBin() {
			r.group.Go(func() error { return r.read(ctx, b, before) })
			continue
		}
		t, err := r.shelf.table(ctx, b)
		if err != nil {
			return err
		}
		if err := r.below(ctx, t.Bins, before); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) read(ctx context.Context, b *index.Bin, before map[string][]Assigner) error {
	some, ok := before[b.SHA256]
	if !ok {
		x, err := r.shelf.bin(ctx, b)
		if err != nil {
			return err
		}
		some = newestOf(x)
	}
	r.mu.Lock()
	r.seen[b.SHA256] = some
	r.mu.Unlock()
	return nil
}

// newestOf keeps the newest package of each name.
func newestOf(x *index.Index) (all []Assigner) {
	at := map[string]int{}
	for _, e := range x.Entries() {
		i, ok := at[e.Name]
		switch {
		case !ok:
			at[e.Name] = len(all)
			all = append(all, assigner(e))
		case version.Compare(e.Version, all[i].Version) > 0:
			all[i] = assigner(e)
		}
	}
	return all
}
