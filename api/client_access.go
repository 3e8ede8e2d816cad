package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// LoginWays says how one may log in.
func (c *Client) LoginWays(ctx context.Context) (out LoginWays, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: RouteLoginWays}, &out)
	return out, err
}

// post sends what opens a session, or leads to one.
func (c *Client) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.do(ctx, request{method: http.MethodPost, path: path, body: body}, out)
}

// LoginPassword opens a session by a password.
func (c *Client) LoginPassword(ctx context.Context, in PasswordLogin) (out Session, err error) {
	err = c.post(ctx, RouteLoginPassword, in, &out)
	return out, err
}

// LoginTLS opens a session by the client certificate of the connection.
func (c *Client) LoginTLS(ctx context.Context, in TLSLogin) (out Session, err error) {
	err = c.post(ctx, RouteLoginTLS, in, &out)
	return out, err
}

// BeginOIDC begins a login by OpenID Connect.
func (c *Client) BeginOIDC(ctx context.Context, in OIDCBegin) (out OIDCBegun, err error) {
	err = c.post(ctx, RouteLoginOIDC, in, &out)
	return out, err
}

// EndOIDC ends it, and opens a session.
func (c *Client) EndOIDC(ctx context.Context, in OIDCEnd) (out Session, err error) {
	err = c.post(ctx, RouteLoginOIDCEnd, in, &out)
	return out, err
}

// Self says who one is, and what one may do.
func (p *PersonClient) Self(ctx context.Context) (out Self, err error) {
	err = p.get(ctx, RouteSelf, nil, &out)
	return out, err
}

// ChangePassword changes one's own password, and ends one's other sessions.
func (p *PersonClient) ChangePassword(ctx context.Context, in PasswordChange) (out PasswordChanged, err error) {
	err = p.send(ctx, http.MethodPut, RoutePassword, in, &out)
	return out, err
}

// Sessions lists one's own sessions.
func (p *PersonClient) Sessions(ctx context.Context) (out SessionPage, err error) {
	err = p.get(ctx, RouteSessions, nil, &out)
	return out, err
}

// SessionsOf lists those of a person or, with "", of everybody: who administers may.
func (p *PersonClient) SessionsOf(ctx context.Context, person string) (out SessionPage, err error) {
	return p.FindSessions(ctx, person, ListQuery{})
}

// FindSessions lists a page of them.
func (p *PersonClient) FindSessions(ctx context.Context, person string, in ListQuery) (out SessionPage, err error) {
	q := in.query()
	q.Set("person", person)
	err = p.get(ctx, RouteSessions, q, &out)
	return out, err
}

// query is in as that of a URL.
func (in *ListQuery) query() url.Values {
	q := query("like", in.Query, "person", in.Name, "cursor", in.Cursor)
	if in.Limit > 0 {
		q.Set("limit", number(int64(in.Limit)))
	}
	return q
}

// EndSession ends a session by its id.
func (p *PersonClient) EndSession(ctx context.Context, id string) error {
	return p.send(ctx, http.MethodDelete, at(RouteSession, id), nil, nil)
}

// People lists all people.
func (p *PersonClient) People(ctx context.Context) (PersonPage, error) {
	return p.FindPeople(ctx, ListQuery{})
}

// FindPeople lists people, or a page of them.
func (p *PersonClient) FindPeople(ctx context.Context, in ListQuery) (out PersonPage, err error) {
	err = p.get(ctx, RoutePeople, in.query(), &out)
	return out, err
}

// AddPerson makes somebody who logs in by a password.
func (p *PersonClient) AddPerson(ctx context.Context, in PersonNew) (out Person, err error) {
	err = p.send(ctx, http.MethodPost, RoutePeople, in, &out)
	return out, err
}

// EditPerson changes a person.
func (p *PersonClient) EditPerson(ctx context.Context, name string, in PersonEdit) (out Person, err error) {
	err = p.send(ctx, http.MethodPatch, at(RoutePerson, name), in, &out)
	return out, err
}

// RemovePerson forgets a person, their sessions, tokens, and the rules that name them.
func (p *PersonClient) RemovePerson(ctx context.Context, name string) error {
	return p.send(ctx, http.MethodDelete, at(RoutePerson, name), nil, nil)
}

// Rules lists who may do what.
func (p *PersonClient) Rules(ctx context.Context) (out RulePage, err error) {
	return p.FindRules(ctx, ListQuery{})
}

// FindRules lists who may do what, or a page of that.
func (p *PersonClient) FindRules(ctx context.Context, in ListQuery) (out RulePage, err error) {
	err = p.get(ctx, RouteRules, in.query(), &out)
	return out, err
}

// AddRule gives somebody verbs over hosts.
func (p *PersonClient) AddRule(ctx context.Context, r Rule) (out Rule, err error) {
	err = p.send(ctx, http.MethodPost, RouteRules, r, &out)
	return out, err
}

// RemoveRule takes a rule away.
func (p *PersonClient) RemoveRule(ctx context.Context, id int64) error {
	return p.send(ctx, http.MethodDelete, at(RouteRule, number(id)), nil, nil)
}

// TestRights says what a person may do: with a verb, of it alone, and with a host,
// to that one.
func (p *PersonClient) TestRights(ctx context.Context, person string, verb Verb, host string) (out RightsPage, err error) {
	err = p.get(ctx, RouteRulesTest, query("person", person, "verb", string(verb), "host", host), &out)
	return out, err
}

// APITokens lists one's own tokens or, for who administers, those of everybody.
func (p *PersonClient) APITokens(ctx context.Context, all bool) (out APITokenPage, err error) {
	q := query()
	if all {
		q.Set("all", "1")
	}
	err = p.get(ctx, RouteAPITokens, q, &out)
	return out, err
}

// CreateAPIToken makes a token for a program; only this answer holds its secret.
func (p *PersonClient) CreateAPIToken(ctx context.Context, in APITokenNew) (out APIToken, err error) {
	err = p.send(ctx, http.MethodPost, RouteAPITokens, in, &out)
	return out, err
}

// RevokeAPIToken ends a token.
func (p *PersonClient) RevokeAPIToken(ctx context.Context, id string) error {
	return p.send(ctx, http.MethodDelete, at(RouteAPIToken, id), nil, nil)
}
