package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/action"
	"muster/api"
	"muster/internal/relay"
	"muster/sign"
)

// Signed actions: package relay keeps and delivers them; here it is seen who asks.

// mostAnswers is how many hosts a second are asked to answer an action of many: half of
// what a processor takes.
const mostAnswers = 500

// openRelay opens what relays actions.
func (s *Server) openRelay(ctx context.Context) (err error) {
	c := relay.Config{DB: s.db, Server: s.self.ID, Authorities: s.self.Authority.Chain, Trust: s.trust, Now: s.now, Logger: s.log,
		Need: s.cfg.Actions.Approvals, Keep: s.cfg.Actions.Keep.std(),
		Pace: min(mostAnswers, s.limits["checkin"].perSecond()/2)} // the other half is for hosts that check in
	s.relay, err = relay.Open(ctx, c)
	return err
}

// trust is whom the server believes about what people sign.
func (s *Server) trust() (*sign.Trust, error) {
	anchors, err := s.people.believed(s.now())
	if err != nil {
		return nil, err
	}
	return &sign.Trust{Anchors: anchors, Revoked: s.depot.revoked()}, nil
}

// sendAction takes a signed action for hosts that the person may act on.
func (s *Server) sendAction(ctx context.Context, r *request) (any, error) {
	var in api.ActionPost
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	r.deed.digest = action.Sum(in.Message)
	if err := s.maySend(ctx, r, in); err != nil {
		return nil, err
	}
	out, err := s.relay.Post(ctx, r.person.name, in)
	if err == nil {
		r.deed.target = out.ID
		s.log.Info("action sent", "request", r.id, "name", r.person.name, "action", out.ID, "what", out.Title, "hosts", out.Hosts, "signers", strings.Join(out.Signers, ", "))
	}
	return out, err
}

// approveAction takes a further signature.
func (s *Server) approveAction(ctx context.Context, r *request) (any, error) {
	var in api.ActionApproval
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	r.deed = deed{id, action.Sum(in.Message)}
	if err := s.mayActOnLeft(ctx, r, id, nil); err != nil {
		return nil, err
	}
	out, err := s.relay.Approve(ctx, id, in)
	if err == nil {
		s.log.Info("action approved", "request", r.id, "name", r.person.name, "action", out.ID, "signers", strings.Join(out.Signers, ", "))
	}
	return out, err
}

func (s *Server) listActions(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.ActionQuery{State: api.ActionState(q.Get("state")), Host: q.Get("host"), Cursor: q.Get("cursor"), Limit: int(q.number("limit"))}
	q.oneOf("state", string(api.ActionHeld), string(api.ActionOpen), string(api.ActionOver), string(api.ActionCancelled))
	if q.err != nil {
		return nil, q.err
	}
	v, err := s.view(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.relay.List(ctx, in, v)
}

func (s *Server) getAction(ctx context.Context, r *request) (any, error) {
	v, err := s.view(ctx, r)
	if err != nil {
		return nil, err
	}
	var out api.ActionDetail
	if out.Action, err = s.relay.Action(ctx, r.PathValue("id"), v); err != nil {
		return nil, err
	}
	// The message names hosts: who sees some of them only sees it without.
	whole, err := s.relay.Action(ctx, out.ID, nil)
	if err == nil && whole.Hosts == out.Hosts {
		out.Message, err = s.relay.Message(ctx, out.ID)
	}
	return out, err
}

// targetStates are those of hosts of an action.
func targetStates() []string {
	all := []string{api.TargetQueued, api.TargetDelivered, api.TargetNeedless}
	for _, s := range action.States {
		all = append(all, string(s))
	}
	return all
}

func (s *Server) actionTargets(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.TargetQuery{State: q.Get("state"), Host: q.Get("host"), Cursor: q.Get("cursor"), Limit: int(q.number("limit"))}
	q.oneOf("state", targetStates()...)
	if q.err != nil {
		return nil, q.err
	}
	v, err := s.view(ctx, r)
	if err != nil {
		return nil, err
	}
	page, err := s.relay.Targets(ctx, r.PathValue("id"), in, v)
	if err != nil {
		return nil, err
	}
	targets := make([]*api.Target, len(page.Targets))
	for i := range page.Targets {
		targets[i] = &page.Targets[i]
	}
	return page, s.nameTargets(ctx, targets)
}

// nameTargets fills in the names of hosts.
func (s *Server) nameTargets(ctx context.Context, targets []*api.Target) error {
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.Host
	}
	names, err := s.hosts.Names(ctx, ids)
	for _, t := range targets {
		t.Name = names[t.Host]
	}
	return err
}

// followAction streams what happens to an action (server-sent events, HTML section
// 9.2), from the beginning or after the event of a number.
func (s *Server) followAction(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	after := q.number("after")
	if last, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
		after = last
	}
	if q.err != nil {
		return nil, q.err
	}
	v, err := s.view(ctx, r)
	if err != nil {
		return nil, err
	}
	watch, err := s.relay.Watch(ctx, r.PathValue("id"), v)
	if err != nil {
		return nil, err
	}
	return answer(func(w http.ResponseWriter) error {
		defer watch.Close()
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no") // nginx passes events on
		f := &follower{Server: s, request: r, watch: watch, w: w, control: http.NewResponseController(w), after: after}
		return f.run(r.Context())
	}), nil
}

// A follower writes the events of one action to one person.
type follower struct {
	*Server
	request *request
	watch   *relay.Watch
	w       io.Writer
	control *http.ResponseController
	after   int64
}

const (
	// gathering is how long events are collected before they are read: ten thousand
	// hosts answer at once.
	gathering = 100 * time.Millisecond
	// livePulse is how often a stream in which nothing happens shows that it lives.
	livePulse = 15 * time.Second
)

func (f *follower) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.draining, cancel)()
	if err := f.news(ctx); err != nil {
		return err
	}
	pulse := time.NewTicker(min(livePulse, f.pulse))
	defer pulse.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-pulse.C:
			err = f.live(ctx)
		case l := <-f.watch.Logs:
			err = f.log(ctx, l)
		case <-f.watch.News:
			select {
			case <-time.After(gathering):
			case <-ctx.Done():
			}
			err = f.news(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// live shows that the stream lives, to somebody who may still see it: what was taken
// away meanwhile ends it, or narrows it.
func (f *follower) live(ctx context.Context) (err error) {
	r := f.request
	if r.person, err = f.who(ctx, r.Request); err != nil {
		return err
	}
	v, err := f.view(ctx, r)
	if err != nil {
		return err
	}
	f.watch.See(v)
	if _, err = f.watch.Action(ctx); err != nil {
		return err
	}
	_, err = io.WriteString(f.w, ": alive\n\n")
	return f.flush(err)
}

// news writes what happened since, and how the action is now.
func (f *follower) news(ctx context.Context) error {
	for {
		all, last, err := f.watch.Events(ctx, f.after)
		if err != nil {
			return err
		}
		targets := make([]*api.Target, 0, len(all))
		for _, e := range all {
			targets = append(targets, e.Target)
		}
		if err := f.nameTargets(ctx, targets); err != nil {
			return err
		}
		for _, e := range all {
			if err := f.event(e); err != nil {
				return err
			}
		}
		if last == f.after {
			break
		}
		f.after = last
	}
	a, err := f.watch.Action(ctx)
	if err != nil {
		return err
	}
	return f.flush(f.event(api.ActionEvent{Action: &a}))
}

func (f *follower) log(ctx context.Context, l api.ActionLog) error {
	names, err := f.hosts.Names(ctx, []string{l.Host})
	if err != nil {
		return err
	}
	l.Name = names[l.Host]
	return f.flush(f.event(api.ActionEvent{Log: &l}))
}

func (f *follower) event(e api.ActionEvent) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if e.Number != 0 {
		if _, err := fmt.Fprintf(f.w, "id: %d\n", e.Number); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(f.w, "data: %s\n\n", data)
	return err
}

// flush sends what was written, to somebody who reads.
func (f *follower) flush(err error) error {
	if err != nil {
		return err
	}
	if err := f.control.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return f.control.Flush()
}

// takeLog passes on what an action says on a host while it runs.
func (s *Server) takeLog(ctx context.Context, r *request) (any, error) {
	watched, err := s.relay.Log(ctx, r.caller.ID(), r.PathValue("id"), string(r.body))
	return api.LogTaken{Watched: watched}, err
}

// relayed does what a check-in says of actions, and adds what is due.
func (s *Server) relayed(ctx context.Context, r *request, in *api.CheckIn, out *api.CheckedIn) (err error) {
	host := r.caller.ID()
	if len(in.Reports) > 0 {
		if err := s.relay.Report(ctx, host, in.Reports); err != nil {
			return err
		}
	}
	if !in.Orders {
		return nil
	}
	s.relay.Has(host, in.Have)
	out.Orders, err = s.relay.Take(ctx, host)
	return err
}

// attend has the wait for a host end when there are orders for it.
func (s *Server) attend(r *request, takes bool, end func()) (leave func()) {
	if !takes {
		return func() {}
	}
	return s.relay.Attend(r.caller.ID(), end)
}

// orders are those of a host that are due.
func (s *Server) orders(r *request, takes bool) ([]api.Order, error) {
	if !takes {
		return nil, nil
	}
	return s.relay.Take(r.Context(), r.caller.ID())
}

// spread is over how many seconds hosts answer that are given these orders.
func (s *Server) spread(orders []api.Order) int {
	if len(orders) == 0 {
		return 0
	}
	return s.relay.Spread()
}

func (c *Config) checkActions() error {
	for kind, need := range c.Actions.Approvals {
		if !slices.Contains(action.Kinds, action.Kind(kind)) {
			return fmt.Errorf("actions.approvals: there is no kind of action %q", kind)
		}
		if need < 1 || need > sign.MaxSigners {
			return fmt.Errorf("actions.approvals: %s: %d is not 1 to %d persons", kind, need, sign.MaxSigners)
		}
	}
	return nil
}
