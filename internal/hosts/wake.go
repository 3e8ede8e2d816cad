package hosts

import (
	"context"

	"muster/internal/db"
)

// wish is the number that a host compares: it grows when somebody wants the host,
// or all hosts, to look for news. The caller holds mu.
func (h *Hosts) wish(e *entry) int64 { return e.wake + h.wakeAll }

// tell wakes those that wait for a wish. The caller holds mu.
func (e *entry) tell() {
	if e.wished != nil {
		close(e.wished)
		e.wished = nil
	}
}

// Wait waits until the number of the newest wish for the caller is another than
// since, or ctx ends, and returns it. While it waits, the host is online.
func (h *Hosts) Wait(ctx context.Context, c *Caller, since int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.e.held++
	defer func() { c.e.held-- }()
	for h.wish(c.e) == since && h.byID[c.id] == c.e && ctx.Err() == nil {
		if c.e.wished == nil {
			c.e.wished = make(chan struct{})
		}
		wished := c.e.wished
		h.mu.Unlock()
		select {
		case <-wished:
		case <-ctx.Done():
		}
		h.mu.Lock()
	}
	return h.wish(c.e)
}

// WakeAll has all hosts look for news, such as a package that was published.
func (h *Hosts) WakeAll(ctx context.Context) error {
	return h.write(ctx, func(tx *db.Tx) error {
		if _, err := next(tx, "wake", 1); err != nil {
			return err
		}
		_, err := next(tx, "change", 1)
		return err
	})
}
