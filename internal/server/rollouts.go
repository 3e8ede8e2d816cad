package server

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"muster"
	"muster/api"
	"muster/internal/repo"
	"muster/internal/rollouts"
	"muster/rollout"
)

// Package rollouts decides; here it is joined to the repository and to the hosts, and
// to the people who ask.

func (s *Server) openRollouts(ctx context.Context) (err error) {
	s.rollouts, err = rollouts.Open(ctx, rollouts.Config{DB: s.db, Repository: &shelf{s: s}, Fleet: ranks{s},
		Now: func() time.Time { return s.now() }, Told: s.rolloutStep})
	return err
}

// A shelf is the repository as rollouts see it. What it read it remembers by the
// serial of the head: it is asked every minute.
type shelf struct {
	s *Server

	mu     sync.Mutex
	serial int64
	listed []rollouts.Listed
	gates  map[string]rollout.Gate
}

func (f *shelf) Rollouts(context.Context) ([]rollouts.Listed, map[string]rollout.Gate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.s.depot.exists() {
		return nil, nil, nil
	}
	if serial := f.s.depot.info().Serial; serial == f.serial && serial > 0 {
		return f.listed, f.gates, nil
	}
	p, err := f.s.depot.publisher()
	if err != nil {
		return nil, nil, err
	}
	all, head, wrong, err := p.Rollouts()
	if err != nil {
		return nil, nil, err
	}
	for _, err := range wrong {
		f.s.log.Warn("a rollout of the repository does not count", "error", err.Error())
	}
	f.listed = nil
	for _, r := range all {
		f.listed = append(f.listed, rollouts.Listed{Version: r.Entry.Version, Document: r.Document})
	}
	f.serial, f.gates = head.Serial, head.Gates
	return f.listed, f.gates, nil
}

// SetGates signs a head, where the one there says something else.
func (f *shelf) SetGates(ctx context.Context, gates map[string]rollout.Gate) error {
	_, have, err := f.Rollouts(ctx)
	if err != nil || holds(have, gates) {
		return err
	}
	err = f.s.depot.change(ctx, func(p *repo.Publisher) error {
		_, err := p.SetGates(func(all map[string]rollout.Gate) {
			for id, g := range gates {
				all[id] = g
			}
		})
		return err
	})
	if err == nil {
		f.s.news()
	}
	return err
}

// holds reports whether have says all that want says.
func holds(have, want map[string]rollout.Gate) bool {
	for id, g := range want {
		if have[id] != g {
			return false
		}
	}
	return true
}

// Ranks are the hosts as rollouts see them.
type ranks struct{ s *Server }

func (f ranks) Find(ctx context.Context, query string) (ids []string, err error) {
	err = f.s.hosts.Everything().IDs(ctx, query, func(id string) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// Failures reads what hosts told of changes that failed. Where a host says which
// package was at fault, the others of the same change are not.
func (f ranks) Failures(ctx context.Context, since int64) (failed []rollouts.Failure, newest int64, err error) {
	all := f.s.hosts.Everything()
	if since == 0 {
		page, err := all.Events(ctx, api.EventQuery{Limit: 1})
		if err != nil || len(page.Events) == 0 {
			return nil, 0, err
		}
		return nil, page.Events[0].Number, nil
	}
	page, err := all.Events(ctx, api.EventQuery{Since: since, Failed: true, Limit: 1000})
	newest = since
	for _, e := range page.Events {
		newest = e.Number
		if e.Result != nil && !e.Result.Progress {
			failed = append(failed, failures(e.Host, e.Result)...)
		}
	}
	return failed, newest, err
}

func failures(host string, r *api.Result) (all []rollouts.Failure) {
	blamed := slices.ContainsFunc(r.Steps, func(c api.Change) bool { return c.Error != "" })
	for _, c := range r.Steps {
		if c.To != "" && c.Status == muster.Error && (c.Error != "" || !blamed) {
			all = append(all, rollouts.Failure{Host: host, Package: c.Name, Version: c.To, Time: r.Ended, Error: cmp.Or(c.Error, r.Error)})
		}
	}
	return all
}

// rolloutStep has the audit log tell of a step.
func (s *Server) rolloutStep(ctx context.Context, id string, step api.RolloutStep) {
	content, err := json.Marshal(step)
	if err == nil {
		err = s.audit(ctx, api.AuditEntry{What: "rollout", Who: step.Who, Target: id, Outcome: api.AuditDone, Content: string(content)})
	}
	s.log.Info("rollout", "id", id, "state", step.State, "ring", step.Ring, "why", step.Why)
	if err != nil {
		s.log.Warn("cannot tell the audit log of a rollout", "id", id, "error", err.Error())
	}
}

// failedResults looks at rollouts at once when a host tells of a failure.
func (s *Server) failedResults(in *api.CheckIn) {
	if slices.ContainsFunc(in.Results, func(r api.Result) bool { return r.Error != "" }) {
		s.rollouts.Poke()
	}
}

func (s *Server) listRollouts(ctx context.Context, r *request) (any, error) {
	out, err := s.rollouts.List(ctx)
	if !r.person.may(api.VerbView).All() {
		for i := range out.Rollouts {
			blind(&out.Rollouts[i])
		}
	}
	return out, err
}

// blind takes out of a rollout what tells of hosts: whoever may see some of them only
// is not told how many there are.
func blind(r *api.Rollout) { r.Rings, r.Why, r.Waits = nil, "", "" }

func (s *Server) getRollout(ctx context.Context, r *request) (any, error) {
	out, err := s.rollouts.Detail(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return s.seenRollout(ctx, r, out)
}

// seenRollout is as much of a rollout as the person may see.
func (s *Server) seenRollout(ctx context.Context, r *request, out api.RolloutDetail) (any, error) {
	if r.person.may(api.VerbView).All() {
		return out, nil
	}
	blind(&out.Rollout)
	for i := range out.Steps {
		if out.Steps[i].Who == "" {
			out.Steps[i].Why = ""
		}
	}
	part := s.part(r)
	var seen []api.RolloutFailure
	for _, f := range out.Failures {
		_, err := part.Resolve(ctx, f.Host)
		if err == nil {
			seen = append(seen, f)
		} else if muster.KindOf(err) != muster.NotFound {
			return nil, err
		}
	}
	out.Failures = seen
	return out, nil
}

// changeRollout is for those who may deploy to every host: a rollout is for all.
func (s *Server) changeRollout(ctx context.Context, r *request) (any, error) {
	var in api.RolloutChange
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if err := r.person.everywhere(api.VerbDeploy); err != nil {
		return nil, err
	}
	out, err := s.rollouts.Change(ctx, r.person.name, r.PathValue("id"), in)
	if err != nil {
		return nil, err
	}
	return s.seenRollout(ctx, r, out)
}
