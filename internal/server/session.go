package server

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/access"
	"muster/search"
	"muster/sign"
)

// A person is who has a session, or a program of theirs with a token.
type person struct {
	name  string
	visit *access.Visit
	now   time.Time // of the request
}

// may is over which hosts the person has a verb.
func (p *person) may(v api.Verb) search.Scope {
	return access.May(p.visit.Rules, &p.visit.Caller, v, p.now)
}

// logIn opens a session for whoever has the key of the certificate that the
// signed request holds, if trust.d believes it.
func (s *Server) logIn(ctx context.Context, r *request) (any, error) {
	var in api.Login
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	chain, err := sign.ParseCerts([]byte(in.Certificate))
	if err != nil {
		return nil, err
	}
	leaf, now := chain[0], s.now()
	if r.message.KeyID != sign.KeyFingerprint(leaf) {
		return nil, muster.Errorf(muster.Denied, "the request is not signed by the key of the certificate in it")
	}
	if err := r.message.Verify(leaf.PublicKey, now, s.cfg.Hosts.Skew.std()); err != nil {
		return nil, err
	}
	l, err := s.certified(ctx, chain, r)
	if err != nil {
		return nil, err
	}
	l.Once = r.message.ID()
	return s.welcome(ctx, r, l, false)
}

// certified is the login of who has proved to have the key of a certificate.
func (s *Server) certified(ctx context.Context, chain []*x509.Certificate, r *request) (access.Login, error) {
	if len(chain) > 8 {
		return access.Login{}, muster.Errorf(muster.Invalid, "%d certificates are more than 8", len(chain))
	}
	ways, err := s.people.ways(chain, s.now())
	if err != nil {
		return access.Login{}, err
	}
	l := loginOf(chain[0], ways)
	l.Chain, l.Address = sign.EncodeCerts(chain...), r.address
	return l, s.firstAdministrator(ctx, chain[0], l)
}

// loginOf is the login of the owner of a certificate, which is believed in some ways.
func loginOf(leaf *x509.Certificate, ways [][]*x509.Certificate) access.Login {
	return access.Login{Caller: access.Caller{Name: nameOf(leaf), Rights: rightsOf(leaf)}, Way: "certificate", Vouchers: vouchers(ways)}
}

// vouchers are the keys of those by whom trust.d believes a certificate, the nearest
// authority first, and the owner's own last: keys are renewed more often than
// authorities, and who has an authority's can do more than take a name.
func vouchers(ways [][]*x509.Certificate) (all []string) {
	slices.SortStableFunc(ways, func(a, b []*x509.Certificate) int {
		return cmp.Or(cmp.Compare(min(2, len(b)), min(2, len(a))), cmp.Compare(len(a), len(b)))
	})
	for _, way := range ways {
		all = append(all, "key "+sign.KeyFingerprint(way[len(way)-1]))
	}
	return all
}

// rightsOf are those of a certificate that rules speak of.
func rightsOf(c *x509.Certificate) (all []string) {
	for _, r := range []sign.Right{sign.RightDeploy, sign.RightCode, sign.RightIssue} {
		if sign.Has(c, r) {
			all = append(all, string(r))
		}
	}
	return all
}

// welcome opens a session, and gives its token as an answer or as a cookie.
func (s *Server) welcome(ctx context.Context, r *request, l access.Login, cookie bool) (any, error) {
	session, err := s.access.Begin(ctx, l)
	if err != nil {
		return nil, err
	}
	s.log.Info("login", "request", r.id, "name", session.Name, "way", l.Way, "from", r.address)
	if cookie {
		http.SetCookie(headers{r.header}, &http.Cookie{Name: api.Cookie, Value: session.Token, Path: "/", Expires: time.Unix(session.Expires, 0),
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		session.Token = ""
	}
	return session, nil
}

// headers is the part of an answer that a cookie needs.
type headers struct{ h http.Header }

func (h headers) Header() http.Header       { return h.h }
func (h headers) Write([]byte) (int, error) { return 0, http.ErrNotSupported }
func (h headers) WriteHeader(int)           {}

// noSession is the same for every token that is not good.
func noSession() error {
	err := muster.WithHint(muster.Errorf(muster.Denied, "there is no such session, or it has ended"), "run 'muster login'")
	return &problem{error: err, status: http.StatusUnauthorized, code: api.NoSession}
}

// secretOf is the token of a request: in the header (RFC 6750), or in the cookie of a
// browser. Two are none: whoever adds one to the request of another gains nothing.
func secretOf(r *http.Request) string {
	cookies, lines := r.CookiesNamed(api.Cookie), r.Header.Values("Authorization")
	if len(cookies)+len(lines) != 1 {
		return ""
	}
	if len(cookies) == 1 {
		if access.IsToken(cookies[0].Value) {
			return "" // tokens are for programs
		}
		return cookies[0].Value
	}
	token, ok := strings.CutPrefix(lines[0], "Bearer ")
	if !ok {
		return ""
	}
	return token
}

// who finds the person of a request. Whether the certificate that they logged in by
// is still believed is asked anew each time.
func (s *Server) who(ctx context.Context, r *http.Request) (*person, error) {
	secret := secretOf(r)
	if secret == "" {
		return nil, noSession()
	}
	v, err := s.access.Session(ctx, secret)
	if muster.KindOf(err) == muster.NotFound {
		return nil, noSession()
	}
	if err != nil {
		return nil, err
	}
	p := &person{name: v.Name, visit: v, now: s.now()}
	v.Rights = nil
	if len(v.Chain) == 0 {
		return p, nil
	}
	chain, err := sign.ParseCerts(v.Chain)
	if err != nil {
		return nil, err
	}
	v.Rights = rightsOf(chain[0])
	return p, s.people.admit(chain, p.now)
}

func (s *Server) logout(ctx context.Context, r *request) (any, error) {
	if len(r.CookiesNamed(api.Cookie)) > 0 {
		http.SetCookie(headers{r.header}, &http.Cookie{Name: api.Cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	return nil, s.access.End(ctx, r.person.visit)
}
