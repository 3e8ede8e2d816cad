package repo

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"muster"
	"muster/index"
	"muster/internal/durable"
	"muster/internal/fetch"
)

// SetNames says which packages of hosts and units this client is about: the id of
// its host and the names of its units. They replace those before.
//
// From then on [Client.Update] follows their bins too, and [Client.Index] lists
// them before the packages of the index; [Client.Usable] and [Client.Open] take
// them like any other. Others of their kinds never show. Names without a package
// are in order. Nothing is kept of the names themselves: they are set after each
// start, before the first call.
//
// Until an update has brought the bin of a name, Index fails with kind
// muster.Unavailable: a package that is not known yet must not look like one that
// was withdrawn, for then its host would remove what it brought. So whoever changes
// the names sets those before and those to come together, updates, and when that has
// succeeded remembers and sets the new ones; otherwise those before again, which are
// as well known as they were.
func (c *Client) SetNames(names ...string) {
	c.names = slices.Compact(slices.Sorted(slices.Values(names)))
	if c.kept != nil {
		c.kept.both = nil
	}
}

func (c *Client) binsDir(id string) string { return filepath.Join(c.repoDir(id), "hosts") }

// ownBins are those of the head of k, from the disk.
func (c *Client) ownBins(k *kept) *bins {
	if k.bins == nil {
		k.bins = newBins(k.head.Bins, func(b *index.Bin) ([]byte, error) { return c.readBin(k, b) })
	}
	return k.bins
}

// readBin reads a file that is kept, or that an update has brought.
func (c *Client) readBin(k *kept, b *index.Bin) ([]byte, error) {
	if data := k.newBins[b.SHA256]; data != nil {
		return data, nil
	}
	data, err := readFile(filepath.Join(c.binsDir(k.id), b.SHA256), b.Size)
	if err != nil || !isBin(b, data) {
		return nil, muster.WithHint(muster.Errorf(muster.Unavailable,
			"what repository %q has for this host is not here, or damaged", k.id), "run 'muster update'")
	}
	return data, nil
}

// binned lists the packages of hosts and units that this client is about.
func (c *Client) binned(s *bins) (all []*index.Entry, err error) {
	if c.allNames {
		return s.all()
	}
	for _, name := range c.names {
		found, err := s.of(name)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// hasBins reports whether the bins of the head are there.
func (c *Client) hasBins(k *kept) bool {
	_, err := c.binned(c.ownBins(k))
	return err == nil
}

// fetchBins brings what is not there of the bins that next.head leads to.
func (c *Client) fetchBins(ctx context.Context, base string, next *kept) error {
	next.newBins = map[string][]byte{}
	next.bins = newBins(next.head.Bins, func(b *index.Bin) ([]byte, error) {
		if data, err := c.readBin(next, b); err == nil {
			return data, nil
		}
		s, err := c.Fetch.GetSmall(ctx, base, binName(b), b.Size, fetch.Validators{})
		if err != nil {
			return nil, err
		}
		next.newBins[b.SHA256] = s.Data
		return s.Data, nil
	})
	_, err := c.binned(next.bins)
	next.bins.get = func(b *index.Bin) ([]byte, error) { return c.readBin(next, b) } // the network is for updates only
	return err
}

// sameBins reports whether the heads of k and next list the same for this client.
// Bins change for other names too.
func (c *Client) sameBins(k, next *kept) bool {
	was, err := c.binned(c.ownBins(k))
	is, err2 := c.binned(c.ownBins(next))
	same := func(a, b *index.Entry) bool { return a.Text() == b.Text() }
	return err == nil && err2 == nil && slices.EqualFunc(was, is, same)
}

// saveBins keeps the files that an update has brought, before the head that leads
// to them. They are never changed: their names are their hashes.
func (c *Client) saveBins(k *kept) error {
	if len(k.newBins) == 0 || c.allNames { // who visits once has thousands, and no second time
		return nil
	}
	dir := c.binsDir(k.id)
	if err := c.Disk.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for sum, data := range k.newBins {
		if err := c.Disk.WriteFile(filepath.Join(dir, sum), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// dropBins removes the files that neither head leads to any more. What cannot be
// removed takes some room until the next time. A file of former names stays as
// long as a head leads to it: they may come back.
func (c *Client) dropBins(old, k *kept) {
	entries, _ := os.ReadDir(c.binsDir(k.id))
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = !durable.IsTemp(e.Name())
	}
	reached := map[string]bool{}
	for _, k := range []*kept{old, k} {
		if k.head != nil {
			c.ownBins(k).reach(k.head.Bins, there, reached)
		}
	}
	for name, is := range there {
		if is && !reached[name] {
			c.Disk.Remove(filepath.Join(c.binsDir(k.id), name))
		}
	}
}

// reach marks the files that are there and to which list leads.
func (s *bins) reach(list []index.Bin, there, reached map[string]bool) {
	for i := range list {
		b := &list[i]
		if !there[b.SHA256] {
			continue
		}
		reached[b.SHA256] = true
		if b.IsBin() {
			continue
		}
		if below, err := s.below(b); err == nil {
			s.reach(below, there, reached)
		}
	}
}
