package steer

import (
	"context"
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

// Binned are the newest packages of hosts and units. What was not read before is read
// for at most the time of patience: all reports whether that was enough. What was read
// is kept, so that who asks again gets further.
func (l *List) Binned(ctx context.Context, patience time.Duration) (found []Assigner, all bool, err error) {
	if l.Head == nil {
		return nil, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := &reading{shelf: l.shelf, seen: map[string][]Assigner{}}
	r.group.SetLimit(8)
	err = r.below(ctx, l.Head.Bins)
	if later := r.group.Wait(); err == nil {
		err = later
	}
	l.shelf.mu.Lock()
	if err == nil || l.shelf.bins == nil {
		l.shelf.bins = r.seen // what no head names any more is forgotten
	} else {
		for sum, some := range r.seen {
			l.shelf.bins[sum] = some
		}
	}
	l.shelf.mu.Unlock()
	for _, some := range r.seen {
		found = append(found, some...)
	}
	if ctx.Err() != nil && err != nil {
		return found, false, nil
	}
	return found, err == nil, err
}

// A reading of all bins under way.
type reading struct {
	shelf *Shelf
	group errgroup.Group
	mu    sync.Mutex
	seen  map[string][]Assigner
}

func (r *reading) below(ctx context.Context, bins []index.Bin) error {
	for i := range bins {
		b := &bins[i]
		if b.IsBin() {
			r.group.Go(func() error { return r.read(ctx, b) })
			continue
		}
		t, err := r.shelf.table(ctx, b)
		if err != nil {
			return err
		}
		if err := r.below(ctx, t.Bins); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) read(ctx context.Context, b *index.Bin) error {
	r.shelf.mu.Lock()
	some, ok := r.shelf.bins[b.SHA256]
	r.shelf.mu.Unlock()
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
