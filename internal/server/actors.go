package server

import (
	"context"
	"fmt"
	"slices"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/relay"
)

// maySend refuses actions for hosts that are not there, or not the person's to act
// on. What is to be cancelled may be for hosts that were forgotten since.
func (s *Server) maySend(ctx context.Context, r *request, in api.ActionPost) error {
	a, _, err := action.Inspect(in.Message)
	switch {
	case err != nil:
		return err
	case a.Kind == action.Cancel:
		return s.mayActOnLeft(ctx, r, a.Arguments["id"], in.Hosts)
	}
	return s.mayActOn(ctx, r, in.Hosts)
}

// mayActOn refuses unless all the hosts are there, and the person's to act on.
func (s *Server) mayActOn(ctx context.Context, r *request, ids []string) error {
	names, err := s.hosts.Names(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, ok := names[id]; !ok {
			return noTarget(id)
		}
	}
	if r.person.actsEverywhere() {
		return nil
	}
	return s.reaches(ctx, r, ids)
}

// mayActOnLeft refuses unless the person may see the action, and act on those of its
// hosts that are still there: of some, or of all where some is nil. An action that is
// not there is the same as one that may not be seen.
func (s *Server) mayActOnLeft(ctx context.Context, r *request, id string, some []string) error {
	v, err := s.view(ctx, r)
	if err != nil {
		return err
	}
	if _, err := s.relay.Action(ctx, id, v); err != nil || r.person.actsEverywhere() {
		return err
	}
	left, err := s.left(ctx, id, some)
	if err != nil {
		return err
	}
	if len(left) == 0 { // nobody's part, but of who acts on all
		return r.person.cannot(fmt.Sprintf("action %q", id), []api.Verb{api.VerbAct})
	}
	return s.reaches(ctx, r, left)
}

// left are those of an action's hosts that were not forgotten. Others than its hosts
// are not there, whether they are or not: who asks may not know of them.
func (s *Server) left(ctx context.Context, id string, some []string) (left []string, err error) {
	targets, err := s.relay.Hosts(ctx, id)
	if err != nil {
		return nil, err
	}
	if some == nil {
		some = targets
	}
	there := map[string]bool{}
	err = s.hosts.Everything().IDs(ctx, "", func(id string) error {
		there[id] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, host := range some {
		if _, is := slices.BinarySearch(targets, host); !is {
			return nil, noTarget(host)
		}
		if there[host] {
			left = append(left, host)
		}
	}
	return left, nil
}

// reaches refuses unless the person may see and act on all the hosts.
func (s *Server) reaches(ctx context.Context, r *request, ids []string) error {
	seen, err := s.reach(ctx, r)
	if err != nil {
		return err
	}
	acted, err := s.reach(ctx, r, api.VerbAct)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !seen[id] {
			return noTarget(id)
		}
		if !acted[id] {
			return s.cannotActOn(ctx, r, id)
		}
	}
	return nil
}

func (s *Server) cannotActOn(ctx context.Context, r *request, id string) error {
	names, err := s.hosts.Names(ctx, []string{id})
	if err != nil {
		return err
	}
	name := id // of one that was refused
	if names[id] != "" {
		name = names[id]
	}
	return r.person.cannot(fmt.Sprintf("host %q", name), []api.Verb{api.VerbAct})
}

// actsEverywhere reports whether the person may see and act on every host.
func (p *person) actsEverywhere() bool {
	return p.may(api.VerbAct).All() && p.may(api.VerbView).All()
}

// noTarget is for hosts that are not there, for whoever asks.
func noTarget(id string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "there is no host %.64q to act on", id), "muster hosts")
}

// view is the hosts that the person may see.
func (s *Server) view(ctx context.Context, r *request) (relay.View, error) {
	if r.person.may(api.VerbView).All() {
		return nil, nil
	}
	return s.reach(ctx, r)
}

// reach is the hosts over which the person has the verbs, and which they may see.
func (s *Server) reach(ctx context.Context, r *request, verbs ...api.Verb) (map[string]bool, error) {
	all := map[string]bool{}
	return all, s.part(r, verbs...).IDs(ctx, "", func(id string) error {
		all[id] = true
		return nil
	})
}
