package server

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"muster"
	"muster/api"
	"muster/internal/sites"
)

// errEnough ends a list whose page is full.
var errEnough = errors.New("the page is full")

// sightingHosts lists who has a package, in the order in which hosts came. All of a host is
// on one page.
func (s *Server) sightingHosts(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	after, limit := q.number("cursor"), int(min(q.number("limit"), 5000))
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	if q.Get("name") == "" {
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "name: say of which package"), "name")
	}
	limit = cmp.Or(limit, 500)
	out := api.SightedPage{Hosts: []api.SightedHost{}}
	err = s.sites.Sighted(ctx, see, q.Get("name"), q.Get("version"), func(h *sites.Host, k *sites.Known) error {
		if h.ID <= after {
			return nil
		}
		if n := len(out.Hosts); n >= limit && out.Hosts[n-1].ID != h.ID {
			out.Next = strconv.FormatInt(out.Hosts[n-1].ID, 10)
			return errEnough
		}
		p := &k.Package
		out.Hosts = append(out.Hosts, api.SightedHost{ID: h.ID, Name: h.Name, Site: h.Site, Agent: h.Agent, Tag: h.Tag, System: cmp.Or(h.System.Name, systemWire(&h.System)), Last: h.Last,
			Package: p.Name, Version: p.Version, Arch: p.Arch, Manager: p.Manager})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}
