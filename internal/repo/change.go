package repo

import (
	"fmt"
	"os"
	"slices"

	"muster"
	"muster/control"
	"muster/index"
	"muster/sign"
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
	r.Serial = next.head.Serial
	if err := p.publish(next); err != nil {
		return nil, err
	}
	return r, p.retire(r.Removed)
}

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

// AddLink makes the next link of the chain of trust, signed by anchors, and a
// head that names it. edit is given the link with everything that stays, such
// as the scopes, and changes what it is about:
//
//	p.AddLink(anchors, func(l *index.Link) {
//		l.RevokedCertificates = []string{fingerprint}
//	})
func (p *Publisher) AddLink(anchors []*sign.Identity, edit func(*index.Link)) (*Report, error) {
	return p.change(func(c *contents) (*publication, *Report, error) {
		l := &index.Link{Type: index.LinkType, Repository: c.state.Repository, Number: c.state.Number + 1,
			Previous: c.state.SHA256, Date: p.now().Unix(), Scopes: c.state.Scopes}
		if c.state.Need > 1 {
			l.Need = c.state.Need
		}
		edit(l)
		file, err := p.signLink(l, anchors)
		if err != nil {
			return nil, nil, err
		}
		after := *c
		after.links = append(slices.Clone(c.links), file)
		if after.state, err = p.follow(c.state.Repository, after.links); err != nil {
			return nil, nil, fmt.Errorf("readers would not believe the new link: %w", err)
		}
		next, err := p.prepare(&after, c.index)
		if err != nil {
			return nil, nil, err
		}
		next.link, next.linkFile = l.Number, file
		return next, &Report{}, nil
	})
}

// Contents returns the head and the index of the repository as it is.
func (p *Publisher) Contents() (*index.Head, *index.Index, error) {
	c, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	return c.head, c.index, nil
}
