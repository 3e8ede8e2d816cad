package server

import (
	"context"
	"encoding/json"
	"strconv"

	"muster/api"
)

// removeSite ends a site. What hosts of it were and had, and what was counted of them,
// is deleted from then on: by [sites.Sites.Run], and by those who follow hosts.
func (s *Server) removeSite(ctx context.Context, r *request) (any, error) {
	one, err := s.sites.Site(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	r.deed.target = one.Name
	if err := s.sites.RemoveSite(ctx, s.now(), one.Name); err != nil {
		return nil, err
	}
	// A site of this name that is made now has nothing of what was.
	if err := s.references.ForgetSite(ctx, one.Name); err != nil {
		return nil, err
	}
	return json.RawMessage("{}"), s.advisories.ForgetSite(ctx, one.Name)
}

// followSites lists sites that were removed, after a number, to who may see those of such
// names.
func (s *Server) followSites(ctx context.Context, n int64, limit int, see func(string) bool) (items []api.FeedItem, last int64, err error) {
	all, err := s.sites.RemovedAfter(ctx, n, limit)
	for _, one := range all {
		if n = one.Number; see(one.Name) {
			items = append(items, api.FeedItem{ID: "s" + strconv.FormatInt(n, 10), Kind: api.SiteRemoved, Time: one.Time, Site: one.Name})
		}
	}
	return items, n, err
}
