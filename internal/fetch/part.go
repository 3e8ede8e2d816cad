package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"muster"
)

// A part is a file of the cache that is not complete yet. Beside it lie a note
// of where its bytes came from, and a lock against other processes.
type part struct {
	client *Client
	blob   Blob
	path   string
	lock   *flock.Flock
}

// origin is the note. A lost or damaged one costs nothing but the transfer.
type origin struct {
	Base       string     `json:"base"`
	Validators Validators `json:"validators"`
}

func (c *Client) cachePath(sha256 string) string { return filepath.Join(c.Cache, sha256) }

// lockPart waits for other processes that fetch the same.
func (c *Client) lockPart(ctx context.Context, b Blob) (*part, error) {
	if err := c.Disk.MkdirAll(c.Cache, 0o755); err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot make the cache folder: %w", err)
	}
	p := &part{client: c, blob: b, path: c.cachePath(b.SHA256) + ".part"}
	p.lock = flock.New(p.path + ".lock")
	if _, err := p.lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot lock %q in the cache: %w", b.Name, err)
	}
	return p, nil
}

// close gives the lock up. Another process may hold the file that is removed
// here while a third makes a new one: both then write the same bytes, or the
// hash refuses them.
func (p *part) close() {
	os.Remove(p.path + ".lock")
	p.lock.Unlock()
}

func (p *part) size() int64 {
	info, err := os.Stat(p.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (p *part) drop() {
	os.Remove(p.path)
	os.Remove(p.path + ".json")
}

// origin reads the note; the zero value where there is none.
func (p *part) origin() (o origin) {
	if data, err := os.ReadFile(p.path + ".json"); err == nil && len(data) < 4096 {
		if json.Unmarshal(data, &o) != nil {
			return origin{}
		}
	}
	return o
}

func (p *part) setOrigin(o origin) {
	if data, err := json.Marshal(o); err == nil {
		os.WriteFile(p.path+".json", data, 0o644)
	}
}

// transfer brings the rest of the part from one base and verifies the whole.
//
// Bytes from the same base go on only if its validator still holds; from
// another base they go on without, because the hash decides in the end.
func (c *Client) transfer(ctx context.Context, base string, src source, p *part) error {
	offset := p.size()
	if offset > p.blob.Size {
		p.drop()
		offset = 0
	}
	if offset == p.blob.Size && offset > 0 {
		return p.verify(base)
	}
	r := request{name: p.blob.Name, offset: offset, elsewhere: true}
	if o := p.origin(); o.Base == base {
		r.ifRange = o.Validators.strong()
	}
	w := c.watch(ctx, p.blob.Size-offset)
	defer w.end()
	a, err := src.open(w.ctx, r)
	if err != nil {
		return err
	}
	defer a.Close()
	if a.total >= 0 && a.total != p.blob.Size {
		return wrong(muster.Unavailable, a.url, "the server has %d bytes, not %d", a.total, p.blob.Size)
	}
	p.setOrigin(origin{base, a.validators})
	return p.receive(c.meter(w, a, p.blob.Name, p.blob.Size), a)
}

// receive appends what in brings to the part, from the offset of a on.
func (p *part) receive(in io.Reader, a *answer) error {
	f, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer f.Close()
	if err := f.Truncate(a.offset); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil { // leaves the file at its end
		return muster.WithKind(muster.Unavailable, err)
	}
	_, err = io.Copy(io.MultiWriter(f, h), in)
	if errors.Is(err, errTooLong) {
		p.drop()
		return wrong(muster.Unavailable, a.url, "more than %d bytes", p.blob.Size)
	}
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if n, err := f.Seek(0, io.SeekCurrent); err != nil || n < p.blob.Size {
		return wrong(muster.Unavailable, a.url, "the answer ends after %d of %d bytes", n, p.blob.Size)
	}
	if err := p.match(a.url, h); err != nil {
		return err
	}
	return muster.WithKind(muster.Unavailable, f.Sync())
}

// verify checks a part that is complete already.
func (p *part) verify(url string) error {
	f, err := os.OpenFile(p.path, os.O_RDWR, 0)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if err := p.match(url, h); err != nil {
		return err
	}
	return muster.WithKind(muster.Unavailable, f.Sync())
}

func (p *part) match(url string, h hash.Hash) error {
	if sum := hex.EncodeToString(h.Sum(nil)); sum != p.blob.SHA256 {
		return muster.WithKind(muster.Denied, &Mismatch{url, p.blob.SHA256, sum})
	}
	return nil
}

// finish gives the part, synced and verified, its name in the cache.
func (p *part) finish() (string, error) {
	c, path := p.client, p.client.cachePath(p.blob.SHA256)
	if err := c.Disk.Rename(p.path, path); err != nil {
		return "", muster.WithKind(muster.Unavailable, err)
	}
	os.Remove(p.path + ".json")
	if err := c.Disk.SyncDir(c.Cache); err != nil {
		return "", muster.WithKind(muster.Unavailable, err)
	}
	return path, nil
}

func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
