package fetch

import (
	"context"
	"errors"
	"io"

	"muster"
)

// Small is what GetSmall brought.
type Small struct {
	Data        []byte
	Validators  Validators
	NotModified bool // what the caller has is still right; there is no Data
}

// GetSmall fetches at most max bytes whose content is not known. have is what
// an earlier call returned, for what the caller still holds; zero asks for the
// bytes in any case. Redirects to other hosts are refused.
//
// There is one attempt: the caller has other mirrors, or a later time.
func (c *Client) GetSmall(ctx context.Context, base, name string, max int64, have Validators) (*Small, error) {
	src, err := c.source(base)
	if err != nil {
		return nil, err
	}
	w := c.watch(ctx, max)
	defer w.end()
	a, err := src.open(w.ctx, request{name: name, have: have})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if a.notModified {
		return &Small{Validators: have, NotModified: true}, nil
	}
	if a.total > max {
		return nil, wrong(muster.Unavailable, a.url, "%d bytes, more than %d", a.total, max)
	}
	data, err := io.ReadAll(c.meter(w, a, name, max))
	if errors.Is(err, errTooLong) {
		err = wrong(muster.Unavailable, a.url, "more than %d bytes", max)
	}
	if err != nil {
		return nil, err
	}
	return &Small{Data: data, Validators: a.validators}, nil
}
