package relay

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
	"muster/sign"
)

const serverID = "5f0c6a0e-0000-4000-8000-000000000001"

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// People and hosts of all tests: keys take time to make.
type cast struct {
	authority, hostsCA, alice, bob, carol, mallory *sign.Identity
	hosts                                          []*sign.Identity
}

var everybody = sync.OnceValues(func() (*cast, error) {
	c := &cast{hosts: make([]*sign.Identity, 4)}
	type part struct {
		to    **sign.Identity
		name  string
		ca    **sign.Identity
		right []sign.Right
	}
	parts := []part{{&c.authority, "Authority", nil, nil}, {&c.hostsCA, "Hosts", nil, nil},
		{&c.alice, "alice", &c.authority, []sign.Right{sign.RightCode}}, {&c.bob, "bob", &c.authority, []sign.Right{sign.RightDeploy}},
		{&c.carol, "carol", &c.authority, []sign.Right{sign.RightCode, sign.RightDeploy}},
		{&c.mallory, "mallory", &c.hostsCA, []sign.Right{sign.RightDeploy}}}
	for i := range c.hosts {
		parts = append(parts, part{&c.hosts[i], hostID(i), &c.hostsCA, nil})
	}
	for _, p := range parts {
		key, err := sign.NewKey("")
		if err != nil {
			return nil, err
		}
		from, to := start.Add(-24*time.Hour), start.AddDate(1, 0, 0)
		var cert *x509.Certificate
		chain := []*x509.Certificate{}
		if p.ca == nil {
			cert, err = sign.NewAuthority(p.name, key, from, to)
		} else {
			cert, err = sign.Issue(*p.ca, sign.Request{Name: p.name, Public: key.Public(), Rights: p.right, From: from, To: to})
			chain = (*p.ca).Chain
		}
		if err != nil {
			return nil, err
		}
		*p.to = &sign.Identity{Key: key, Chain: append([]*x509.Certificate{cert}, chain...)}
	}
	return c, nil
})

// A world is a relay with a clock of its own.
type world struct {
	*Relay
	*cast
	t testing.TB

	mu  sync.Mutex
	now time.Time
}

func newWorld(t testing.TB, d *db.DB, change ...func(*Config)) *world {
	t.Helper()
	w := &world{cast: must(everybody())(t), t: t, now: start}
	c := Config{DB: d, Server: serverID, Authorities: w.hostsCA.Chain, Now: w.time,
		Trust: func() (*sign.Trust, error) { return &sign.Trust{Anchors: w.authority.Chain}, nil }}
	for _, f := range change {
		f(&c)
	}
	w.Relay = must(Open(t.Context(), c))(t)
	return w
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time pass, and the relay notice.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	check(w.t, w.catchUp(context.Background()))
	check(w.t, w.Flush(context.Background()))
	check(w.t, w.Turn(context.Background()))
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, muster.KindOf(err))
	}
}

func wantKind(t testing.TB, what string, err error, kind muster.ErrorKind) {
	t.Helper()
	if muster.KindOf(err) != kind {
		t.Errorf("%s: error %v is of kind %q, want %q", what, err, muster.KindOf(err), kind)
	}
}

func hostID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

func hostIDs(n int) (all []string) {
	for i := range n {
		all = append(all, hostID(i))
	}
	return all
}

// order makes an action for n hosts: its post.
func (w *world) order(n int, change func(*action.Action), by ...*sign.Identity) (api.ActionPost, *action.Action) {
	w.t.Helper()
	tree := must(action.NewTree(hostIDs(n)))(w.t)
	a := &action.Action{Type: action.Type, ID: action.NewID(), Kind: action.Update, Server: serverID,
		NotBefore: w.time().Unix() - 60, NotAfter: w.time().Unix() + 3600, Targets: must(tree.Targets())(w.t)}
	if change != nil {
		change(a)
	}
	if by == nil {
		by = []*sign.Identity{w.alice}
	}
	return api.ActionPost{Message: must(a.Sign(w.time(), by...))(w.t), Hosts: tree.Hosts}, a
}

// send posts an action.
func (w *world) send(n int, change func(*action.Action), by ...*sign.Identity) (api.Action, *action.Action) {
	w.t.Helper()
	post, a := w.order(n, change, by...)
	return must(w.Post(w.t.Context(), "alice", post))(w.t), a
}

// given are the ids of the orders that a host is given now.
func (w *world) given(n int) (ids []string) {
	w.t.Helper()
	for _, o := range must(w.Take(w.t.Context(), hostID(n)))(w.t) {
		ids = append(ids, o.ID)
		var proof action.Proof
		if o.Proof != nil {
			proof = action.Proof(*o.Proof)
		}
		h := action.Host{ID: hostID(n), Server: serverID, Trust: &sign.Trust{Anchors: w.authority.Chain}, Now: w.time()}
		if _, err := action.Verify(o.Message, proof, h); err != nil {
			w.t.Errorf("host %d is given what it refuses: %v", n, err)
		}
	}
	return ids
}

// report has a host say what became of an action.
func (w *world) report(n int, message []byte, id string, state action.State, text string) {
	w.t.Helper()
	r := action.Result{Action: id, SHA256: action.Sum(message), Host: hostID(n), State: state, Text: text}
	der := must(r.Sign(w.time(), w.hosts[n]))(w.t)
	check(w.t, w.Report(w.t.Context(), hostID(n), [][]byte{der}))
}

func (w *world) counts(id string) map[string]int {
	w.t.Helper()
	return must(w.Action(w.t.Context(), id, nil))(w.t).Counts
}
