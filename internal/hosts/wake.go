package hosts

import (
	"context"

	"muster"
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

// maxHeld is how many connections of one host may wait: one that has broken without
// a word, and the next, and as many again.
const maxHeld = 4

// Hold has the caller wait for wishes until release, or says Busy. While it does,
// the host is online.
func (h *Hosts) Hold(c *Caller) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.e.held >= maxHeld {
		return nil, muster.Errorf(muster.Busy, "%d connections of host %q wait for news already", c.e.held, c.id)
	}
	c.e.held++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		c.e.held--
	}, nil
}

// Wait waits until the number of the newest wish for the caller is another than
// since, or ctx ends, and returns it. The caller holds.
func (h *Hosts) Wait(ctx context.Context, c *Caller, since int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
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
		if _, err := tx.Next("hosts_number", "wake", 1); err != nil {
			return err
		}
		_, err := tx.Next("hosts_number", "change", 1)
		return err
	})
}
