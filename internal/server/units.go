package server

import (
	"context"

	"muster"
	"muster/api"
)

// listUnits lists the units of the hosts that a person sees, with whether a signed
// package says something for each.
func (s *Server) listUnits(ctx context.Context, r *request) (any, error) {
	units, err := s.part(r).Units(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.depot.publisher()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = u.Package
	}
	signed, err := p.Binned(names...)
	if err != nil && muster.KindOf(err) != muster.NotFound { // there is no repository yet
		return nil, err
	}
	for i := range units {
		units[i].Signed = signed[units[i].Package]
	}
	return api.UnitPage{Units: units}, nil
}
