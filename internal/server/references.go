package server

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"muster"
	"muster/api"
	"muster/internal/references"
)

// openReferences opens what holds hosts against wanted versions.
func (s *Server) openReferences(ctx context.Context) (err error) {
	s.references, err = references.Open(ctx, references.Config{DB: s.db, Source: s.sites, Systems: s.advisories.Systems, Now: func() time.Time { return s.now() }})
	return err
}

// sight is what a person may see of sites and of hosts under agents.
func (s *Server) sight(ctx context.Context, r *request) (references.Sight, error) {
	scope := r.person.may(api.VerbView)
	if scope.All() {
		return references.Sight{}, nil
	}
	agents := map[string]bool{}
	err := s.part(r).IDs(ctx, "", func(id string) error {
		agents[id] = true
		return nil
	})
	return references.Sight{Site: scope.Site, Agent: func(id string) bool { return agents[id] }}, err
}

// forSight takes out of a list the sites that a person may not see. ok is false where it is
// for these alone.
func forSight(l *api.Reference, see func(site string) bool) (ok, whole bool) {
	all := len(l.Sites)
	l.Sites = slices.DeleteFunc(slices.Clone(l.Sites), func(site string) bool { return !see(site) })
	return all == 0 || len(l.Sites) > 0, len(l.Sites) == all
}

func (s *Server) listReferences(ctx context.Context, r *request) (any, error) {
	out, err := s.references.Lists(ctx)
	see := r.person.may(api.VerbView)
	all := out.References
	out.References = all[:0]
	for i := range all {
		if ok, _ := forSight(&all[i], see.Site); ok {
			out.References = append(out.References, all[i])
		}
	}
	return out, err
}

// getReference keeps the text back of who may not see all sites that it is for. Whoever may
// not see the list as it is now, or was when it was taken away, sees no older one.
func (s *Server) getReference(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	revision := q.number("revision")
	if q.err != nil {
		return nil, q.err
	}
	out, err := s.references.Get(ctx, r.PathValue("name"), revision)
	if err != nil {
		return nil, err
	}
	last := api.Reference{}
	if last.Sites, err = s.references.For(ctx, r.PathValue("name")); err != nil {
		return nil, err
	}
	see := r.person.may(api.VerbView).Site
	now, _ := forSight(&last, see)
	ok, whole := forSight(&out.Reference, see)
	if !ok || !now {
		return nil, references.None(r.PathValue("name"))
	}
	if !whole {
		out.Text = ""
	}
	return out, nil
}

// referenceSight is what a person may see of what a list is held against. A list that is for
// sites that they may not see is as one that is not there.
func (s *Server) referenceSight(ctx context.Context, r *request) (sight references.Sight, err error) {
	all, err := s.references.Lists(ctx)
	if err != nil {
		return sight, err
	}
	i := slices.IndexFunc(all.References, func(l api.Reference) bool { return l.Name == r.PathValue("name") })
	if i < 0 {
		return sight, references.None(r.PathValue("name"))
	}
	if ok, _ := forSight(&all.References[i], r.person.may(api.VerbView).Site); !ok {
		return sight, references.None(r.PathValue("name"))
	}
	return s.sight(ctx, r)
}

// putReference is for those who may edit everything: a list speaks of all hosts that it
// does not leave out.
func (s *Server) putReference(ctx context.Context, r *request) (any, error) {
	if err := r.person.everywhere(api.VerbEdit); err != nil {
		return nil, err
	}
	var in api.ReferencePut
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.references.Put(ctx, r.person.name, r.PathValue("name"), in)
}

func (s *Server) removeReference(ctx context.Context, r *request) (any, error) {
	if err := r.person.everywhere(api.VerbEdit); err != nil {
		return nil, err
	}
	return json.RawMessage("{}"), s.references.Remove(ctx, r.person.name, r.PathValue("name"))
}

func (s *Server) compareReference(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	q.oneOf("by", api.ReferenceByHost, api.ReferenceBySite, api.ReferenceByPackage)
	in := references.Question{By: cmp.Or(q.Get("by"), api.ReferenceBySite), Verdict: q.Get("verdict"), Package: q.Get("package"), Manager: q.optional("manager"), Arch: q.optional("arch"), Site: q.optional("site"), After: q.Get("cursor"), Limit: min(int(q.number("limit")), 5000)}
	if q.err != nil {
		return nil, q.err
	}
	var err error
	if in.Sight, err = s.referenceSight(ctx, r); err != nil {
		return nil, err
	}
	return s.references.Compare(ctx, r.PathValue("name"), in)
}

func (s *Server) referenceHost(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	at := q.number("at")
	if q.err != nil {
		return nil, q.err
	}
	num, err := strconv.ParseInt(r.PathValue("host"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%.30q is no number of a host", r.PathValue("host"))
	}
	sight, err := s.referenceSight(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.references.Host(ctx, r.PathValue("name"), num, at, sight)
}

func (s *Server) referenceTrend(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	from, to := q.number("from"), q.number("to")
	if q.err != nil {
		return nil, q.err
	}
	sight, err := s.referenceSight(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.references.Days(ctx, r.PathValue("name"), from, to, sight)
}

func (s *Server) patched(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := references.Wish{Name: q.Get("name"), Manager: q.Get("manager"), Arch: q.Get("arch"), Want: q.Get("want"), Systems: q.all("system"), Sites: q.all("site"),
		From: q.number("from"), Days: int(min(q.number("days"), 3660))}
	if q.err != nil {
		return nil, q.err
	}
	var err error
	if in.Sight, err = s.sight(ctx, r); err != nil {
		return nil, err
	}
	return s.references.Patched(ctx, in)
}
