package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"muster"
	"muster/api"
	"muster/internal/canon"
	"muster/internal/hosts"
)

// What people do stands in the audit log before they are answered: that it was
// begun before it is, and how it ended after. Both are apart from what is done: a
// server that is killed in between leaves an entry that says begun and no more.

// changes reports whether a route changes something in the name of a person.
func (rt *route) changes() bool {
	return rt.who == aPerson && rt.method != http.MethodGet && rt.serve != nil
}

// logsIn reports whether a route opens a session.
func (rt *route) logsIn() bool {
	return rt.method == http.MethodPost && (rt.path == api.RouteLogin || strings.HasPrefix(rt.path, api.RouteLogin+"/")) && rt.serve != nil
}

// audited is a route whose requests are in the audit log.
func (s *Server) audited(rt *route) *route {
	out := *rt
	switch {
	case rt.changes():
		out.serve = func(s *Server, ctx context.Context, r *request) (any, error) { return s.auditChange(ctx, r, rt) }
	case rt.logsIn():
		out.serve = func(s *Server, ctx context.Context, r *request) (any, error) { return s.auditLogin(ctx, r, rt) }
	case rt.who == aPerson && rt.serve != nil:
		out.serve = func(s *Server, ctx context.Context, r *request) (any, error) {
			answer, err := rt.serve(s, ctx, r)
			s.auditRefusal(r, rt, err)
			return answer, err
		}
	}
	return &out
}

func (s *Server) auditChange(ctx context.Context, r *request, rt *route) (any, error) {
	e := s.entry(r, rt)
	e.Outcome = api.AuditBegun
	e.Content, e.Body = content(r.body)
	if err := s.audit(ctx, e); err != nil {
		return nil, fmt.Errorf("cannot write the audit log: %w", err)
	}
	out, err := rt.serve(s, ctx, r)
	e.Content, e.Body = "", ""
	e.Target, e.Digest = cmp.Or(r.deed.target, e.Target), r.deed.digest
	s.auditOutcome(ctx, r, e, err)
	return out, err
}

// auditOutcome writes how a request ended, also when the caller has gone. It cannot
// be taken back for want of the entry: that it was begun is on disk.
func (s *Server) auditOutcome(ctx context.Context, r *request, e api.AuditEntry, err error) {
	e.Outcome = api.AuditDone
	if err != nil {
		e.Outcome, e.Reason = string(muster.KindOf(err)), err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := s.audit(ctx, e); err != nil {
		s.log.Error("cannot write to the audit log how a request ended", "request", r.id, "error", err.Error())
	}
}

func (s *Server) auditLogin(ctx context.Context, r *request, rt *route) (any, error) {
	out, err := rt.serve(s, ctx, r)
	session, opened := out.(api.Session)
	if err == nil && !opened {
		return out, nil // a step on the way
	}
	e := s.entry(r, rt)
	e.What, e.Target = "login", claimedName(r)
	if opened {
		e.Who, e.Target = session.Name, ""
	} else if e.More, opened = s.refusals.strangers.take(); !opened {
		return out, err
	}
	e.Outcome = api.AuditDone
	if err != nil {
		e.Outcome, e.Reason = string(muster.KindOf(err)), err.Error()
	}
	if failed := s.audit(ctx, e); failed != nil && err == nil {
		return nil, fmt.Errorf("cannot write the audit log: %w", failed)
	}
	return out, err
}

// claimedName is who a login says that it is of.
func claimedName(r *request) string {
	var in struct {
		Name        string `json:"name"`
		Certificate string `json:"certificate"`
	}
	if parse(r.body, &in) != nil {
		return ""
	}
	if in.Name == "" && r.message != nil {
		return "key " + r.message.KeyID
	}
	return in.Name
}

// auditRefusal writes that somebody was refused, before they hear it. How many a
// second is bounded: what is left out is counted in the next. What was asked for is not
// kept, as it was not done.
func (s *Server) auditRefusal(r *request, rt *route, err error) {
	if err == nil || muster.KindOf(err) != muster.Denied || errors.Is(err, hosts.ErrWaits) {
		return
	}
	what, bound := s.refused(r, rt)
	if bound == nil {
		return
	}
	more, ok := bound.take()
	if !ok {
		return
	}
	e := s.entry(r, rt)
	e.What, e.More = what, more
	if what == "host" {
		e.Target = r.message.KeyID
	}
	s.auditOutcome(r.Context(), r, e, err)
}

// refused says what the log calls whoever was refused, and what bounds these entries;
// nil: the log does not speak of them.
func (s *Server) refused(r *request, rt *route) (what string, b *bound) {
	switch {
	case rt.who == aHost && r.message != nil:
		return "host", &s.refusals.hosts
	case rt.who != aPerson && !rt.logsIn():
		return "", nil
	case r.person == nil:
		return "stranger", &s.refusals.strangers
	}
	return "request", &s.refusals.people
}

// refusals bound the entries of those who are refused, so that nobody fills the log. A
// host that is refused asks again and again: one entry a minute, with how many were
// left out, says so.
type refusals struct{ strangers, people, hosts bound }

func newRefusals() *refusals {
	return &refusals{strangers: bound{rate: rate.NewLimiter(1, 60)}, people: bound{rate: rate.NewLimiter(5, 200)}, hosts: bound{rate: rate.NewLimiter(rate.Every(time.Minute), 30)}}
}

// auditAlarm writes that the server doubts a host. The host is held off whether this
// can be written or not.
func (s *Server) auditAlarm(ctx context.Context, id, text string) {
	if err := s.audit(ctx, api.AuditEntry{What: "host", Target: id, Outcome: string(muster.Conflict), Reason: text}); err != nil {
		s.log.Error("cannot write an alarm to the audit log", "host", id, "error", err.Error())
	}
}

// A bound lets through so many a second, and counts the others.
type bound struct {
	rate *rate.Limiter
	left atomic.Int64
}

// take reports whether one more is let through, and how many were not before it.
func (b *bound) take() (more int64, ok bool) {
	if !b.rate.Allow() {
		b.left.Add(1)
		return 0, false
	}
	return b.left.Swap(0), true
}

// entry is what the log says of a request.
func (s *Server) entry(r *request, rt *route) api.AuditEntry {
	e := api.AuditEntry{What: "request", Request: r.id, Route: rt.name(), Verb: string(rt.verb), Address: r.address.String(), Target: target(r, rt)}
	if r.person != nil {
		e.Who = r.person.name
	}
	return e
}

// target is what a route's path names.
func target(r *request, rt *route) string {
	var all []string
	for _, part := range strings.Split(rt.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			all = append(all, r.PathValue(strings.TrimSuffix(name, "}")))
		}
	}
	if rt.path == api.RoutePackages {
		all = append(all, r.URL.Query().Get("name"))
	}
	return strings.Join(all, " ")
}

// maxContent is the largest body that is kept, in bytes.
const maxContent = 2 << 10

// secret are names of members that the log must not hold, nor a hash by which they
// could be guessed.
var secret = regexp.MustCompile(`(?i)password|secret|token|private|credential|^code$|verifier`)

// content is a body as the log keeps it: JSON without secrets, or the hash of what was
// sent. A large one with secrets is not kept at all.
func content(body []byte) (text, hash string) {
	if len(body) == 0 {
		return "", ""
	}
	var v any
	secrets := false
	if json.Unmarshal(body, &v) == nil {
		v, secrets = withoutSecrets(v)
		if clean, err := canon.Marshal(v); err == nil && len(clean) <= maxContent {
			return string(clean), ""
		}
	} else {
		secrets = secret.Match(body)
	}
	if secrets {
		return "", ""
	}
	sum := sha256.Sum256(body)
	return "", hex.EncodeToString(sum[:])
}

// withoutSecrets takes the secrets out of JSON, and reports whether there were some.
func withoutSecrets(v any) (clean any, some bool) {
	take := func(part any) any {
		part, found := withoutSecrets(part)
		some = some || found
		return part
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if secret.MatchString(name) {
				delete(v, name)
				some = true
				continue
			}
			v[name] = take(value)
		}
	case []any:
		for i := range v {
			v[i] = take(v[i])
		}
	}
	return v, some
}
