package repo

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/index"
	"muster/rollout"
	"muster/sign"
)

// A publication is everything that is written besides packages, ready before
// the first byte is.
type publication struct {
	head       *index.Head
	headFile   []byte
	index      []byte
	compressed []byte
	changes    map[string][]byte // by file name
	bins       *binning
	link       int // number of the new link of trust; 0 where there is none
	linkFile   []byte
}

// prepare makes the publication of x and of what was set in the bins of c. It
// follows c, whose head is nil before the first. It proves that readers of c will accept it.
func (p *Publisher) prepare(c *contents, x *index.Index) (*publication, error) {
	next := &publication{index: x.Print()}
	var err error
	if next.bins, err = c.bins.print(); err != nil {
		return nil, err
	}
	if err := p.makeHead(next, c, listedGates(c.gates, x)); err != nil {
		return nil, err
	}
	if c.head != nil && next.head.Index.Serial != c.head.Index.Serial {
		if next.changes, err = p.makeChanges(c, x, next); err != nil {
			return nil, err
		}
	}
	content, err := next.head.Encode()
	if err != nil {
		return nil, err
	}
	if next.headFile, err = sign.Sign(content, false, p.now(), p.Signers...); err != nil {
		return nil, fmt.Errorf("cannot sign the head: %w", err)
	}
	now := p.now()
	if c.head != nil {
		now = p.clock(c.head)
	}
	head, err := c.state.OpenHead(next.headFile, sign.Policy{Now: sign.Floor(now)})
	if err != nil {
		return nil, fmt.Errorf("readers would not believe the new head: %w", err)
	}
	return next, index.CheckHead(head, c.head, now)
}

// makeHead fills in next.head. The serial grows though the clock may not.
func (p *Publisher) makeHead(next *publication, c *contents, gates map[string]rollout.Gate) error {
	h := &index.Head{Type: index.HeadType, Repository: c.state.Repository, Date: p.now().Unix(),
		Mirrors: p.Mirrors, MinVersions: p.MinVersions, Gates: gates, Bins: next.bins.top,
		Trust: index.LinkRef{Number: c.state.Number, SHA256: c.state.SHA256}}
	h.Serial = h.Date
	expires := p.Expires
	if expires == 0 {
		expires = DefaultExpires
	}
	h.Expires = h.Date + int64(expires/time.Second)
	sum := index.Sum(next.index)
	old := c.head
	if old != nil {
		h.Serial = max(h.Serial, old.Serial+1)
		if h.Mirrors == nil {
			h.Mirrors = old.Mirrors
		}
		if h.MinVersions == nil {
			h.MinVersions = old.MinVersions
		}
	}
	next.head = h
	if old != nil && sum == old.Index.Raw.SHA256 {
		h.Index = old.Index
		return h.Check()
	}
	var err error
	if next.compressed, err = compress(next.index); err != nil {
		return err
	}
	h.Index = index.List{Serial: h.Serial,
		Raw:        index.Blob{Size: int64(len(next.index)), SHA256: sum},
		Compressed: index.Blob{Size: int64(len(next.compressed)), SHA256: index.Sum(next.compressed)}}
	return muster.WithKind(muster.Invalid, h.Check())
}

// makeChanges prepares changes from the old index, and from those before it by
// joining what led to the old one. What is not much smaller than the index is
// left out.
func (p *Publisher) makeChanges(c *contents, x *index.Index, next *publication) (map[string][]byte, error) {
	from, to := c.head.Index.Serial, next.head.Index.Serial
	step := index.Diff(c.index, x, from, to)
	made := map[string][]byte{}
	add := func(ch *index.Changes) error {
		data, err := compress(ch.Print())
		if err == nil && len(data) < len(next.compressed)/2 {
			made[changesName(ch.From, ch.To)] = data
		}
		return err
	}
	if err := add(step); err != nil {
		return nil, err
	}
	for _, serial := range p.changesTo(from) {
		earlier, err := p.readChanges(serial, from)
		if err != nil {
			continue // readers of that serial fetch the whole index
		}
		joined, err := earlier.Then(step)
		if err != nil {
			return nil, err
		}
		if err := add(joined); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// changesTo lists the serials from which there are changes to the serial to,
// newest first, one fewer than are kept.
func (p *Publisher) changesTo(to int64) []int64 {
	keep := p.Changes
	if keep == 0 {
		keep = 30
	}
	entries, _ := os.ReadDir(p.path("changes")) // none yet: no changes
	var from []int64
	for _, e := range entries {
		if a, b, ok := parseChangesName(e.Name()); ok && b == to {
			from = append(from, a)
		}
	}
	slices.Sort(from)
	slices.Reverse(from)
	return from[:min(len(from), keep-1)]
}

func parseChangesName(name string) (from, to int64, ok bool) {
	a, b, ok := strings.Cut(name, "-")
	from, err1 := strconv.ParseInt(a, 10, 64)
	to, err2 := strconv.ParseInt(b, 10, 64)
	return from, to, ok && err1 == nil && err2 == nil && name == path.Base(changesName(from, to))
}

func (p *Publisher) readChanges(from, to int64) (*index.Changes, error) {
	data, err := readFile(p.path(changesName(from, to)), index.MaxText)
	if err != nil {
		return nil, err
	}
	raw, err := decompress(data, index.MaxText)
	if err != nil {
		return nil, err
	}
	c, err := index.ParseChanges(string(raw))
	if err == nil && (c.From != from || c.To != to) {
		err = fmt.Errorf("changes %d-%d are in the file of %d-%d", c.From, c.To, from, to)
	}
	return c, err
}

// publish writes what was prepared. The last step makes it visible; a crash
// before leaves the old publication whole.
func (p *Publisher) publish(next *publication) error {
	if next.link > 0 {
		if err := p.write(linkName(next.link), next.linkFile); err != nil {
			return err
		}
	}
	if next.compressed != nil {
		if err := p.write(hashName(next.head.Index), next.compressed); err != nil {
			return err
		}
	}
	err := together(slices.Sorted(maps.Keys(next.bins.files)), func(name string) error {
		return p.write(name, next.bins.files[name])
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(next.changes)) {
		if err := p.write(name, next.changes[name]); err != nil {
			return err
		}
	}
	if !p.isPlain(next.index) {
		if err := p.writeDated(indexName, next.index, next.head.Serial); err != nil {
			return err
		}
	}
	return p.writeDated(headName, next.headFile, next.head.Serial)
}

// together calls write for each of all, some at once: for files of which nobody
// knows yet the order does not matter, and a disk syncs a few in hardly more time
// than one. After an error it begins no other.
func together[T any](all []T, write func(T) error) error {
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(8)
	for _, v := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			return write(v)
		})
	}
	return g.Wait()
}

// isPlain reports whether the plain index is there already: a change of bins or of
// the head leaves it alone.
func (p *Publisher) isPlain(text []byte) bool {
	have, err := readFile(p.path(indexName), int64(len(text)))
	return err == nil && bytes.Equal(have, text)
}

// writeDated writes a file that changes in place, with the serial as its time.
// nginx makes an ETag of time and size: two publications within a second would
// have the same, and clients would be told that nothing changed.
func (p *Publisher) writeDated(name string, data []byte, serial int64) error {
	f, err := p.Disk.Create(p.path(name), 0o644)
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot write %q: %w", p.path(name), err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = os.Chtimes(f.Name(), time.Unix(serial, 0), time.Unix(serial, 0))
	}
	if err != nil {
		f.Abort()
	} else {
		err = f.Commit()
	}
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot write %q: %w", p.path(name), err)
	}
	return nil
}

// write puts a file under its name, whole and durable.
func (p *Publisher) write(name string, data []byte) error {
	file := p.path(name)
	err := p.mkdir(path.Dir(name))
	if err == nil {
		err = p.Disk.WriteFile(file, data, 0o644)
	}
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot write %q: %w", file, err)
	}
	return nil
}

// mkdir makes a folder of the repository, durable with those above it.
func (p *Publisher) mkdir(dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := os.Stat(p.path(dir)); err == nil && info.IsDir() {
		return nil
	}
	if err := p.mkdir(path.Dir(dir)); err != nil {
		return err
	}
	if err := p.Disk.MkdirAll(p.path(dir), 0o755); err != nil {
		return err
	}
	return p.Disk.SyncDir(p.path(path.Dir(dir)))
}
