package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/access"
	"muster/internal/hosts"
	"muster/search"
	"muster/sign"
)

// Who may do what. The table of routes says which verb each takes; rules say who has
// it over which hosts; package hosts finds these and no others.

// openAccess opens people and rules, and makes those administrators whom trust.d
// believes at the first start.
func (s *Server) openAccess(ctx context.Context) (err error) {
	c := access.Config{DB: s.db, Now: s.now, Last: s.cfg.Sessions.Last.std(), Idle: s.cfg.Sessions.Idle.std(), Skew: s.cfg.Hosts.Skew.std()}
	if s.access, err = access.Open(ctx, c); err != nil {
		return err
	}
	anchors, err := s.people.believed(s.now())
	if err != nil {
		return err
	}
	var first []access.Login
	for _, c := range anchors {
		if !mayBeFirst(c) {
			continue
		}
		// Who may not log in now may yet: the certificate is not good before tomorrow.
		ways, err := s.people.ways([]*x509.Certificate{c}, s.now())
		if err != nil {
			ways = [][]*x509.Certificate{{c}}
		}
		first = append(first, loginOf(c, ways))
	}
	return s.makeFirst(ctx, first...)
}

// makeFirst makes the first administrators, if there was none.
func (s *Server) makeFirst(ctx context.Context, people ...access.Login) error {
	if len(people) == 0 {
		return nil
	}
	names, err := s.access.First(ctx, people...)
	if err != nil {
		return err
	}
	return s.auditAdministrators(ctx, "whom trust.d believes", names...)
}

// auditAdministrators writes who was made an administrator by who has the server.
func (s *Server) auditAdministrators(ctx context.Context, how string, names ...string) error {
	for _, name := range names {
		e := api.AuditEntry{What: "server", Target: "person:" + name, Outcome: api.AuditDone, Reason: "made an administrator: " + how}
		if err := s.audit(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// mayBeFirst reports whether somebody whom trust.d names may be the first
// administrator: who may sign code or certify others.
func mayBeFirst(c *x509.Certificate) bool {
	return !c.IsCA && (sign.Has(c, sign.RightCode) || sign.Has(c, sign.RightIssue))
}

// firstAdministrator makes the first of those an administrator who log in to a
// server that has none: it was started before anybody was believed.
func (s *Server) firstAdministrator(ctx context.Context, leaf *x509.Certificate, l access.Login) error {
	anchors, err := s.people.believed(s.now())
	if err != nil || !mayBeFirst(leaf) || !slices.ContainsFunc(anchors, leaf.Equal) {
		return err
	}
	if begun, err := s.access.Begun(ctx); err != nil || begun {
		return err
	}
	return s.makeFirst(ctx, l)
}

// Administrator gives somebody every right: for who has the server itself.
func (s *Server) Administrator(ctx context.Context, name, password string) error {
	if err := s.access.Administrator(ctx, name, password); err != nil {
		return err
	}
	return s.auditAdministrators(ctx, "on the server itself", name)
}

// Administrators are those who administer, as rules name them.
func (s *Server) Administrators(ctx context.Context) ([]string, error) {
	rules, err := s.access.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return rules.Whose(api.VerbAdminister, s.now()), nil
}

// allowed refuses a person who has none of the verbs of a route over any host,
// before anything of the request is looked at: the answer is the same whatever is
// there.
func (s *Server) allowed(r *request, rt *route) error {
	if rt.verb == api.VerbSelf {
		if r.person.visit.Way == "token" && rt.path != api.RouteSelf {
			return muster.Errorf(muster.Denied, "a token is for programs: this takes the session of a person")
		}
		return nil
	}
	for _, v := range append([]api.Verb{rt.verb}, rt.or...) {
		if !r.person.may(v).None() {
			return nil
		}
	}
	return r.person.lacks(rt.verb)
}

// lacks says which verb is missing, and who can give it.
func (p *person) lacks(v api.Verb) error {
	called, whose := p.lacking(v)
	err := muster.Errorf(muster.Denied, "%s has no right to %q on this server", called, v)
	who := p.visit.Rules.Whose(api.VerbAdminister, p.now)
	if len(who) > 4 {
		who = append(who[:4:4], "...")
	}
	hint := fmt.Sprintf("who administers can give it ('muster rights add %s %s'): %s", whose, v, strings.Join(who, ", "))
	if v == api.VerbAdminister {
		hint += "; or on the server itself: 'musterd people add --admin NAME'"
	}
	return muster.WithHint(err, "%s", hint)
}

// lacking names who has to be given a verb, for people and as rules do: a token has what
// its owner has and its own rules say, so that either may lack it.
func (p *person) lacking(v api.Verb) (called, whose string) {
	token := p.visit.Token
	if token == "" {
		return strconv.Quote(p.name), "person:" + p.name
	}
	owner := p.visit.Caller
	owner.Token = ""
	if !access.May(p.visit.Rules, &owner, v, p.now).All() {
		return fmt.Sprintf("%q, whose token %s asks,", p.name, token), "person:" + p.name
	}
	return fmt.Sprintf("token %s of %q", token, p.name), "token:" + token
}

// everywhere refuses a person who has a verb over some hosts only.
func (p *person) everywhere(v api.Verb) error {
	if p.may(v).All() {
		return nil
	}
	return p.lacks(v)
}

// part is what the person may see of the hosts, and change with the verbs: what they
// have all of.
func (s *Server) part(r *request, verbs ...api.Verb) *hosts.Part {
	change := search.Everything()
	for _, v := range verbs {
		change = change.And(r.person.may(v))
	}
	return s.hosts.Part(r.person.may(api.VerbView), change, func(what string) error { return r.person.cannot(what, verbs) })
}

// cannot says that a host or group may be seen, but not changed.
func (p *person) cannot(what string, verbs []api.Verb) error {
	for _, v := range verbs {
		if !p.may(v).All() {
			called, _ := p.lacking(v)
			return muster.WithHint(muster.Errorf(muster.Denied, "%s may see %s, but has no right to %q there", called, what, v), "%s", muster.HintOf(p.lacks(v)))
		}
	}
	return muster.Errorf(muster.Denied, "%q may see %s, but has no right to change it", p.name, what)
}

// whoAmI says who asks, and what they may do.
func (s *Server) whoAmI(_ context.Context, r *request) (any, error) {
	v := r.person.visit
	return api.Self{Name: v.Name, Way: v.Way, Token: v.Token, Groups: v.Groups, Rights: v.Rights, Expires: v.Expires,
		May: access.Overview(v.Rules, &v.Caller, r.person.now)}, nil
}

func (s *Server) listRules(_ context.Context, r *request) (any, error) {
	q := queryOf(r)
	after, limit := q.number("cursor"), int(min(q.number("limit"), maxPage))
	if q.err != nil {
		return nil, q.err
	}
	out := api.RulePage{Rules: r.person.visit.Rules.List()} // by their numbers
	at := slices.IndexFunc(out.Rules, func(r api.Rule) bool { return r.ID > after })
	if at < 0 {
		at = len(out.Rules)
	}
	if out.Rules = out.Rules[at:]; limit > 0 && len(out.Rules) > limit {
		out.Rules = out.Rules[:limit]
		out.Next = strconv.FormatInt(out.Rules[limit-1].ID, 10)
	}
	return out, nil
}

func (s *Server) addRule(ctx context.Context, r *request) (any, error) {
	var in api.Rule
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	out, err := s.access.AddRule(ctx, r.person.name, in)
	if err == nil {
		s.log.Info("rule added", "request", r.id, "name", r.person.name, "rule", out.ID, "who", out.Who, "verbs", out.Verbs, "hosts", out.Hosts)
	}
	return out, err
}

func (s *Server) removeRule(ctx context.Context, r *request) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%q is no number of a rule", r.PathValue("id"))
	}
	if err = s.access.RemoveRule(ctx, id); err == nil {
		s.log.Info("rule removed", "request", r.id, "name", r.person.name, "rule", id)
	}
	return nil, err
}

// testRules says what somebody may do, or whether they may do it to one host. Groups
// and rights are those of their newest login.
func (s *Server) testRules(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	if q.err != nil {
		return nil, q.err
	}
	c, err := s.access.Tell(ctx, q.Get("person"))
	if err != nil {
		return nil, err
	}
	rules := r.person.visit.Rules
	if _, err := s.access.Person(ctx, c.Name); muster.KindOf(err) == muster.NotFound && !slices.ContainsFunc(rules.List(), func(x access.Rule) bool { return x.Who == "person:"+c.Name }) {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "nobody called %.64q has logged in, and no rule names them", c.Name), "muster people list")
	}
	out := api.RightsPage{Person: c.Name, Groups: c.Groups, Rights: c.Rights, May: access.Overview(rules, &c, r.person.now)}
	if verb := api.Verb(q.Get("verb")); verb != "" {
		if !slices.Contains(api.Verbs(), verb) {
			return nil, muster.Errorf(muster.Invalid, "%q is no verb", verb)
		}
		out.May = slices.DeleteFunc(out.May, func(m api.Right) bool { return m.Verb != verb })
	}
	if host := q.Get("host"); host != "" {
		if out.Host, err = s.part(r).Resolve(ctx, host); err != nil {
			return nil, err
		}
		return out, s.keepThoseOf(ctx, &out, rules, &c, r.person.now)
	}
	return out, nil
}

// keepThoseOf leaves of an overview the verbs that are so of one host.
func (s *Server) keepThoseOf(ctx context.Context, out *api.RightsPage, rules *access.Rules, c *access.Caller, now time.Time) error {
	var errs []error
	see := access.May(rules, c, api.VerbView, now)
	out.May = slices.DeleteFunc(out.May, func(m api.Right) bool {
		_, err := s.hosts.Part(see.And(access.May(rules, c, m.Verb, now)), search.Scope{}, nil).Resolve(ctx, out.Host)
		if err != nil && muster.KindOf(err) != muster.NotFound {
			errs = append(errs, err)
		}
		return err != nil
	})
	return errors.Join(errs...)
}
