package server

import (
	"context"
	"net/url"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/access"
)

// The ways to log in beside a request that is signed with the key of a certificate.

// noWay is for ways that the configuration does not have.
func noWay(what, setting string) error {
	return muster.WithHint(muster.Errorf(muster.NotFound, "this server offers no login by %s", what), "who runs the server sets %s", setting)
}

// loginWays says how one may log in, to anybody: a page that asks who one is has to know.
func (s *Server) loginWays(context.Context, *request) (any, error) {
	return api.LoginWays{Certificate: true, Password: true, LDAP: s.asksDirectory(), OIDC: s.provider != nil, TLS: s.cfg.TLS.asksClients()}, nil
}

func (s *Server) asksDirectory() bool { return s.cfg.Directory.People.Filter != "" }

// passwordLogin opens a session for who knows a password: one of this server, or, where
// it is asked for, that of the directory. No answer tells whether a name is known.
func (s *Server) passwordLogin(ctx context.Context, r *request) (any, error) {
	var in api.PasswordLogin
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	var l access.Login
	var err error
	if in.LDAP {
		l, err = s.directoryLogin(ctx, r, in)
	} else {
		l, err = s.access.Password(ctx, in.Name, in.Password, r.address)
	}
	if err != nil {
		return nil, err
	}
	return s.welcome(ctx, r, l, in.Cookie)
}

func (s *Server) directoryLogin(ctx context.Context, r *request, in api.PasswordLogin) (access.Login, error) {
	if !s.asksDirectory() {
		return access.Login{}, noWay("the directory", "directory.people")
	}
	giveBack, err := s.access.Try(ctx, in.Name, r.address)
	if err != nil {
		return access.Login{}, err
	}
	p, err := s.cfg.Directory.Authenticate(ctx, in.Name, in.Password)
	if err != nil {
		return access.Login{}, err
	}
	giveBack()
	l := access.Login{Caller: access.Caller{Name: "ldap:" + p.Name}, Way: "ldap", Address: r.address}
	for _, g := range p.Groups {
		l.Groups = append(l.Groups, "ldap:"+g)
	}
	return l, nil
}

// tlsLogin opens a session by the client certificate of the connection: TLS has
// proved who has its key. Behind a proxy there is none, whatever headers say.
func (s *Server) tlsLogin(ctx context.Context, r *request) (any, error) {
	if !s.cfg.TLS.asksClients() {
		return nil, noWay("client certificates", "tls.client-certificates")
	}
	var in api.TLSLogin
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, muster.Errorf(muster.Denied, "the connection has no client certificate")
	}
	l, err := s.certified(ctx, r.TLS.PeerCertificates, r)
	if err != nil {
		return nil, err
	}
	l.Way = "tls"
	return s.welcome(ctx, r, l, in.Cookie)
}

// beginOIDC begins a login by OpenID Connect.
func (s *Server) beginOIDC(ctx context.Context, r *request) (any, error) {
	if s.provider == nil {
		return nil, noWay("OpenID Connect", "oidc.issuer")
	}
	s.limits["oidc"].strangers.count(neighbourhood(r.address), time.Now())
	var in api.OIDCBegin
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	if err := s.checkRedirect(in.Redirect); err != nil {
		return nil, err
	}
	if err := s.provider.ready(ctx); err != nil {
		return nil, err
	}
	p, secret, err := s.access.Start(ctx, in.Redirect)
	if err != nil {
		return nil, err
	}
	at, err := s.provider.url(ctx, p)
	return api.OIDCBegun{URL: at, State: p.State, Secret: secret}, err
}

// checkRedirect lets browsers come back to a program on their own machine (RFC 8252
// 7.3), or to this server by an address that the configuration names: what comes
// back with them opens a session.
func (s *Server) checkRedirect(to string) error {
	u, err := url.Parse(to)
	bad := muster.Errorf(muster.Invalid, "%.100q is no address to come back to", to)
	if err != nil || u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.Opaque != "" {
		return bad
	}
	host := u.Hostname()
	if u.Scheme == "http" && u.Port() != "" && (host == "127.0.0.1" || host == "::1") {
		return nil
	}
	for _, own := range s.cfg.OIDC.Redirects {
		if to == strings.TrimSpace(own) {
			return nil
		}
	}
	return muster.WithHint(bad, "it may be http://127.0.0.1:PORT/, or one of oidc.redirects of the configuration")
}

// endOIDC opens a session with what the browser brought back.
func (s *Server) endOIDC(ctx context.Context, r *request) (any, error) {
	if s.provider == nil {
		return nil, noWay("OpenID Connect", "oidc.issuer")
	}
	var in api.OIDCEnd
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	p, err := s.access.Finish(ctx, in.Secret, in.State)
	if err != nil {
		return nil, err
	}
	l, err := s.provider.login(ctx, p, in.Code)
	if err != nil {
		return nil, err
	}
	l.Address = r.address
	return s.welcome(ctx, r, l, in.Cookie)
}
