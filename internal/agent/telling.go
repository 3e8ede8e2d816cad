package agent

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"muster/action"
	"muster/api"
)

// A telling is what an action says while it runs: the end of it is kept for the
// result, and after a while the server hears that it has begun, and what it says as
// long as somebody there reads it.
type telling struct {
	a      *acting
	deed   *deed
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{}

	mu   sync.Mutex
	all  bytes.Buffer // the end of it
	news bytes.Buffer // that the server has not heard
	said int          // bytes that it heard
}

const (
	// unsaid is how long an action takes of which the server is told only the result.
	unsaid = 2 * time.Second
	// saying is the time between two pieces of text, and unread that until the server
	// is asked again whether somebody reads them.
	saying = time.Second
	unread = 30 * time.Second
	// maxPiece is what one request carries, in bytes, and maxTold what is kept.
	maxPiece = 16 << 10
	maxTold  = 4 * action.MaxText
)

// telling begins to tell.
func (a *acting) telling(ctx context.Context, d *deed) *telling {
	t := &telling{a: a, deed: d, over: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancel(ctx)
	go t.run()
	return t
}

// end has nothing more be sent.
func (t *telling) end() {
	t.cancel()
	<-t.over
}

// Write takes what the action says.
func (t *telling) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.Write(b)
	if n := t.all.Len(); n > 2*maxTold {
		t.all.Next(n - maxTold)
	}
	if t.said+t.news.Len()+len(b) <= api.MaxLog {
		t.news.Write(b)
	}
	return len(b), nil
}

// line takes one line.
func (t *telling) line(s string) {
	t.Write([]byte(strings.TrimRight(s, "\n") + "\n")) //nolint:errcheck // never fails
}

// text is the end of what was said.
func (t *telling) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.String()
}

// piece takes what is to be sent next.
func (t *telling) piece() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := bytes.Clone(t.news.Next(maxPiece))
	t.said += len(b)
	return b
}

func (t *telling) run() {
	defer close(t.over)
	if sleep(t.ctx, max(unsaid, time.Until(t.a.Answer))) != nil {
		return
	}
	t.begun()
	for t.ctx.Err() == nil {
		pause := saying
		if b := t.piece(); len(b) > 0 && !t.send(b) {
			pause = unread
		}
		if sleep(t.ctx, pause) != nil {
			return
		}
	}
}

// begun tells the server that the action has begun, once: it is no loss when that
// fails.
func (t *telling) begun() {
	d := t.deed
	report, err := t.a.sign(&action.Result{Action: d.ID, SHA256: d.SHA256, State: action.Started, Begun: d.Begun})
	if err == nil {
		_, err = t.a.send(t.ctx, []saidReport{{id: d.ID, der: report}})
	}
	if err != nil && t.ctx.Err() == nil {
		t.a.Log("cannot tell the server that action %s has begun: %v", d.ID, err)
	}
}

// send sends a piece, and reports whether somebody reads it.
func (t *telling) send(b []byte) bool {
	unlock, err := t.a.ledger.home.Lock()
	if err != nil {
		return false
	}
	defer unlock()
	if t.ctx.Err() != nil {
		return false
	}
	out, err := t.a.link.SendLog(t.ctx, t.deed.ID, b)
	return err == nil && out.Watched
}
