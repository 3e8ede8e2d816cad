package server

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// What people ask about hosts.

// query reads the query of a URL. The first value that cannot be is kept as err.
type query struct {
	url.Values
	err error
}

func (q *query) number(name string) int64 {
	text := q.Get(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		q.err = muster.WithField(muster.Errorf(muster.Invalid, "%s: %q is no number", name, text), name)
	}
	return n
}

// optional is a value that may be "", and may be left out; then it is nil.
func (q *query) optional(name string) *string {
	if !q.Has(name) {
		return nil
	}
	value := q.Get(name)
	return &value
}

// all are the values of a parameter that may be given several times.
func (q *query) all(name string) []string { return q.Values[name] }

func queryOf(r *request) *query {
	v, err := url.ParseQuery(r.URL.RawQuery)
	return &query{Values: v, err: muster.WithKind(muster.Invalid, err)}
}

// oneOf refuses a value of a parameter that nothing has: the answer would be empty, and
// look like one.
func (q *query) oneOf(name string, values ...string) {
	if v := q.Get(name); v != "" && !slices.Contains(values, v) && q.err == nil {
		q.err = muster.WithField(muster.Errorf(muster.Invalid, "there is no %s %.50q, only %s", name, v, strings.Join(values, ", ")), name)
	}
}

// only refuses parameters that are not among names.
func (q *query) only(names ...string) error {
	for name := range q.Values {
		if !slices.Contains(names, name) {
			return muster.WithField(muster.Errorf(muster.Invalid, "there is no parameter %.50q here, only %s", name, strings.Join(names, ", ")), name)
		}
	}
	return nil
}

func (s *Server) listHosts(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.HostQuery{Query: q.Get("q"), Sort: q.Get("sort"), Cursor: q.Get("cursor"), Limit: int(q.number("limit")), Count: q.Get("count") == "1"}
	if columns := q.Get("columns"); columns != "" {
		in.Columns = strings.Split(columns, ",")
	}
	if q.err != nil {
		return nil, q.err
	}
	return s.part(r).List(ctx, in)
}

func (s *Server) countHosts(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	searches := q.all("q")
	if q.err != nil {
		return nil, q.err
	}
	counts, err := s.part(r).Counts(ctx, searches)
	return api.Counts{Hosts: counts}, err
}

// hostTrend is of all hosts: what some of them were is not kept.
func (s *Server) hostTrend(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	from := q.number("from")
	if q.err != nil {
		return nil, q.err
	}
	if !r.person.may(api.VerbView).All() {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "the trend counts all hosts, of which %q may view some", r.person.name), "%s", muster.HintOf(r.person.lacks(api.VerbView)))
	}
	return s.hosts.Trend(ctx, from)
}

func (s *Server) getHost(ctx context.Context, r *request) (any, error) {
	return s.part(r).Detail(ctx, r.PathValue("id"))
}

func (s *Server) editHost(ctx context.Context, r *request) (any, error) {
	var in api.HostEdit
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	part := s.part(r, append(editVerbs(&in), r.byEdit(&in)...)...)
	id, err := part.Resolve(ctx, r.PathValue("id")) // a new name must not lead elsewhere
	if err != nil {
		return nil, err
	}
	if err := part.Edit(ctx, r.person.name, id, in); err != nil {
		return nil, err
	}
	out, err := part.Detail(ctx, id)
	if muster.KindOf(err) == muster.NotFound {
		return api.HostDetail{Host: api.Host{ID: id}}, nil // they moved it out of their sight
	}
	return out, err
}

// changeHosts changes many hosts as editHost does one: what of a host takes a verb takes
// it of each.
func (s *Server) changeHosts(ctx context.Context, r *request) (any, error) {
	var in api.HostsChange
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	verbs := []api.Verb{api.VerbEdit}
	if !in.Forget {
		verbs = append(editVerbs(&in.Edit), r.byEdit(&in.Edit)...)
	}
	out, err := s.part(r, verbs...).Change(ctx, r.person.name, in)
	r.deed = deed{fmt.Sprintf("%d hosts", out.Count), out.Digest}
	if in.Preview {
		r.deed.target = "preview of " + r.deed.target
	}
	return out, err
}

// editVerbs are what the parts of an edit take. That a host is to look for news is
// nothing that is changed: either does.
func editVerbs(in *api.HostEdit) (all []api.Verb) {
	groups := len(in.AddGroups)+len(in.RemoveGroups) > 0
	if groups {
		all = append(all, api.VerbAssign)
	}
	if !groups || in.State != nil || in.Name != nil || in.Unit != nil {
		all = append(all, api.VerbEdit)
	}
	return all
}

func (s *Server) forgetHost(ctx context.Context, r *request) (any, error) {
	return nil, s.part(r, api.VerbEdit).Forget(ctx, r.person.name, r.PathValue("id"))
}

func (s *Server) hostInventory(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	at := q.number("at")
	if q.err != nil {
		return nil, q.err
	}
	doc, err := s.part(r).At(ctx, r.PathValue("id"), at)
	if err != nil {
		return nil, err
	}
	return document(doc, r)
}

func (s *Server) hostDiff(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	from, to := q.number("from"), q.number("to")
	if q.err != nil {
		return nil, q.err
	}
	return s.part(r).Diff(ctx, r.PathValue("id"), from, to)
}

func (s *Server) history(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.HistoryQuery{Host: q.Get("host"), Software: q.Get("software"), From: q.number("from"), To: q.number("to"),
		Cursor: q.Get("cursor"), Limit: int(q.number("limit"))}
	if q.err != nil {
		return nil, q.err
	}
	return s.part(r).History(ctx, in)
}

func (s *Server) software(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	limit := int(q.number("limit"))
	if q.err != nil {
		return nil, q.err
	}
	return s.part(r).Software(ctx, q.Get("q"), q.Get("cursor"), limit)
}

func (s *Server) events(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.EventQuery{Host: q.Get("host"), Since: q.number("since"), Limit: int(q.number("limit")), Failed: q.Get("failed") == "1"}
	if q.err != nil {
		return nil, q.err
	}
	return s.part(r).Events(ctx, in)
}

func (s *Server) listTokens(ctx context.Context, _ *request) (any, error) { return s.hosts.Tokens(ctx) }

func (s *Server) createToken(ctx context.Context, r *request) (any, error) {
	var in api.TokenRequest
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.hosts.CreateToken(ctx, r.person.name, in)
}

func (s *Server) revokeToken(ctx context.Context, r *request) (any, error) {
	return nil, s.hosts.RevokeToken(ctx, r.PathValue("id"))
}

func (s *Server) listApprovals(ctx context.Context, _ *request) (any, error) {
	return s.hosts.Approvals(ctx)
}

func (s *Server) approve(ctx context.Context, r *request) (any, error) {
	var in api.Approval
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return nil, s.hosts.Approve(ctx, in)
}

func (s *Server) listGroups(ctx context.Context, r *request) (any, error) {
	return s.part(r).Groups(ctx)
}

func (s *Server) getGroup(ctx context.Context, r *request) (any, error) {
	return s.part(r).Group(ctx, r.PathValue("name"))
}

func (s *Server) putGroup(ctx context.Context, r *request) (any, error) {
	var in api.Group
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if name := r.PathValue("name"); in.Name != name {
		return nil, muster.Errorf(muster.Invalid, "the group is %q in the address and %q in the body", name, in.Name)
	}
	return s.part(r, append(r.byGroup(in.Name), api.VerbAssign)...).PutGroup(ctx, in)
}

func (s *Server) deleteGroup(ctx context.Context, r *request) (any, error) {
	name := r.PathValue("name")
	return nil, s.part(r, append(r.byGroup(name), api.VerbAssign)...).DeleteGroup(ctx, name)
}
