package agent

import (
	"context"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/durable"
	"muster/internal/engine"
	"muster/settings"
	"muster/sign"
)

// Acting is work that people signed (package action).
const Acting Action = "act"

// An Acted is what acting came to.
type Acted struct {
	// Handled are ids of orders that are known now: the server need not send them again.
	Handled []string `json:"handled,omitempty"`
	// Orders came with the answer to the results.
	Orders []api.Order `json:"orders,omitempty"`
	// Due is when the next action may begin, in Unix seconds; 0: none waits.
	Due int64 `json:"due,omitempty"`
	// Changed: the host may not be as it was.
	Changed bool `json:"changed,omitempty"`
	// Untold: the server does not have all results yet.
	Untold bool `json:"untold,omitempty"`
}

// Orders are signed actions to take.
type Orders struct {
	Job
	All []api.Order
	// Answer is when the server is told of them: where many hosts were given the same at
	// once, each has a moment of its own. What lasts longer is told when it is over.
	Answer time.Time
	// Disk is that of the ledger; nil is the real one.
	Disk *durable.Disk
	// Restart starts the machine anew; nil asks the system to.
	Restart func() error
}

// An acting is one under way.
type acting struct {
	Orders
	ledger *ledger
	engine *engine.Engine
	link   *Link
	trust  *sign.Trust
	limits action.Limits
	out    *Acted
}

// Act takes the orders, begins what is due, one after the other, and tells the
// server. Whatever is refused, is reported. The error is that nothing could be taken.
func Act(ctx context.Context, orders Orders) (*Acted, error) {
	a := &acting{Orders: orders, out: &Acted{}}
	end, err := a.open()
	if err != nil {
		return nil, err
	}
	defer end()
	if err := a.ledger.recover(a.sign); err != nil {
		return nil, err
	}
	for _, o := range orders.All {
		if err := a.ledger.admit(o, a.host(), a.sign); err != nil {
			return nil, err
		}
		a.out.Handled = append(a.out.Handled, o.ID)
	}
	if err := a.obey(ctx); err != nil {
		return nil, err
	}
	sleep(ctx, time.Until(a.Answer)) //nolint:errcheck // what ends early is told by the next round
	return a.out, a.report(ctx)
}

// open opens everything, and keeps others from doing the same.
func (a *acting) open() (end func(), err error) {
	if a.engine, err = openEngine(a.Root, a.Now); err != nil {
		return nil, err
	}
	home := HomeOf(a.engine.Root.State, a.Disk)
	a.link, err = OpenLink(home, Dialing{Version: a.Version, Now: a.Now, Seen: newestHead(a.engine)})
	if err != nil {
		return nil, err
	}
	a.ledger = &ledger{home: home, now: a.clock}
	if err := a.ledger.make(); err != nil {
		return nil, err
	}
	lock := flock.New(a.ledger.file("lock"), flock.SetPermissions(0o600))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return nil, muster.Errorf(muster.Busy, "another muster carries out actions on this root")
	}
	return func() { a.link.Close(); lock.Unlock() }, a.look()
}

// look reads anew whom the host believes, and what its settings accept.
func (a *acting) look() (err error) {
	if a.engine, err = openEngine(a.Root, a.Now); err != nil {
		return err
	}
	a.trust, a.limits = actionTrust(a.engine, a.link.Identity.Repository.ID), limitsOf(a.ledger.home.Settings())
	return nil
}

// clock is the time, not before that of the newest head that the host believes.
func (a *acting) clock() time.Time { return sign.Floor(a.Now(), newestHead(a.engine)) }

// actionTrust is whom the host believes about actions: those whom the chain of trust
// of its server's repository leaves, or before the first update whom it was given.
// What any repository has revoked is believed by nobody.
func actionTrust(e *engine.Engine, repository string) *sign.Trust {
	t := &sign.Trust{Anchors: e.Trust.Anchors}
	for sum := range e.Trust.Revoked {
		t.Revoke(sum)
	}
	for _, c := range e.Clients {
		chain := c.Chain()
		if chain == nil {
			continue
		}
		if chain.Repository == repository {
			t.Anchors = chain.Anchors
		}
		for sum := range chain.Revoked {
			t.Revoke(sum)
		}
	}
	return t
}

func limitsOf(s *settings.Agent) action.Limits {
	return action.Limits{None: s.Actions.None, Kinds: s.Actions.Kinds, Signers: s.Actions.Signers, Approvals: s.Actions.Approvals}
}

// host is who verifies, now.
func (a *acting) host() action.Host {
	return action.Host{ID: a.link.ID, Server: a.link.Identity.Server, Trust: a.trust, Limits: a.limits, Now: a.clock()}
}

// sign signs a result as this host.
func (a *acting) sign(r *action.Result) ([]byte, error) {
	chain, err := a.ledger.home.Certificate()
	if err != nil {
		return nil, err
	}
	r.Host = a.link.ID
	return r.Sign(a.clock(), &sign.Identity{Key: a.link.Key, Chain: chain})
}

// obey begins what waits and is due, until nothing is.
func (a *acting) obey(ctx context.Context) error {
	for ctx.Err() == nil {
		d, err := a.next()
		if err != nil || d == nil {
			return err
		}
		if err := a.carryOut(ctx, d); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// next is the deed to begin now, nil for none.
func (a *acting) next() (*deed, error) {
	all, err := a.ledger.deeds()
	if err != nil {
		return nil, err
	}
	a.out.Due = 0
	if i := slices.IndexFunc(all, a.ledger.restarts); i >= 0 {
		a.out.Due = all[i].Begun + starting // what would be begun now would be interrupted
		return nil, nil
	}
	for _, d := range all {
		switch now := a.clock().Unix(); {
		case d.Stage != waiting:
		case d.NotBefore <= now:
			return d, nil
		case a.out.Due == 0 || d.NotBefore < a.out.Due:
			a.out.Due = d.NotBefore
		}
	}
	return nil, a.ledger.prune()
}

// carryOut begins a deed, if that is still right, and finishes it. What people have
// revoked or forbidden since it came is not begun.
func (a *acting) carryOut(ctx context.Context, d *deed) error {
	if d.Order == nil {
		return a.ledger.finish(d, &action.Result{State: action.Failed, Text: "its message was lost"}, a.sign)
	}
	// What was begun before may have changed whom the host believes.
	if err := a.look(); err != nil {
		return err
	}
	m, err := action.Verify(d.Order.Message, proofOf(*d.Order), a.host())
	if err != nil {
		r := &action.Result{State: action.Refused, Text: err.Error()}
		if m != nil && a.clock().Unix() > d.NotAfter {
			r.State = action.Expired
		}
		return a.ledger.finish(d, r, a.sign)
	}
	if err := a.ledger.begin(d); err != nil {
		return err
	}
	a.Log("action %s: %s, signed by %s", d.ID, m.Action, sign.Describe(m.Signers[0].Signer))
	t := a.telling(ctx, d)
	r := a.perform(ctx, m, d, t)
	t.end()
	if r == nil {
		return nil // the machine stops; the next start tells what came of it
	}
	if ctx.Err() != nil && r.State == action.Failed {
		// It was ended from outside. Finishing may be, too: then the next start does.
		r.State = action.Interrupted
	}
	r.Text = t.text() + r.Text
	a.Log("action %s: %s", d.ID, r.State)
	return a.ledger.finish(d, r, a.sign)
}

// report sends results, with the orders that were taken.
func (a *acting) report(ctx context.Context) error {
	for {
		reports, more, err := a.ledger.reports(api.MaxReports)
		if err != nil {
			return err
		}
		if len(reports) == 0 && len(a.out.Handled) == 0 {
			return nil
		}
		answer, err := a.send(ctx, reports)
		if err != nil {
			a.Log("cannot tell the server of actions: %v", err)
			a.out.Untold = true
			return nil
		}
		if err := a.ledger.acknowledged(reports); err != nil {
			return err
		}
		a.out.Orders = append(a.out.Orders, answer.Orders...)
		if !more {
			return nil
		}
	}
}

// send checks in with results alone. What else the server answers is for the next
// round: it says so again.
func (a *acting) send(ctx context.Context, reports []saidReport) (api.CheckedIn, error) {
	unlock, err := a.ledger.home.Lock()
	if err != nil {
		return api.CheckedIn{}, err
	}
	defer unlock()
	k := a.ledger.home.known()
	in := api.CheckIn{Etag: k.Etag, Set: k.Set, Base: k.Set, Clock: a.Now().Unix(), Orders: true, Have: a.out.Handled}
	in.Repository, in.Stale = headOf(a.engine, a.link.Identity.Repository.ID)
	for _, r := range reports {
		in.Reports = append(in.Reports, r.der)
	}
	answer, err := a.link.CheckIn(ctx, in)
	if muster.KindOf(err) == muster.Denied && api.CodeOf(err) == "" {
		if off, oerr := a.link.byServer(ctx); oerr == nil && off != 0 {
			answer, err = a.link.CheckIn(ctx, in)
		}
	}
	return answer, err
}

// headOf is the serial of the newest head of a repository, and whether none of all is
// still good.
func headOf(e *engine.Engine, repository string) (serial int64, stale bool) {
	stale = len(e.Clients) > 0
	for _, c := range e.Clients {
		stale = stale && c.Fresh() != nil
		if h := c.Head(); h != nil && c.ID == repository {
			serial = h.Serial
		}
	}
	return serial, stale
}
