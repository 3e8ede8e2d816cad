package repo

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/control"
	"muster/index"
)

// change publishes what edit makes of the repository.
func (p *Publisher) change(edit func(*contents) (*publication, *Report, error)) (*Report, error) {
	unlock, err := p.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := p.load()
	if err != nil {
		return nil, err
	}
	next, r, err := edit(c)
	if err != nil {
		return nil, err
	}
	if next == nil {
		return r, nil // it is so already
	}
	r.Serial = next.head.Serial
	if err := p.publish(next); err != nil {
		return nil, err
	}
	return r, p.retire(append(filenames(r.Removed), next.bins.replaced...))
}

func filenames(entries []*index.Entry) (names []string) {
	for _, e := range entries {
		names = append(names, e.Filename)
	}
	return names
}

// Tend signs the head anew when half of its life is over, and returns when the
// next time will be. A server calls it at that time; anything published in between
// only moves it.
func (p *Publisher) Tend() (due time.Time, err error) {
	_, err = p.change(func(c *contents) (*publication, *Report, error) {
		if due = halfLife(c.head); p.now().Before(due) {
			return nil, &Report{Serial: c.head.Serial}, nil
		}
		next, err := p.prepare(c, c.index)
		if err == nil {
			due = halfLife(next.head)
		}
		return next, &Report{}, err
	})
	return due, err
}

// halfLife is the middle between the date of a head and its expiry.
func halfLife(h *index.Head) time.Time { return time.Unix(h.Date+(h.Expires-h.Date)/2, 0) }

// Refresh signs the head anew, with a new expiry.
func (p *Publisher) Refresh() (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		next, err := p.prepare(c, c.index)
		return next, &Report{}, err
	})
}

// Remove takes every package that one of the relations names out of the index.
// The files stay until [Publisher.GC]: readers of the index before may be
// fetching them.
func (p *Publisher) Remove(relations ...control.Relation) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		drop := map[string]bool{}
		for _, rel := range relations {
			found, err := c.find(rel.Name, func(e *index.Entry) bool { return rel.Constraint.Match(e.Version) })
			if err != nil {
				return nil, nil, err
			}
			if len(found) == 0 {
				return nil, nil, muster.Errorf(muster.NotFound, "repository %q has no package %q", p.Dir, rel)
			}
			for _, e := range found {
				drop[e.Filename] = true
			}
		}
		return p.without(c, drop)
	})
}

// RemoveFiles is [Publisher.Remove] for single packages, by the names of their files
// with or without the folders before them.
func (p *Publisher) RemoveFiles(files ...string) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		drop := map[string]bool{}
		for _, file := range files {
			name, _, _ := strings.Cut(path.Base(file), "_")
			found, err := c.find(name, func(e *index.Entry) bool { return e.Filename == file || path.Base(e.Filename) == file })
			if err != nil {
				return nil, nil, err
			}
			if len(found) != 1 {
				return nil, nil, muster.Errorf(muster.NotFound, "the repository lists no file %q", file)
			}
			drop[found[0].Filename] = true
		}
		return p.without(c, drop)
	})
}

// find lists the packages of that name that are meant.
func (c *contents) find(name string, meant func(*index.Entry) bool) ([]*index.Entry, error) {
	found, err := c.bins.of(name)
	found = append(found, c.index.Find(name)...)
	return slices.DeleteFunc(found, func(e *index.Entry) bool { return !meant(e) }), err
}

// without prepares the publication that does not list the files in drop.
func (p *Publisher) without(c *contents, drop map[string]bool) (*publication, *Report, error) {
	r := &Report{}
	x := c.index
	var err error
	if keep := r.remove(x, drop); len(r.Removed) > 0 {
		if x, err = index.New(keep); err != nil {
			return nil, nil, err
		}
	}
	if err := c.bins.remove(r, drop); err != nil {
		return nil, nil, err
	}
	next, err := p.prepare(c, x)
	return next, r, err
}

// remove reports what of x is in drop, and returns the rest.
func (r *Report) remove(x *index.Index, drop map[string]bool) (keep []*index.Entry) {
	for _, e := range x.Entries() {
		if drop[e.Filename] {
			r.Removed = append(r.Removed, e)
		} else {
			keep = append(keep, e)
		}
	}
	return keep
}

// remove takes the files in drop out of the bins that were read: nobody can mean
// a package without having found it.
func (s *bins) remove(r *Report, drop map[string]bool) error {
	for _, prefix := range slices.Sorted(maps.Keys(s.read)) {
		before := len(r.Removed)
		if keep := r.remove(s.read[prefix], drop); len(r.Removed) > before {
			if err := s.set(prefix, keep); err != nil {
				return err
			}
		}
	}
	return nil
}

// retire marks files that are no longer listed with the time, from which
// [Publisher.GC] counts.
func (p *Publisher) retire(names []string) error {
	now := p.now()
	for _, name := range names {
		if err := os.Chtimes(p.path(name), now, now); err != nil && !os.IsNotExist(err) {
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	return nil
}

// Chain returns the head of the repository as it is, and what its chain of trust
// leaves to believe. It does not read what is listed.
func (p *Publisher) Chain() (*index.Head, *index.State, error) {
	c, err := p.loadChain()
	if err != nil {
		return nil, nil, err
	}
	return c.head, c.state, nil
}

// Binned reports for which hosts and units, by the names of their packages, there are any.
func (p *Publisher) Binned(names ...string) (map[string]bool, error) {
	c, err := p.loadChain()
	if err != nil {
		return nil, err
	}
	bins, found := newBins(c.head.Bins, p.readBin), map[string]bool{}
	for _, name := range names {
		all, err := bins.of(name)
		if err != nil {
			return nil, err
		}
		found[name] = len(all) > 0
	}
	return found, nil
}

// Listed returns the packages of the repository but those of hosts and units, of which
// there may be as many as hosts.
func (p *Publisher) Listed() (*index.Index, error) {
	c, err := p.load()
	if err != nil {
		return nil, err
	}
	return c.index, nil
}

// Contents returns the head and all packages of the repository as it is, those
// of hosts and units before the others.
func (p *Publisher) Contents() (*index.Head, *index.Index, error) {
	c, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	binned, err := c.bins.all()
	if err != nil {
		return nil, nil, err
	}
	return c.head, c.index.With(binned), nil
}
