package repo

import (
	"os"
	"slices"
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
	return r, p.retire(r.Removed)
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
		for _, rel := range relations {
			if !slices.ContainsFunc(c.index.Entries(), func(e *index.Entry) bool { return meant(rel, e) }) {
				return nil, nil, muster.Errorf(muster.NotFound, "repository %q has no package %q", p.Dir, rel)
			}
		}
		return p.without(c, func(e *index.Entry) bool {
			return slices.ContainsFunc(relations, func(rel control.Relation) bool { return meant(rel, e) })
		})
	})
}

func meant(rel control.Relation, e *index.Entry) bool {
	return rel.Name == e.Name && rel.Constraint.Match(e.Version)
}

// without prepares the publication that lists no entry for which drop is true.
func (p *Publisher) without(c *contents, drop func(*index.Entry) bool) (*publication, *Report, error) {
	r := &Report{}
	var keep []*index.Entry
	for _, e := range c.index.Entries() {
		if drop(e) {
			r.Removed = append(r.Removed, e)
		} else {
			keep = append(keep, e)
		}
	}
	x, err := index.New(keep)
	if err != nil {
		return nil, nil, err
	}
	next, err := p.prepare(c, x)
	return next, r, err
}

// retire marks files that are no longer listed with the time, from which
// [Publisher.GC] counts.
func (p *Publisher) retire(entries []*index.Entry) error {
	now := p.now()
	for _, e := range entries {
		if err := os.Chtimes(p.path(e.Filename), now, now); err != nil && !os.IsNotExist(err) {
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	return nil
}

// Contents returns the head and the index of the repository as it is.
func (p *Publisher) Contents() (*index.Head, *index.Index, error) {
	c, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	return c.head, c.index, nil
}
