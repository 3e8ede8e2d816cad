package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/repo"
	"muster/sign"
)

// A depot is the repository that the server keeps. The server signs its heads,
// with a key that is good for nothing else; what stands in it others have signed.
type depot struct {
	folder   Folder
	cfg      *Depot
	index    *sign.Identity
	log      *slog.Logger
	believed func() (*sign.Trust, error)

	mu     sync.Mutex
	stamp  time.Time // of the head that is remembered
	size   int64
	failed time.Time // when it could not be read
	about  api.Repository
	struck map[string]bool // certificates that the chain of trust has revoked

	turn  sync.Mutex // to change the repository
	queue chan *upload
}

func newDepot(f Folder, cfg *Depot, index *sign.Identity, log *slog.Logger) *depot {
	return &depot{folder: f, cfg: cfg, index: index, log: log, queue: make(chan *upload, 256)}
}

func (d *depot) dir() string { return d.folder.path("repo") }

// publisher is the way to change the repository, with the trust of this moment.
func (d *depot) publisher() (*repo.Publisher, error) {
	trust, err := d.believed()
	if err != nil {
		return nil, err
	}
	return &repo.Publisher{Dir: d.dir(), Trust: trust, Signers: []*sign.Identity{d.index}, Expires: d.cfg.Expires.std(), Mirrors: d.cfg.Mirrors, Disk: d.folder.Disk}, nil
}

// info says how the repository is. What it read of a head it remembers: anybody
// may ask, and often.
func (d *depot) info() api.Repository {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	return d.about
}

// revoked are the certificates that the chain of trust has revoked.
func (d *depot) revoked() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	return d.struck
}

// retry is how long a repository that cannot be read is left alone.
const retry = 10 * time.Second

// refresh reads the head when it is another one. The caller holds mu.
func (d *depot) refresh() {
	index := string(sign.EncodeCerts(d.index.Leaf()))
	if d.about.Index == "" {
		d.about = api.Repository{Index: index, URL: d.url()}
	}
	info, err := os.Stat(d.folder.path("repo", "Packages.p7m"))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			d.log.Warn("cannot look at the repository", "error", err.Error())
		}
		return
	}
	if info.ModTime().Equal(d.stamp) && info.Size() == d.size || time.Since(d.failed) < retry {
		return
	}
	about, struck, err := d.read()
	if err != nil {
		d.log.Warn("cannot read the repository", "error", err.Error())
		d.failed = time.Now()
		return
	}
	about.Index, about.URL = index, d.url()
	d.about, d.struck, d.stamp, d.size = about, struck, info.ModTime(), info.Size()
}

func (d *depot) url() string {
	if d.cfg.URL != "" {
		return d.cfg.URL
	}
	return api.RouteRepo
}

// errNoRepository is what there is before an administrator has posted link 1.
func errNoRepository() error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "the server has no repository yet"),
		"run 'muster repo init URL' with the key of an administrator")
}

// read reads what the head and the chain of trust say.
func (d *depot) read() (about api.Repository, struck map[string]bool, err error) {
	file, err := os.ReadFile(d.folder.path("repo", "Packages.p7m"))
	if err != nil {
		return about, nil, err
	}
	head, err := index.InspectHead(file)
	if err != nil {
		return about, nil, err
	}
	var links [][]byte
	for n := 1; n <= head.Trust.Number; n++ {
		link, err := os.ReadFile(d.folder.path("repo", "trust", strconv.Itoa(n)+".p7m"))
		if err != nil {
			return about, nil, err
		}
		links = append(links, link)
	}
	about = api.Repository{ID: head.Repository, Serial: head.Serial, Expires: head.Expires, Link: head.Trust.Number}
	trust, err := d.believed()
	if err != nil {
		return about, nil, err
	}
	state, err := index.Follow(trust, head.Repository, links, sign.Floor(time.Now(), time.Unix(head.Date, 0)))
	if err != nil {
		return about, nil, err
	}
	return about, state.Revoked, nil
}

// change changes the repository, when it is this server's turn: others on the same
// folder, and people with the command line, are waited for.
func (d *depot) change(ctx context.Context, do func(*repo.Publisher) error) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	p, err := d.publisher()
	if err != nil {
		return err
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		if err = do(p); muster.KindOf(err) != muster.Busy {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// exists reports whether an administrator has set the repository up.
func (d *depot) exists() bool {
	_, err := os.Stat(d.folder.path("repo", "Packages.p7m"))
	return err == nil
}

// post takes a link of trust that an administrator has signed. The first one
// founds the repository: it has to let the server's key sign heads.
func (d *depot) post(ctx context.Context, link []byte) error {
	return d.change(ctx, func(p *repo.Publisher) error {
		if !d.exists() {
			return p.Adopt(link)
		}
		_, err := p.PostLink(link)
		return err
	})
}

// tend signs the head anew in time, until ctx ends.
func (d *depot) tend(ctx context.Context) {
	for {
		wait := time.Minute
		if d.exists() {
			var due time.Time
			err := d.change(ctx, func(p *repo.Publisher) (err error) {
				due, err = p.Tend()
				return err
			})
			if err != nil && ctx.Err() == nil {
				d.log.Warn("cannot sign the head of the repository anew", "error", err.Error())
			}
			if err == nil {
				wait = min(max(time.Until(due), time.Second), time.Hour)
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// sweep empties the folder of uploads: what was not published when the server
// stopped was not acknowledged.
func (d *depot) sweep() error {
	entries, err := os.ReadDir(d.folder.path("uploads"))
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	for _, e := range entries {
		if err := os.Remove(d.folder.path("uploads", e.Name())); err != nil {
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	return nil
}
