package server

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"testing"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/sign"
)

// joined are n hosts that enrolled, and their certificates.
func (w *world) joined(p *api.PersonClient, n int) (all []*machine) {
	w.t.Helper()
	token := must(p.CreateToken(w.t.Context(), api.TokenRequest{Uses: n}))(w.t)
	for i := range n {
		m := w.machine(i + 1)
		m.certificate = m.join(token.Secret).Certificate
		all = append(all, m)
	}
	return all
}

// identity is that by which the host signs results.
func (m *machine) identity() *sign.Identity {
	m.t.Helper()
	return &sign.Identity{Key: m.Key, Chain: must(sign.ParseCerts([]byte(m.certificate)))(m.t)}
}

// order makes a signed action for hosts.
func (w *world) order(kind action.Kind, hosts []string, change func(*action.Action), by ...*sign.Identity) (api.ActionPost, *action.Action) {
	w.t.Helper()
	tree := must(action.NewTree(action.Sort(hosts)))(w.t)
	now := time.Now()
	a := &action.Action{Type: action.Type, ID: action.NewID(), Kind: kind, Server: w.self.ID, NotBefore: now.Unix() - 60, NotAfter: now.Unix() + 3600,
		Targets: must(tree.Targets())(w.t)}
	if change != nil {
		change(a)
	}
	if by == nil {
		by = []*sign.Identity{w.admin}
	}
	return api.ActionPost{Message: must(a.Sign(now, by...))(w.t), Hosts: tree.Hosts}, a
}

// believes is whom hosts of the tests believe.
func (w *world) believes() *sign.Trust {
	return &sign.Trust{Anchors: []*x509.Certificate{w.admin.Leaf()}}
}

// verify is what a host does with an order.
func (w *world) verify(m *machine, o api.Order) (*action.Message, error) {
	var proof action.Proof
	if o.Proof != nil {
		proof = action.Proof(*o.Proof)
	}
	return action.Verify(o.Message, proof, action.Host{ID: m.ID, Server: m.Server.ID, Trust: w.believes(), Now: time.Now()})
}

// report has a host say what became of an action.
func (m *machine) reportAction(message []byte, id string, state action.State, text string) {
	m.t.Helper()
	r := action.Result{Action: id, SHA256: action.Sum(message), Host: m.ID, State: state, Text: text}
	der := must(r.Sign(time.Now(), m.identity()))(m.t)
	must(m.CheckIn(m.t.Context(), api.CheckIn{Clock: time.Now().Unix(), Orders: true, Have: []string{id}, Reports: [][]byte{der}}))(m.t)
}

// An action goes from a person to hosts that wait, and their signed results to who
// follows it.
func TestActions(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	hosts := w.joined(p, 3)
	var ids []string
	for _, m := range hosts {
		ids = append(ids, m.ID)
	}
	waiting := make(chan api.Wake, 1)
	since := must(hosts[0].CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Orders: true}))(t).Wake
	go func() {
		news, err := hosts[0].Attend(t.Context(), since, nil)
		if err != nil {
			t.Error(err)
		}
		waiting <- news
	}()
	for w.waiting() == 0 {
		waitFor(t, time.Millisecond)
	}
	post, a := w.order(action.Install, ids, func(a *action.Action) { a.Packages, a.Reason = []string{"age"}, "ticket 12" })
	sent := must(p.SendAction(t.Context(), post))(t)
	if sent.State != api.ActionOpen || sent.By != "alice" || sent.Title != "install age" || sent.Counts["queued"] != 3 {
		t.Fatalf("%+v", sent)
	}
	news := <-waiting
	if len(news.Orders) != 1 || news.Number != since {
		t.Fatalf("%+v", news)
	}
	if m := must(w.verify(hosts[0], news.Orders[0]))(t); m.Action.Reason != "ticket 12" {
		t.Errorf("%+v", m.Action)
	}
	polled := must(hosts[1].CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Orders: true}))(t)
	if len(polled.Orders) != 1 {
		t.Fatalf("%+v", polled)
	}
	must(w.verify(hosts[1], polled.Orders[0]))(t)
	// An agent that knows nothing of actions is not bothered.
	if old := must(hosts[2].CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t); old.Orders != nil {
		t.Errorf("%+v", old)
	}

	followed, events := make(chan api.ActionEvent, 64), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := errors.New("over")
	go func() {
		events <- p.WatchAction(ctx, a.ID, 0, func(e api.ActionEvent) error {
			followed <- e
			if e.Action != nil && e.Action.Counts["done"] == 1 && e.Action.Counts["failed"] == 1 {
				return over
			}
			return nil
		})
	}()
	if e := <-followed; e.Action == nil || e.Action.Counts["queued"] == 0 {
		t.Fatalf("%+v", e)
	}
	if out := must(hosts[0].SendLog(t.Context(), a.ID, []byte("unpacking\n")))(t); !out.Watched {
		t.Error("nobody watches")
	}
	hosts[0].reportAction(post.Message, a.ID, action.Done, "installed age 1.3")
	hosts[1].reportAction(post.Message, a.ID, action.Failed, "no room\nthe disk is full")
	if err := <-events; !errors.Is(err, over) {
		t.Fatal(err)
	}
	close(followed)
	var said []string
	for e := range followed {
		switch {
		case e.Log != nil:
			said = append(said, e.Log.Name+" says "+e.Log.Text)
		case e.Target != nil && e.Target.State != api.TargetDelivered:
			r := must(action.OpenResult(e.Target.Result, w.self.Authority.Chain, time.Now()))(t)
			said = append(said, e.Target.Name+" "+e.Target.State+": "+e.Target.Note, string(r.State))
		}
	}
	want := []string{"pc-000001 says unpacking\n", "pc-000001 done: installed age 1.3", "done", "pc-000002 failed: the disk is full", "failed"}
	if !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	page := must(p.Actions(t.Context(), api.ActionQuery{Host: hosts[2].ID}))(t)
	if len(page.Actions) != 1 || page.Actions[0].Counts["queued"] != 1 {
		t.Errorf("%+v", page)
	}
	detail := must(p.Action(t.Context(), a.ID))(t)
	if string(detail.Message) != string(post.Message) {
		t.Error("another message")
	}
	targets := must(p.ActionTargets(t.Context(), a.ID, api.TargetQuery{State: "queued"}))(t)
	if len(targets.Targets) != 1 || targets.Targets[0].Name != "pc-000003" {
		t.Errorf("%+v", targets)
	}
}

// Nobody but people sends actions, to nobody but hosts that are there.
func TestActionsRefused(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Actions.Approvals = map[string]int{"reboot": 2} })
	p := w.person()
	m := w.joined(p, 1)[0]
	post, _ := w.order(action.Update, []string{m.ID, "00000000-0000-4000-8000-00000000ffff"}, nil)
	_, err := p.SendAction(t.Context(), post)
	wantKind(t, err, muster.NotFound)
	stranger := must(newPerson("mallory", sign.RightCode))(t)
	post, _ = w.order(action.Update, []string{m.ID}, nil, stranger)
	_, err = p.SendAction(t.Context(), post)
	wantKind(t, err, muster.Denied)
	_, err = p.Action(t.Context(), action.NewID())
	wantKind(t, err, muster.NotFound)
	wantKind(t, p.WatchAction(t.Context(), action.NewID(), 0, nil), muster.NotFound)
	post, a := w.order(action.Reboot, []string{m.ID}, nil)
	if held := must(p.SendAction(t.Context(), post))(t); held.State != api.ActionHeld {
		t.Errorf("%+v", held)
	}
	_, err = p.ApproveAction(t.Context(), a.ID, api.ActionApproval{Message: post.Message, Of: "00"})
	check(t, err) // it changes nothing
	if out := must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Orders: true}))(t); out.Orders != nil {
		t.Errorf("%+v", out)
	}
	cfg := Defaults()
	cfg.Actions.Approvals = map[string]int{"format": 2}
	wantKind(t, cfg.Check(), muster.Invalid)
}

// limited is bob, who sees the first two hosts and may act on the first.
func (w *world) limited(p *api.PersonClient) (bob *sign.Identity, q *api.PersonClient) {
	t := w.t
	t.Helper()
	bob = must(newPerson("bob", sign.RightDeploy))(t)
	must(w.files.AddAnchors(writeCert(t, bob.Leaf())))(t)
	w.people.forget()
	for _, rule := range must(p.Rules(t.Context()))(t).Rules {
		if rule.Who == "right:deploy" {
			check(t, p.RemoveRule(t.Context(), rule.ID))
		}
	}
	must(p.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView}, Hosts: "name:pc-000001 or name:pc-000002"}))(t)
	must(p.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbAct}, Hosts: "name:pc-000001"}))(t)
	c := w.dial()
	session := must(c.Login(t.Context(), bob, time.Now()))(t)
	return bob, &api.PersonClient{Client: c, Token: session.Token}
}

// Who may act on some hosts sends actions to these alone, and sees no others, nor
// actions that are for others.
func TestActionsOfSomeHosts(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	hosts := w.joined(p, 3)
	_, q := w.limited(p)
	for n, want := range map[int]muster.ErrorKind{0: "", 1: muster.Denied, 2: muster.NotFound} {
		post, _ := w.order(action.Update, []string{hosts[n].ID}, nil)
		_, err := q.SendAction(t.Context(), post)
		wantKind(t, err, want)
	}
	wide, a := w.order(action.Update, []string{hosts[0].ID, hosts[2].ID}, nil)
	must(p.SendAction(t.Context(), wide))(t)
	hidden, b := w.order(action.Update, []string{hosts[2].ID}, nil)
	must(p.SendAction(t.Context(), hidden))(t)
	got := must(q.Action(t.Context(), a.ID))(t)
	if got.Hosts != 1 || got.Counts["queued"] != 1 || got.Message != nil {
		t.Errorf("%+v", got)
	}
	targets := must(q.ActionTargets(t.Context(), a.ID, api.TargetQuery{}))(t)
	if len(targets.Targets) != 1 || targets.Targets[0].Host != hosts[0].ID {
		t.Errorf("%+v", targets)
	}
	for _, id := range []string{b.ID, action.NewID()} {
		_, err := q.Action(t.Context(), id)
		wantKind(t, err, muster.NotFound)
		_, err = q.ApproveAction(t.Context(), id, api.ActionApproval{Message: hidden.Message})
		wantKind(t, err, muster.NotFound)
		wantKind(t, q.WatchAction(t.Context(), id, 0, nil), muster.NotFound)
	}
	if page := must(q.Actions(t.Context(), api.ActionQuery{}))(t); len(page.Actions) != 2 {
		t.Errorf("%d actions", len(page.Actions))
	}
}

// An action can be cancelled and approved also when some of its hosts were forgotten;
// by who may act on those that are left.
func TestActionsOfForgottenHosts(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Actions.Approvals = map[string]int{"reboot": 2} })
	p := w.person()
	hosts := w.joined(p, 4)
	ids := []string{hosts[0].ID, hosts[1].ID, hosts[2].ID, hosts[3].ID}
	bob, q := w.limited(p)
	send := func(kind action.Kind, hosts []string) (api.ActionPost, api.Action) {
		post, _ := w.order(kind, hosts, nil)
		return post, must(p.SendAction(t.Context(), post))(t)
	}
	_, wide := send(action.Update, ids)
	_, hidden := send(action.Update, ids[2:])
	_, gone := send(action.Update, ids[3:])
	held, reboot := send(action.Reboot, []string{ids[0], ids[3]})
	heldToo, rebootToo := send(action.Reboot, []string{ids[1], ids[3]})
	check(t, p.ForgetHost(t.Context(), ids[3]))

	cancel := func(by *api.PersonClient, id string, hosts ...string) error {
		post, _ := w.order(action.Cancel, hosts, func(a *action.Action) { a.Arguments = map[string]string{"id": id} })
		_, err := by.SendAction(t.Context(), post)
		return err
	}
	wantKind(t, cancel(q, hidden.ID, ids[2]), muster.NotFound)
	wantKind(t, cancel(q, action.NewID(), ids[0]), muster.NotFound)
	wantKind(t, cancel(q, wide.ID, ids[0], ids[2], ids[3]), muster.NotFound)
	wantKind(t, cancel(q, wide.ID, ids[0], "00000000-0000-4000-8000-00000000ffff"), muster.NotFound)
	wantKind(t, cancel(q, wide.ID, ids[0], ids[1]), muster.Denied)
	wantKind(t, cancel(q, wide.ID, ids[3]), muster.Denied)
	check(t, cancel(q, wide.ID, ids[0], ids[3]))
	check(t, cancel(p, wide.ID, ids...))
	check(t, cancel(p, gone.ID, ids[3]))

	approve := func(by *api.PersonClient, post api.ActionPost, a api.Action) error {
		both := must(action.Approve(post.Message, time.Now(), bob))(t)
		_, err := by.ApproveAction(t.Context(), a.ID, api.ActionApproval{Message: both, Of: a.SHA256})
		return err
	}
	wantKind(t, approve(q, heldToo, rebootToo), muster.Denied)
	check(t, approve(q, held, reboot))
	check(t, approve(p, heldToo, rebootToo))
}

// Who follows an action sees no more of it when their session ends.
func TestFollowEnds(t *testing.T) {
	cfg := testConfig(t)
	w := &world{t: t, admin: must(administrator())(t), files: Folder{Dir: cfg.Data}, pulse: 20 * time.Millisecond}
	must(w.files.AddAnchors(writeCert(t, w.admin.Leaf())))(t)
	w.start(cfg)
	p, q := w.person(), w.person()
	m := w.joined(p, 1)[0]
	post, a := w.order(action.Update, []string{m.ID}, nil)
	must(p.SendAction(t.Context(), post))(t)
	begun, ended := make(chan struct{}, 8), make(chan error, 1)
	go func() {
		ended <- q.WatchAction(t.Context(), a.ID, 0, func(api.ActionEvent) error {
			begun <- struct{}{}
			return nil
		})
	}()
	<-begun
	check(t, q.Logout(t.Context()))
	if err := <-ended; muster.KindOf(err) != muster.Unavailable && err != nil {
		t.Error(err)
	}
	m.reportAction(post.Message, a.ID, action.Done, "")
	if len(begun) > 0 {
		t.Error("something was shown after the end")
	}
}
