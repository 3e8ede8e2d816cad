package server

import (
	"context"
	"time"

	"muster"
	"muster/api"
	"muster/internal/hosts"
	"muster/internal/sites"
	"muster/search"
	"muster/sitereport"
)

// A fleetFollower has hosts under agents stand beside those of sites, so that they are
// compared and matched alike. It follows what hosts report as package glpisync does.
type fleetFollower struct {
	*Server
	part *hosts.Part
	self string
}

// Bounds of following.
const (
	followEach  = 5 * time.Second
	followHold  = 10 * time.Minute
	followSweep = 24 * time.Hour
	followName  = "fleet"
)

// followFleet follows until ctx ends.
func (s *Server) followFleet(ctx context.Context) {
	f := &fleetFollower{s, s.hosts.Part(search.Everything(), search.Everything(), nil), newRequestID()}
	tick := time.NewTicker(followEach)
	defer tick.Stop()
	for {
		if err := f.round(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("sites", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round takes what hosts say that changed, if no other server does.
func (f *fleetFollower) round(ctx context.Context) error {
	at, ok, err := f.sites.Lead(ctx, f.now(), followName, f.self, followHold)
	if err != nil || !ok {
		return err
	}
	if at.Cursor == "" || f.now().Unix() >= at.Swept+int64(followSweep/time.Second) {
		if at, err = f.sweep(ctx); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		ids, next, err := f.changed(ctx, at.Cursor)
		if err != nil || next == at.Cursor {
			return err
		}
		for _, id := range ids {
			if err := f.tryTake(ctx, id); err != nil {
				return err
			}
		}
		at.Cursor = next
		if err := f.note(ctx, at); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (f *fleetFollower) note(ctx context.Context, at sites.Place) error {
	return f.sites.Follow(ctx, followName, f.self, at, f.now().Add(followHold))
}

// changed lists the hosts that something happened to after a cursor, and the cursor
// behind that.
func (f *fleetFollower) changed(ctx context.Context, place string) (ids []string, next string, err error) {
	items, next, err := hookFeed{f.Server}.Read(ctx, place, "", []string{"host", "inventory"}, 500)
	seen := map[string]bool{}
	for _, i := range items {
		if i.Host != "" && i.Kind != "host.result" && !seen[i.Host] {
			seen[i.Host] = true
			ids = append(ids, i.Host)
		}
	}
	return ids, next, err
}

// sweep looks all hosts over, once a day and where none was followed before. The place
// in the feed is taken first, so that none is missed.
func (f *fleetFollower) sweep(ctx context.Context) (at sites.Place, err error) {
	at.Swept = f.now().Unix()
	if at.Cursor, err = (hookFeed{f.Server}).Now(ctx); err != nil {
		return at, err
	}
	there := map[string]bool{}
	err = eachHost(ctx, api.HostQuery{Limit: 1000}, f.part.List, func(h *api.Host) error {
		there[h.ID] = true
		if len(there)%1000 == 0 { // it leads on
			if err := f.note(ctx, sites.Place{}); err != nil {
				return err
			}
		}
		return f.tryTake(ctx, h.ID)
	})
	if err != nil {
		return at, err
	}
	if past := f.cfg.Hosts.History.std(); past > 0 { // as long as that of inventories
		if err := f.sites.PruneFleet(ctx, f.now(), past); err != nil {
			return at, err
		}
	}
	fleet, page := true, sites.Page{Limit: 1000}
	for {
		known, err := f.sites.Hosts(ctx, sites.Filter{Fleet: &fleet}, page)
		if err != nil {
			return at, err
		}
		if len(known) == 0 {
			return at, f.note(ctx, at)
		}
		for _, h := range known {
			page.After = h.ID
			if !there[h.Agent] {
				if err := f.sites.ForgetAgent(ctx, f.now(), h.Agent); err != nil {
					return at, err
				}
			}
		}
	}
}

// tryTake takes what a host has. One that cannot be taken does not hold up those behind it:
// the next sweep tries it again. A database that does not answer ends the round.
func (f *fleetFollower) tryTake(ctx context.Context, id string) error {
	err := f.take(ctx, id)
	if err == nil || ctx.Err() != nil || muster.KindOf(err) == muster.Unavailable {
		return err
	}
	f.log.Warn("cannot keep the packages of a host", "host", id, "error", err.Error())
	return nil
}

// take keeps what a host has. One that says what it said before costs reading it, and
// writes nothing.
func (f *fleetFollower) take(ctx context.Context, id string) error {
	w, err := f.part.Whole(ctx, id)
	switch kind := muster.KindOf(err); {
	case kind == muster.NotFound, err == nil && w.State != api.Accepted && w.State != api.Cloned:
		return f.sites.ForgetAgent(ctx, f.now(), id)
	case kind == muster.Unavailable && ctx.Err() == nil:
		return nil // it has said nothing yet
	case err != nil:
		return err
	}
	r := sitereport.Of(w.Document)
	if r.Host == "" {
		r.Host = w.Name
	}
	if len(r.Packages) == 0 {
		known, err := f.known(ctx, id)
		if err != nil || !known {
			return err // as most of those that have no package manager
		}
	}
	_, err = f.sites.Take(ctx, f.now(), r, sites.Sender{Form: "agent", Agent: id})
	return err
}

// known reports whether a host had packages.
func (f *fleetFollower) known(ctx context.Context, id string) (bool, error) {
	fleet := true
	all, err := f.sites.Hosts(ctx, sites.Filter{Fleet: &fleet, Agents: []string{id}}, sites.Page{Limit: 1})
	return len(all) > 0, err
}
