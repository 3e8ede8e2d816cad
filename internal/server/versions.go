package server

import (
	"context"
	"net/http"

	"muster"
	"muster/api"
	"muster/control"
)

// versions are of all hosts, as the trend is.
func (s *Server) versions(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.SpreadQuery{Packages: q.all("package"), From: q.number("from"), Limit: int(q.number("limit"))}
	if q.err != nil {
		return nil, q.err
	}
	if !r.person.may(api.VerbView).All() {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "versions are counted on all hosts, of which %q may view some", r.person.name), "%s", muster.HintOf(r.person.lacks(api.VerbView)))
	}
	return s.hosts.Spread(ctx, in)
}

func (s *Server) countVersions(ctx context.Context, r *request) (any, error) {
	return nil, s.chooseVersions(ctx, r)
}

func (s *Server) leaveVersions(ctx context.Context, r *request) (any, error) {
	return nil, s.chooseVersions(ctx, r)
}

func (s *Server) chooseVersions(ctx context.Context, r *request) error {
	name := r.PathValue("name")
	if err := control.CheckName(name); err != nil {
		return err
	}
	return s.hosts.ChooseSpread(ctx, name, r.Method == http.MethodPut)
}

// rolling are the packages of rollouts that go on. That many hosts have a package counts
// of those that bring software: what a group brings has a version too, of which nobody
// asks.
func (s *Server) rolling(ctx context.Context) (names []string, may func(string) bool, err error) {
	none := func(string) bool { return false }
	if !s.depot.exists() {
		return nil, none, nil
	}
	page, err := s.rollouts.List(ctx)
	if err != nil {
		return nil, none, err
	}
	for _, r := range page.Rollouts {
		if !r.Gone && (r.State == "running" || r.State == "paused" || r.State == "halted") {
			names = append(names, r.Package)
		}
	}
	p, err := s.depot.publisher()
	if err != nil {
		return nil, none, err
	}
	listed, err := p.Listed()
	if err != nil {
		return nil, none, err
	}
	return names, func(name string) bool {
		found := listed.Find(name)
		return len(found) > 0 && found[0].Kind == muster.Base
	}, nil
}
