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
	if p.size() > p.blob.Size {
		p.drop()
	}
	// What is there is read before anybody is asked: that can take longer than
	// a server may be silent.
	w, err := p.open()
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer w.Close()
	if w.size == p.blob.Size && w.size > 0 {
		return p.complete(w, base)
	}
	return c.bring(ctx, base, src, p, w)
}

// bring asks one base for what is missing.
func (c *Client) bring(ctx context.Context, base string, src source, p *part, w *partWriter) error {
	r := request{name: p.blob.Name, offset: w.size, elsewhere: true}
	if o := p.origin(); o.Base == base {
		r.ifRange = o.Validators.strong()
	}
	watch := c.watch(ctx, p.blob.Size-w.size)
	defer watch.end()
	a, err := src.open(watch.ctx, r)
	if err != nil {
		return err
	}
	defer a.Close()
	if a.total >= 0 && a.total != p.blob.Size {
		return wrong(muster.Unavailable, a.url, "the server has %d bytes, not %d", a.total, p.blob.Size)
	}
	if a.offset != w.size {
		if err := w.restart(); err != nil { // it sends the whole
			return muster.WithKind(muster.Unavailable, err)
		}
	}
	p.setOrigin(origin{base, a.validators})
	_, err = io.Copy(w, c.meter(watch, a, p.blob.Name, p.blob.Size))
	if errors.Is(err, errTooLong) {
		p.drop()
		return wrong(muster.Unavailable, a.url, "more than %d bytes", p.blob.Size)
	}
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	return p.complete(w, a.url)
}

// complete verifies the whole, wherever its bytes came from, and makes it durable.
func (p *part) complete(w *partWriter, url string) error {
	if w.size < p.blob.Size {
		return wrong(muster.Unavailable, url, "the answer ends after %d of %d bytes", w.size, p.blob.Size)
	}
	if sum := hex.EncodeToString(w.hash.Sum(nil)); sum != p.blob.SHA256 {
		return muster.WithKind(muster.Denied, &Mismatch{url, p.blob.SHA256, sum})
	}
	return muster.WithKind(muster.Unavailable, w.file.Sync())
}

// A partWriter appends to a part. Its hash is that of the file from the start.
type partWriter struct {
	file *os.File
	hash hash.Hash
	size int64
}

func (p *part) open() (*partWriter, error) {
	f, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	w := &partWriter{file: f, hash: sha256.New()}
	if w.size, err = io.Copy(w.hash, f); err != nil { // leaves the file at its end
		f.Close()
		return nil, err
	}
	return w, nil
}

func (w *partWriter) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.hash.Write(b[:n])
	w.size += int64(n)
	return n, err
}

// restart forgets what is there.
func (w *partWriter) restart() error {
	w.hash.Reset()
	w.size = 0
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	_, err := w.file.Seek(0, io.SeekStart)
	return err
}

func (w *partWriter) Close() error { return w.file.Close() }

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
