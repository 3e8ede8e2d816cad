package repo

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"muster"
	"muster/index"
	"muster/internal/durable"
	"muster/internal/fetch"
	"muster/pkgfile"
	"muster/sign"
	"muster/version"
)

// A Client follows one repository from a host. Fields are set before the first
// call. Methods are called by one goroutine at a time, under the lock of the
// root whose state it is.
type Client struct {
	// Bases are where the repository is, the preferred first. Mirrors that
	// its head names come behind them.
	Bases []string
	// ID is the repository that is meant. "" takes the one that the first base
	// had at first, and insists on it from then on.
	ID string
	// State is the folder in which repos/<id>/ and trust/<id>/ are kept.
	State string
	// Trust is what the root was given; the chain of trust starts there.
	Trust *sign.Trust
	Fetch *fetch.Client
	Disk  *durable.Disk
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	names    []string // see SetNames
	allNames bool     // every bin, for who visits once: see Checker
	kept     *kept
}

// A Result is what an update found.
type Result struct {
	ID       string
	Base     string // which answered
	Serial   int64
	News     bool // what it lists for this client differs from before
	Lagging  bool // the only mirrors that answered have an older head than the one kept
	Stale    bool // the newest head known has expired: nothing new may be installed from here
	Expires  time.Time
	Bytes    int64 // of content that were fetched
	Failures int   // updates in a row that failed, this one included; an alarm from 3 on
}

func (c *Client) clock() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// now is the time, not before the newest head that was accepted.
func (c *Client) now(k *kept) time.Time {
	if k.head == nil {
		return sign.Floor(c.clock())
	}
	return sign.Floor(c.clock(), time.Unix(k.head.Date, 0))
}

// load reads what is kept, once.
func (c *Client) load() *kept {
	if c.kept == nil {
		c.kept = c.read()
	}
	return c.kept
}

// bases is where to ask, in order.
func (c *Client) bases(k *kept) []string {
	all := slices.Clone(c.Bases)
	if k.head != nil {
		for _, m := range k.head.Mirrors {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

// Index is what the newest head that was accepted lists, from the disk: the
// packages of hosts and units by the names that were set ([Client.SetNames]), then
// the index.
func (c *Client) Index() (*index.Index, error) {
	k := c.load()
	if k.head == nil {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "nothing is known of the repository at %q", first(c.Bases)),
			"run 'muster update'")
	}
	if k.both != nil {
		return k.both, nil
	}
	x, err := k.openIndex(c)
	if err != nil {
		return nil, err
	}
	binned, err := c.binned(c.ownBins(k))
	if err != nil {
		return nil, err
	}
	k.both = x.With(binned)
	return k.both, nil
}

// Head is the newest head that was accepted, nil before the first update.
func (c *Client) Head() *index.Head { return c.load().head }

// Fresh reports that the repository is stale with an error of kind
// muster.Stale: nothing new may come from it, everything else goes on.
func (c *Client) Fresh() error {
	k := c.load()
	if k.head == nil {
		_, err := c.Index()
		return err
	}
	return k.head.Fresh(c.now(k))
}

// Chain is whom the repository's chain of trust leaves to believe, and what it
// revokes; nil before the first update.
func (c *Client) Chain() *index.State { return c.load().state }

// Usable reports why the package e of the index may not be installed, as far
// as the index tells: it or all its signers are revoked, or it is below the
// minimum version. Planning then looks for another one. What the index hides
// is found by [Client.Open].
func (c *Client) Usable(e *index.Entry) error {
	k := c.load()
	if k.state != nil {
		if err := k.state.CheckRevoked(e); err != nil {
			return err
		}
	}
	if k.head != nil {
		if lowest, ok := k.head.MinVersions[e.Name]; ok && version.Compare(e.Version, lowest) < 0 {
			return muster.Errorf(muster.Denied, "%s is below %s, the lowest version that repository %q allows", e, lowest, k.head.Repository)
		}
	}
	return nil
}

// A File is a verified package in the cache. The same open file that was
// verified is read from.
type File struct {
	*pkgfile.Package
	Path       string
	Signatures []sign.Signature
	file       *os.File
}

// Close closes the file; it stays in the cache.
func (f *File) Close() error { return f.file.Close() }

// Open fetches the package e of the index into the cache, unless it is there,
// and verifies it: signed by who may, not revoked, and what the index says.
// The caller closes the File.
func (c *Client) Open(ctx context.Context, e *index.Entry) (*File, error) {
	k := c.load()
	if k.state == nil || k.head == nil {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "nothing is known of the repository of %s", e), "run 'muster update'")
	}
	if err := c.Usable(e); err != nil {
		return nil, err
	}
	path, err := c.Fetch.Get(ctx, c.bases(k), fetch.Blob{Name: e.Filename, Size: e.Size, SHA256: e.SHA256})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	file := &File{Path: path, file: f}
	if err := c.verify(k, file, e); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot use %s of repository %q: %w", e, k.head.Repository, err)
	}
	return file, nil
}

// verify holds an open file to the trust after the chain and to its entry. A
// signer who has expired stays good while a current head lists the package.
func (c *Client) verify(k *kept, f *File, e *index.Entry) (err error) {
	if f.Package, err = pkgfile.Open(f.file, e.Size); err != nil {
		return err
	}
	now := c.now(k)
	policy := sign.Policy{Now: now, Listed: k.head.Fresh(now) == nil}
	if f.Signatures, err = f.Package.Verify(k.state.Trust(), policy); err != nil {
		return err
	}
	if err := k.state.CheckPackage(&f.Manifest.Control, f.ManifestSHA256(), f.Signatures); err != nil {
		return err
	}
	return e.Matches(f.Package)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
