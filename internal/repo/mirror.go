package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/index"
	"muster/internal/durable"
	"muster/internal/fetch"
	"muster/sign"
)

// A Mirror copies a repository into a folder, from which others read it: nearer to them,
// or on the other side of a border. It has no key. The head is believed as a host
// believes it, and never goes back; what it names is held to its hashes; who signed
// packages is for their readers to verify.
//
// Files appear in the order of a publication, the head last: until then readers have the
// publication before, whole. A copy that broke off goes on where it stopped, and files
// that are there are not fetched again.
type Mirror struct {
	Source string // a folder or a URL
	Dir    string
	// Trust is that of a reader. nil takes the chain of trust at its own word, the first
	// time: from then on it has to be the same one.
	Trust *sign.Trust
	// Fetch says how; its cache is not used.
	Fetch *fetch.Client
	// Only are patterns of path.Match for the names of packages that are copied; none:
	// all. Those of hosts and units are copied in any case. A reader that wants another
	// one asks the next mirror.
	Only []string
	// Whole has the hashes of files that are there compared too, not only their sizes.
	Whole bool
	// Begin is told, once, what is not there yet.
	Begin func(files int, bytes int64)
	Disk  *durable.Disk
	Now   func() time.Time
}

// A Copied is what a copy did.
type Copied struct {
	ID      string
	Serial  int64
	News    bool // the mirror had another head before
	Files   int  // that were fetched
	Bytes   int64
	Skipped int // packages that were not chosen
	Removed []string
}

// besideName is the folder in a mirror where it keeps what it knows of its source, and
// files that are not complete. No reader looks there.
const besideName = ".mirror"

// atOnce is how many files are fetched at a time.
const atOnce = 6

// Copy brings the mirror up to its source. The error is of kind muster.Busy while
// another process changes the folder, and muster.Conflict where it is no mirror.
func (m *Mirror) Copy(ctx context.Context) (*Copied, error) {
	p := &Publisher{Dir: m.Dir, Disk: m.Disk, Now: m.now()}
	if err := m.check(p); err != nil {
		return nil, err
	}
	done, err := m.locked(ctx, p)
	if err != nil || !done.News {
		return done, err
	}
	done.Removed, err = p.sweep(Grace)
	return done, err
}

func (m *Mirror) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// check refuses a folder that somebody publishes to, and makes one that is not there.
func (m *Mirror) check(p *Publisher) error {
	for _, pattern := range m.Only {
		if _, err := path.Match(pattern, ""); err != nil {
			return muster.Errorf(muster.Invalid, "%q is no pattern of names", pattern)
		}
	}
	there, err := exists(p.path(headName))
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	mirror, err := exists(p.path(besideName))
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if there && !mirror {
		return muster.WithHint(muster.Errorf(muster.Conflict, "%q is a repository that is published to, and no mirror", m.Dir), "name a folder of its own")
	}
	return muster.WithKind(muster.Unavailable, m.Disk.MkdirAll(p.path(besideName), 0o755))
}

func exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// locked copies while no other process does.
func (m *Mirror) locked(ctx context.Context, p *Publisher) (*Copied, error) {
	unlock, err := p.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := m.client(ctx, p)
	if err != nil {
		return nil, err
	}
	if _, err := c.Update(ctx); err != nil {
		return nil, err
	}
	k := c.load()
	before, _ := readFile(p.path(headName), index.MaxHead) // none: the first copy, or a damaged one
	x := &copying{Mirror: m, p: p, c: c, head: k.head}
	done := &Copied{ID: k.id, Serial: k.head.Serial, News: string(before) != string(k.headFile)}
	received := c.Fetch.Received()
	done.Skipped, err = x.all(ctx, before)
	done.Files, done.Bytes = int(x.files.Load()), c.Fetch.Received()-received
	if err == nil && done.News {
		err = x.publish(k.headFile)
	}
	if err == nil {
		_, err = c.Fetch.Clean(0) // what broke off and is listed no more
	}
	return done, err
}

// publish puts the head in place. What it lists no more stays a while for readers of the
// head before, from now on.
func (x *copying) publish(head []byte) error {
	if old, err := x.p.load(); err == nil { // else there was none, or none that could be read
		was, err := old.needed(nil)
		if err != nil {
			return err
		}
		is, err := (&contents{head: x.head, index: x.list, bins: newBins(x.head.Bins, x.p.readBin)}).needed(nil)
		if err != nil {
			return err
		}
		maps.DeleteFunc(was, func(name string, _ bool) bool { return is[name] })
		if err := x.p.retire(slices.Collect(maps.Keys(was))); err != nil {
			return err
		}
	}
	return x.p.writeDated(headName, head, x.head.Serial)
}

// client follows the source, as far as the mirror has come.
func (m *Mirror) client(ctx context.Context, p *Publisher) (*Client, error) {
	base := m.Source
	if !strings.Contains(base, "://") {
		var err error
		if base, err = filepath.Abs(base); err != nil {
			return nil, err
		}
	}
	f := m.Fetch
	if f == nil {
		f = &fetch.Client{}
	}
	state := p.path(besideName)
	c := &Client{Bases: []string{base}, State: state, Fetch: f.WithCache(filepath.Join(state, "cache")), Trust: m.Trust, Disk: m.Disk, Now: m.Now}
	c.Fetch.Disk = m.Disk
	// A mirror is of one repository, wherever that is found.
	if known, _ := os.ReadDir(filepath.Join(state, "repos")); len(known) == 1 && index.CheckID(known[0].Name()) == nil {
		c.ID = known[0].Name()
	}
	if c.Trust != nil {
		return c, nil
	}
	link, err := readFile(filepath.Join(c.trustDir(c.ID), "1.p7m"), index.MaxLink)
	if c.ID == "" || err != nil {
		s, err := c.Fetch.GetSmall(ctx, base, linkName(1), index.MaxLink, fetch.Validators{})
		if err != nil {
			return nil, err
		}
		link = s.Data
	}
	c.Trust, err = index.Founders(link)
	return c, err
}

// A copying is one copy, of what a head names.
type copying struct {
	*Mirror
	p     *Publisher
	c     *Client
	head  *index.Head
	list  *index.Index
	files atomic.Int64
}

// all brings every file but the head, and returns how many packages were not chosen.
func (x *copying) all(ctx context.Context, before []byte) (skipped int, err error) {
	if err := x.bring(ctx, []fetch.Blob{{Name: hashName(x.head.Index), Size: x.head.Index.Compressed.Size, SHA256: x.head.Index.Compressed.SHA256}}); err != nil {
		return 0, err
	}
	if x.list, err = x.p.readIndex(x.head.Index); err != nil {
		return 0, err
	}
	binned, err := x.bins(ctx, x.head.Bins)
	if err != nil {
		return 0, err
	}
	chosen := slices.DeleteFunc(slices.Clone(x.list.Entries()), func(e *index.Entry) bool { return !x.chosen(e) })
	skipped = x.list.Len() - len(chosen)
	if err := x.packages(ctx, append(chosen, binned...)); err != nil {
		return skipped, err
	}
	for n, link := range x.c.load().links {
		if err := x.small(linkName(n+1), link); err != nil {
			return skipped, err
		}
	}
	if err := x.changes(ctx, before); err != nil {
		return skipped, err
	}
	if text := x.list.Print(); !x.p.isPlain(text) {
		err = x.p.writeDated(indexName, text, x.head.Serial)
	}
	return skipped, err
}

func (x *copying) chosen(e *index.Entry) bool {
	return len(x.Only) == 0 || slices.ContainsFunc(x.Only, func(pattern string) bool {
		ok, err := path.Match(pattern, e.Name)
		return ok && err == nil
	})
}

// packages brings packages, and their icons.
func (x *copying) packages(ctx context.Context, all []*index.Entry) error {
	icons := map[string]bool{}
	var missing []fetch.Blob
	var bytes int64
	for _, e := range all {
		if e.Icon != "" {
			icons[e.Icon] = true
		}
		if b := (fetch.Blob{Name: e.Filename, Size: e.Size, SHA256: e.SHA256}); !x.has(b) {
			missing, bytes = append(missing, b), bytes+e.Size
		}
	}
	if x.Begin != nil {
		x.Begin(len(missing), bytes)
	}
	if err := x.bring(ctx, missing); err != nil {
		return err
	}
	for sum := range icons {
		if err := x.icon(ctx, sum); err != nil {
			return err
		}
	}
	return nil
}

// bins brings tables and bins, a digit after the other, and returns what they list.
func (x *copying) bins(ctx context.Context, level []index.Bin) (entries []*index.Entry, err error) {
	read := newBins(nil, func(b *index.Bin) ([]byte, error) { return readFile(x.p.path(binName(b)), b.Size) })
	for len(level) > 0 {
		var files []fetch.Blob
		for i := range level {
			files = append(files, fetch.Blob{Name: binName(&level[i]), Size: level[i].Size, SHA256: level[i].SHA256})
		}
		if err := x.bring(ctx, files); err != nil {
			return nil, err
		}
		var below []index.Bin
		for i := range level {
			b := &level[i]
			if !b.IsBin() {
				list, err := read.below(b)
				if err != nil {
					return nil, err
				}
				below = append(below, list...)
				continue
			}
			list, err := read.openBin(b)
			if err != nil {
				return nil, err
			}
			entries = append(entries, list.Entries()...)
		}
		level = below
	}
	return entries, nil
}

// bring fetches files that are named with their hashes, those that are not there, some
// at a time.
func (x *copying) bring(ctx context.Context, all []fetch.Blob) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, b := range all {
		g.Go(func() error {
			if ctx.Err() != nil || x.has(b) {
				return ctx.Err()
			}
			file, err := x.c.Fetch.Get(ctx, x.c.bases(x.c.load()), b)
			if err != nil {
				return err
			}
			x.files.Add(1)
			return x.move(file, b.Name)
		})
	}
	return g.Wait()
}

// has reports whether a file is there. Files come under their names when they are whole,
// and are never written to: what a disk has done to them since, Whole finds.
func (x *copying) has(b fetch.Blob) bool {
	info, err := os.Lstat(x.p.path(b.Name))
	if err != nil || !info.Mode().IsRegular() || info.Size() != b.Size {
		return false
	}
	if !x.Whole {
		return true
	}
	f, err := os.Open(x.p.path(b.Name))
	if err != nil {
		return false
	}
	defer f.Close()
	sum, err := sumOf(f)
	return err == nil && sum == b.SHA256
}

// move puts a whole file under its name. It was synced when it was complete.
func (x *copying) move(file, name string) error {
	err := x.p.mkdir(path.Dir(name))
	if err == nil {
		err = x.Disk.Chmod(file, 0o644)
	}
	if err == nil {
		err = x.Disk.Rename(file, x.p.path(name))
	}
	if err == nil {
		err = x.Disk.SyncDir(x.p.path(path.Dir(name)))
	}
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot write %q: %w", x.p.path(name), err)
	}
	return nil
}

// small writes a file that was verified, unless it is there.
func (x *copying) small(name string, data []byte) error {
	if have, err := readFile(x.p.path(name), int64(len(data))); err == nil && string(have) == string(data) {
		return nil
	}
	x.files.Add(1)
	return x.p.write(name, data)
}

func (x *copying) icon(ctx context.Context, sum string) error {
	name := index.IconName(sum)
	if there, err := exists(x.p.path(name)); there && err == nil && !x.Whole {
		return nil
	}
	data, err := x.c.Icon(ctx, sum)
	if err != nil {
		return err
	}
	return x.small(name, data)
}

// changes brings those that lead to the new index from the one that the mirror had, and
// from those before it. They only save readers bytes: what cannot be had is left out.
func (x *copying) changes(ctx context.Context, before []byte) error {
	old, err := index.InspectHead(before)
	if err != nil || old.Index.Serial == x.head.Index.Serial {
		return nil
	}
	to := x.head.Index.Serial
	for _, from := range append(x.p.changesTo(old.Index.Serial), old.Index.Serial) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := changesName(from, to)
		if there, _ := exists(x.p.path(name)); there {
			continue
		}
		s, err := x.c.Fetch.GetSmall(ctx, x.c.Bases[0], name, x.head.Index.Compressed.Size, fetch.Validators{})
		if err != nil || x.checkChanges(s.Data, from, to) != nil {
			continue
		}
		if err := x.small(name, s.Data); err != nil {
			return err
		}
	}
	return nil
}

// checkChanges refuses those that lead elsewhere.
func (x *copying) checkChanges(data []byte, from, to int64) error {
	raw, err := decompress(data, x.head.Index.Raw.Size+4096)
	if err != nil {
		return err
	}
	ch, err := index.ParseChanges(string(raw))
	if err != nil {
		return err
	}
	if ch.From != from || ch.To != to || ch.ToSHA256 != x.head.Index.Raw.SHA256 {
		return fmt.Errorf("they lead to another index")
	}
	return nil
}
