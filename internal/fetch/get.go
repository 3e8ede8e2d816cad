package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"muster"
)

// tries is how often one base is asked again after it brought something.
const tries = 3

// A flight is a transfer that several callers wait for.
type flight struct {
	done chan struct{}
	path string
	err  error
}

// Get brings the file b from the first of bases that has it, and returns its
// path in the cache. The content has the size and hash of b. A transfer that
// broke off goes on where it stopped, from the same base or another one.
// Several calls for the same content share one transfer.
//
// When no base has it, the error names each and what happened there.
func (c *Client) Get(ctx context.Context, bases []string, b Blob) (string, error) {
	if err := b.check(c.Cache); err != nil {
		return "", err
	}
	c.mu.Lock()
	if f := c.flights[b.SHA256]; f != nil {
		c.mu.Unlock()
		return f.wait(ctx)
	}
	f := &flight{done: make(chan struct{})}
	if c.flights == nil {
		c.flights = map[string]*flight{}
	}
	c.flights[b.SHA256] = f
	c.mu.Unlock()

	f.path, f.err = c.get(ctx, bases, b)
	c.mu.Lock()
	delete(c.flights, b.SHA256)
	c.mu.Unlock()
	close(f.done)
	return f.path, f.err
}

func (f *flight) wait(ctx context.Context) (string, error) {
	select {
	case <-f.done:
		return f.path, f.err
	case <-ctx.Done():
		return "", muster.WithKind(muster.Unavailable, context.Cause(ctx))
	}
}

func (b *Blob) check(cache string) error {
	if len(b.SHA256) != 64 || strings.Trim(b.SHA256, "0123456789abcdef") != "" || b.Size < 0 {
		return muster.Errorf(muster.Invalid, "cannot fetch %q: no sha256, or a wrong size", b.Name)
	}
	if cache == "" {
		return muster.Errorf(muster.Internal, "cannot fetch %q: no cache folder is set", b.Name)
	}
	return checkName(b.Name)
}

// get looks into the cache, and asks one base after the other.
func (c *Client) get(ctx context.Context, bases []string, b Blob) (string, error) {
	if path, ok := c.Cached(b); ok {
		return path, nil
	}
	p, err := c.lockPart(ctx, b)
	if err != nil {
		return "", err
	}
	defer p.close()
	if path, ok := c.Cached(b); ok { // another process was quicker
		return path, nil
	}
	var errs []error
	for _, base := range bases {
		path, err := c.getFrom(ctx, base, p)
		if err == nil {
			return path, nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return "", failed(b, errs)
}

// getFrom asks one base, again while it brings something.
func (c *Client) getFrom(ctx context.Context, base string, p *part) (string, error) {
	src, err := c.source(base)
	if err != nil {
		return "", err
	}
	for range tries {
		before := p.size()
		resumed := before > 0
		if err = c.transfer(ctx, base, src, p); err == nil {
			return p.finish()
		}
		if ctx.Err() != nil {
			return "", err
		}
		var m *Mismatch
		if errors.As(err, &m) {
			p.drop()
			if !resumed {
				return "", err
			}
			continue // what was there already may be to blame
		}
		if p.size() <= before {
			return "", err
		}
	}
	return "", err
}

// failed makes one error of those of every base. What is refused for its
// content is no matter of the network, unless another base could not be asked.
func failed(b Blob, errs []error) error {
	if len(errs) == 0 {
		return muster.Errorf(muster.Unavailable, "cannot fetch %q: it is not in the cache, and there is no server to ask", b.Name)
	}
	if len(errs) == 1 {
		return errs[0]
	}
	kind := muster.KindOf(errs[0])
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
		if muster.KindOf(err) != kind {
			kind = muster.Unavailable
		}
	}
	return muster.WithKind(kind, &everywhere{fmt.Sprintf("cannot fetch %q from any of %d places: %s", b.Name, len(errs), strings.Join(texts, "; ")), errs})
}

type everywhere struct {
	text string
	errs []error
}

func (e *everywhere) Error() string   { return e.text }
func (e *everywhere) Unwrap() []error { return e.errs }

// Mismatch is content that is not what was asked for.
type Mismatch struct {
	URL       string
	Want, Got string // sha256
}

func (e *Mismatch) Error() string {
	return fmt.Sprintf("cannot fetch %q: the content has sha256 %.16s, not %.16s", e.URL, e.Got, e.Want)
}

// Cached returns the path of b where it is in the cache, whole and unchanged.
// A damaged file is removed.
func (c *Client) Cached(b Blob) (string, bool) {
	path := c.cachePath(b.SHA256)
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() == b.Size {
		if sum, err := hashOf(f); err == nil && sum == b.SHA256 {
			c.touch(path)
			return path, true
		}
	}
	c.Disk.Remove(path)
	return "", false
}
