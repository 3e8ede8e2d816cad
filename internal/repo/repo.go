// Package repo keeps repositories and follows them. A repository is a folder
// that any web server can offer; docs/formats/repository.md specifies it.
//
//	Packages.p7m        the signed head, the only file that decides
//	Packages            the index in plain text, for people and other tools
//	by-hash/<sha256>    the index compressed, under the sha256 of the file
//	changes/<a>-<b>     what changed from the index of serial a to that of b
//	pool/<n>/<name>/    packages
//	hosts/by-hash/      small indexes of packages of hosts and units, and tables of these
//	hosts/<nn>/<name>/  packages of hosts and units
//	trust/<n>.p7m       the chain of trust
//
// Start with [Publisher] to make and change a repository, with [Client] to
// follow one from a host, with [Check] to prove that one is whole, and with
// [Handler] to serve one.
//
// Who publishes: files appear under their names in the order packages, by-hash,
// changes, Packages, head, each written aside, synced and renamed. Before the
// head is renamed the old publication is whole, because nothing that it names
// is ever changed; after it the new one is. A crash leaves at most files that
// nobody names, and the same command again completes.
//
// Who follows: a head is believed after the chain of trust, refused when older
// than the one before, and what it names is checked by size and hash. An
// expired head makes the repository stale, and changes nothing else.
package repo

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"muster"
	"muster/index"
	"muster/internal/durable"
	"muster/rollout"
	"muster/sign"
)

// The names of the files of a repository.
const (
	headName  = "Packages.p7m"
	indexName = "Packages"
	lockName  = ".lock"
)

func hashName(l index.List) string      { return "by-hash/" + l.Compressed.SHA256 }
func linkName(n int) string             { return fmt.Sprintf("trust/%d.p7m", n) }
func changesName(from, to int64) string { return fmt.Sprintf("changes/%d-%d", from, to) }

// DefaultExpires is how long a head lasts unless the publisher says otherwise.
const DefaultExpires = 14 * 24 * time.Hour

// A Publisher makes and changes the repository in the folder Dir. Fields are
// set before the first call; then several goroutines may use it, and take turns.
// One process at a time changes a repository: the others get an error of kind
// muster.Busy.
type Publisher struct {
	Dir string
	// Trust is whom link 1 of the chain of trust must be signed by, for a server
	// to which people bring links. nil takes the chain at its own word.
	Trust *sign.Trust
	// Signers sign the head: one, unless the repository's scopes want more.
	Signers []*sign.Identity
	// Now is the time of publication; zero is the clock's.
	Now time.Time
	// Expires is how long the head lasts; 0 is DefaultExpires.
	Expires time.Duration
	// Changes is from how many older indexes changes are kept; 0 is 30.
	Changes int
	// Force publishes a version older than one that is published.
	Force bool
	// Mirrors and MinVersions replace those in the head; nil keeps them.
	Mirrors     []string
	MinVersions map[string]string
	Disk        *durable.Disk

	turn sync.Mutex
}

func (p *Publisher) now() time.Time {
	if p.Now.IsZero() {
		return time.Now()
	}
	return p.Now
}

func (p *Publisher) path(name string) string {
	return filepath.Join(p.Dir, filepath.FromSlash(name))
}

// lock takes the repository for this process, and the turn of this goroutine.
func (p *Publisher) lock() (unlock func(), err error) {
	p.turn.Lock()
	l := flock.New(p.path(lockName))
	ok, err := l.TryLock()
	if err == nil && ok {
		return func() {
			l.Unlock()
			p.turn.Unlock()
		}, nil
	}
	p.turn.Unlock()
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot lock repository %q: %w", p.Dir, err)
	}
	return nil, muster.Errorf(muster.Busy, "repository %q is being changed by another process", p.Dir)
}

// contents is one publication.
type contents struct {
	head  *index.Head
	gates map[string]rollout.Gate // of the head, and as they will be
	index *index.Index
	bins  *bins
	links [][]byte // signed
	state *index.State
}

// load reads the publication that the head names.
func (p *Publisher) load() (*contents, error) {
	c, err := p.loadChain()
	if err != nil {
		return nil, err
	}
	c.bins = newBins(c.head.Bins, p.readBin)
	c.gates = map[string]rollout.Gate{}
	maps.Copy(c.gates, c.head.Gates)
	c.index, err = p.readIndex(c.head.Index)
	return c, err
}

// loadChain reads the head and the chain of trust.
func (p *Publisher) loadChain() (*contents, error) {
	file, err := readFile(p.path(headName), index.MaxHead)
	if os.IsNotExist(err) {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "%q is no repository: it has no %s", p.Dir, headName),
			"make one with 'muster repo init %s'", p.Dir)
	}
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read the head: %w", err)
	}
	c := &contents{}
	if c.head, err = index.InspectHead(file); err != nil {
		return nil, err
	}
	if c.links, err = p.readLinks(c.head.Trust.Number); err != nil {
		return nil, err
	}
	if c.state, err = p.follow(c.head.Repository, c.links); err != nil {
		return nil, err
	}
	c.head, err = c.state.OpenHead(file, sign.Policy{Now: p.clock(c.head), Listed: true})
	return c, err
}

// clock is the time for checking signatures: a clock that went back since the
// last publication must not make its own repository unreadable.
func (p *Publisher) clock(h *index.Head) time.Time {
	return sign.Floor(p.now(), time.Unix(h.Date, 0))
}

func (p *Publisher) readLinks(n int) ([][]byte, error) {
	links := make([][]byte, 0, n)
	for i := 1; i <= n; i++ {
		data, err := readFile(p.path(linkName(i)), index.MaxLink)
		if err != nil {
			return nil, muster.Errorf(muster.Unavailable, "cannot read link %d of trust: %w", i, err)
		}
		links = append(links, data)
	}
	return links, nil
}

// follow takes the chain at its own word unless it has a trust: whoever can write
// in the folder can replace the chain, but readers do not believe another one.
func (p *Publisher) follow(id string, links [][]byte) (*index.State, error) {
	local := p.Trust
	if local == nil {
		var err error
		if local, err = index.Founders(links[0]); err != nil {
			return nil, err
		}
	}
	return index.Follow(local, id, links, sign.Floor(p.now()))
}

// readIndex reads the compressed index: Packages may be that of a publication
// which was interrupted before its head.
func (p *Publisher) readIndex(l index.List) (*index.Index, error) {
	data, err := readFile(p.path(hashName(l)), l.Compressed.Size)
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read the index: %w", err)
	}
	return openIndex(l, data)
}

func (p *Publisher) readBin(b *index.Bin) ([]byte, error) {
	data, err := readFile(p.path(binName(b)), index.MaxBinFile)
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot read bin %q: %w", b.Prefix, err)
	}
	return data, nil
}

// readFile reads a file of at most max bytes.
func readFile(path string, max int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > max {
		return nil, fmt.Errorf("%q has %d bytes, more than %d", path, info.Size(), max)
	}
	return os.ReadFile(path)
}
