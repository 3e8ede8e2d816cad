package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"muster"
)

// A watch ends one attempt that stalls, takes too long, or has slowed down so
// much that it would: the deadline of a large file may be a day away.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
	timer  *time.Timer  // fires when nothing came for stall
	limit  *time.Timer  // fires at the deadline
	came   atomic.Int64 // bytes since pace was looked at
}

// watch starts an attempt that may bring size bytes.
func (c *Client) watch(ctx context.Context, size int64) *watch {
	w := &watch{stall: c.stall()}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	room := c.grace() + time.Duration(float64(size)/float64(c.minRate())*float64(time.Second))
	w.timer = time.AfterFunc(w.stall, func() { w.cancel(fmt.Errorf("nothing came for %v", w.stall)) })
	w.limit = time.AfterFunc(room, func() { w.cancel(tooSlow(c.minRate())) })
	go w.keepPace(2*w.stall, c.minRate())
	return w
}

func tooSlow(rate int64) error { return fmt.Errorf("slower than %d bytes a second", rate) }

// keepPace wants rate bytes a second in each window of time.
func (w *watch) keepPace(window time.Duration, rate int64) {
	need := int64(window.Seconds() * float64(rate))
	tick := time.NewTicker(window)
	defer tick.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
			if w.came.Swap(0) < need {
				w.cancel(tooSlow(rate))
				return
			}
		}
	}
}

func (w *watch) alive() { w.timer.Reset(w.stall) }

func (w *watch) end() {
	w.timer.Stop()
	w.limit.Stop()
	w.cancel(nil)
}

// A meter reads an answer: it counts, holds to the rate limit, keeps the watch
// quiet and reports progress. It never reads more than max bytes and one.
type meter struct {
	client   *Client
	watch    *watch
	answer   *answer
	progress Progress
	left     int64 // until there is one byte too many
}

// errTooLong is for content larger than what was announced.
var errTooLong = errors.New("the answer is larger than announced")

func (c *Client) meter(w *watch, a *answer, name string, max int64) *meter {
	return &meter{c, w, a, Progress{name, a.offset, a.total}, max - a.offset}
}

func (m *meter) Read(b []byte) (int, error) {
	if m.client.Limit != nil {
		b = b[:min(len(b), max(1, m.client.Limit.Burst()))]
	}
	if int64(len(b)) > m.left+1 {
		b = b[:m.left+1]
	}
	n, err := m.answer.Read(b)
	if n > 0 {
		m.count(n)
		if werr := m.wait(n); werr != nil {
			return n, werr
		}
	}
	if m.left < 0 {
		return n, errTooLong
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(m.watch.ctx); cause != nil {
			err = cause
		}
		err = wrong(muster.Unavailable, m.answer.url, "%w", err)
	}
	return n, err
}

func (m *meter) count(n int) {
	m.left -= int64(n)
	m.watch.came.Add(int64(n))
	m.client.received.Add(int64(n))
	m.progress.Done += int64(n)
	if m.client.Progress != nil {
		m.client.Progress(m.progress)
	}
}

// wait holds the reader back to the rate limit.
func (m *meter) wait(n int) error {
	m.watch.alive()
	if m.client.Limit == nil {
		return nil
	}
	if err := m.client.Limit.WaitN(m.watch.ctx, n); err != nil {
		if cause := context.Cause(m.watch.ctx); cause != nil {
			err = cause
		}
		return wrong(muster.Unavailable, m.answer.url, "%w", err)
	}
	m.watch.alive()
	return nil
}
