package simulate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/sign"
)

// orders are the actions that a host was given.
type orders struct {
	mu      sync.Mutex
	begun   map[string]bool // ids: each is begun once
	have    []string        // ids that the server has not been told that the host has
	reports [][]byte        // signed results that the server has not acknowledged
}

// naming are the ids to tell the server, and what to call when it has been told.
func (o *orders) naming() (ids []string, told func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids = slices.Clone(o.have)
	return ids, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.have = slices.DeleteFunc(o.have, func(id string) bool { return slices.Contains(ids, id) })
	}
}

// reporting are results to send, and what to call when the server has kept them.
func (o *orders) reporting() (reports [][]byte, kept func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	reports = slices.Clone(o.reports[:min(len(o.reports), api.MaxReports)])
	return reports, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.reports = o.reports[len(reports):]
	}
}

// unsaid reports whether there are results that the server has not kept.
func (o *orders) unsaid() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.reports) > 0
}

// first notes an action; it reports false for one that the host has been given before.
func (o *orders) first(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.have = append(o.have, id)
	if o.begun[id] {
		return false
	}
	if o.begun == nil {
		o.begun = map[string]bool{}
	}
	o.begun[id] = true
	return true
}

// opened are the messages whose signatures were verified: once for all hosts, because
// it is the same message for all. What differs each host verifies.
type opened struct {
	trust sign.Trust
	mu    sync.Mutex
	by    map[[sha256.Size]byte]func() (*action.Message, error)
}

func newOpened(anchors string) (*opened, error) {
	certs, err := sign.ParseCerts([]byte(anchors))
	if anchors == "" {
		err = nil
	}
	return &opened{trust: sign.Trust{Anchors: certs}, by: map[[sha256.Size]byte]func() (*action.Message, error){}}, err
}

func (o *opened) open(der []byte) (*action.Message, error) {
	sum := sha256.Sum256(der)
	o.mu.Lock()
	f := o.by[sum]
	if f == nil {
		f = sync.OnceValues(func() (*action.Message, error) { return action.Open(der, &o.trust, time.Now()) })
		o.by[sum] = f
	}
	o.mu.Unlock()
	return f()
}

// take has the host do what it was given, as far as it believes it. The server hears
// of it at answer, or when it is over.
func (h *host) take(ctx context.Context, given []api.Order, answer time.Time) {
	for _, o := range given {
		if !h.orders.first(o.ID) {
			continue
		}
		m, err := h.fleet.opened.open(o.Message)
		var p action.Proof
		if o.Proof != nil {
			p = action.Proof(*o.Proof)
		}
		if err == nil {
			err = m.Admit(p, action.Host{ID: h.id, Server: h.fleet.wire.server.ID, Trust: &h.fleet.opened.trust, Now: time.Now()})
		}
		switch {
		case err == nil:
			h.begin(ctx, m, answer)
		case errors.Is(err, action.ErrEarly):
			time.AfterFunc(time.Until(time.Unix(m.Action.NotBefore, 0)), func() { h.begin(ctx, m, answer) })
		case errors.Is(err, action.ErrExpired):
			h.report(ctx, action.Result{Action: m.Action.ID, SHA256: m.SHA256, State: action.Expired})
		default:
			h.report(ctx, action.Result{Action: o.ID, SHA256: action.Sum(o.Message), State: action.Refused, Text: err.Error()})
		}
	}
}

// begin is the beginning of an action that takes a while.
func (h *host) begin(ctx context.Context, m *action.Message, answer time.Time) {
	now := time.Now()
	h.fleet.stats.add("begin", h.fleet.begun.after(m.Action.ID, now), nil)
	if h.fleet.Begun != nil {
		h.fleet.Begun(m.Action.ID, now)
	}
	ended := now.Add(time.Duration(rand.ExpFloat64() * float64(h.fleet.Takes)))
	r := action.Result{Action: m.Action.ID, SHA256: m.SHA256, Begun: now.Unix(), Ended: ended.Unix(), State: action.Done, Text: "simulated\n"}
	if rand.Float64() < h.fleet.Failing {
		r.State, r.Text = action.Failed, "the installer ended with exit code 1603\n"
	}
	tell := ended
	if answer.After(ended) {
		tell = answer
	}
	time.AfterFunc(time.Until(tell), func() { h.report(ctx, r) })
}

// report signs a result and has the host check in with it.
func (h *host) report(ctx context.Context, r action.Result) {
	r.Type, r.Host = action.ResultType, h.id
	der, err := h.signed(ctx, &r)
	if err != nil {
		if ctx.Err() == nil {
			h.fleet.stats.add("report", 0, err)
			time.AfterFunc(hurry, func() { h.report(ctx, r) })
		}
		return
	}
	h.orders.mu.Lock()
	h.orders.reports = append(h.orders.reports, der)
	h.orders.mu.Unlock()
	now := time.Now()
	h.fleet.due.add(visit{host: h, due: now, at: now, more: true})
}

func (h *host) signed(ctx context.Context, r *action.Result) ([]byte, error) {
	id, err := h.identity(ctx)
	if err != nil {
		return nil, err
	}
	return r.Sign(time.Now(), id)
}

// identity is the host's key with its certificate. A host of an earlier run asks for
// the certificate again.
func (h *host) identity(ctx context.Context) (*sign.Identity, error) {
	h.certified.Lock()
	defer h.certified.Unlock()
	if h.certificate == "" {
		body, err := json.Marshal(api.Renew{})
		if err != nil {
			return nil, err
		}
		var out api.Enrolled
		err = again(ctx, func() error {
			return h.call(ctx, call{name: "renew", method: http.MethodPost, path: api.RouteRenew, kind: "application/json", body: body, due: time.Now()}, &out)
		})
		if err != nil {
			return nil, err
		}
		h.certificate = out.Certificate
	}
	chain, err := sign.ParseCerts([]byte(h.certificate))
	if err == nil && len(chain) == 0 {
		err = muster.Errorf(muster.Invalid, "the server gave host %q no certificate", h.id)
	}
	return &sign.Identity{Key: h.key, Chain: chain}, err
}

// firsts is when something was seen first.
type firsts struct {
	mu sync.Mutex
	at map[string]time.Time
}

// after is how long after the first time name is seen now.
func (f *firsts) after(name string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, ok := f.at[name]
	if !ok {
		if f.at == nil {
			f.at = map[string]time.Time{}
		}
		f.at[name], first = now, now
	}
	return now.Sub(first)
}
