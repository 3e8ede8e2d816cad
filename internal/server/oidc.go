package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"muster"
	"muster/internal/access"
)

// A provider is the one of OpenID Connect: authorization code flow with PKCE. The
// server exchanges the code, so that its secret and the tokens stay here.
type provider struct {
	cfg    OIDC
	client *http.Client

	asking chan struct{}  // holds who asks it
	found  *oidc.Provider // what discovery told; nil: not yet
	failed time.Time
	err    error
}

// slowest is how long one answer of the provider may take, and who waits for another
// that asks it: a person waits no longer, and holds a place as long.
const slowest = 5 * time.Second

// maxProvider bounds one answer of the provider, in bytes: keys, a token.
const maxProvider = 1 << 20

func newProvider(c OIDC) (*provider, error) {
	if c.Issuer == "" {
		return nil, nil
	}
	roots, err := certPool(c.CA)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	client := &http.Client{Timeout: slowest, Transport: boundedAnswers{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &provider{cfg: c, client: client, asking: make(chan struct{}, 1)}, nil
}

// boundedAnswers are those of a provider that may be hostile, or broken.
type boundedAnswers struct{ http.RoundTripper }

func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxProvider), resp.Body}
	}
	return resp, err
}

// context makes the library use our client.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// ready asks the provider where its endpoints are, at the first login: it may be down
// when the server starts. After a failure it is left alone for some seconds.
func (p *provider) ready(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, slowest)
	defer cancel()
	select {
	case p.asking <- struct{}{}:
	case <-wait.Done():
		return muster.Errorf(muster.Unavailable, "the provider of OpenID Connect does not answer")
	}
	defer func() { <-p.asking }()
	if p.found != nil {
		return nil
	}
	if time.Since(p.failed) < 5*time.Second {
		return p.err
	}
	// It keeps the context for its keys: one that does not end with the request.
	found, err := oidc.NewProvider(p.context(context.WithoutCancel(ctx)), p.cfg.Issuer)
	if err != nil {
		p.failed, p.err = time.Now(), muster.Errorf(muster.Unavailable, "cannot ask the provider of OpenID Connect: %w", err)
		return p.err
	}
	p.found = found
	return nil
}

// config is that of one exchange.
func (p *provider) config(redirect string) (*oauth2.Config, error) {
	c := &oauth2.Config{ClientID: p.cfg.ClientID, RedirectURL: redirect, Endpoint: p.found.Endpoint(), Scopes: append([]string{oidc.ScopeOpenID}, p.cfg.Scopes...)}
	if p.cfg.SecretFile == "" {
		return c, nil
	}
	var err error
	c.ClientSecret, err = secretFile(p.cfg.SecretFile)
	return c, muster.WithKind(muster.Unavailable, err)
}

// url is where the browser says who its owner is.
func (p *provider) url(_ context.Context, l access.Pending) (string, error) {
	c, err := p.config(l.Redirect)
	if err != nil {
		return "", err
	}
	return c.AuthCodeURL(l.State, oidc.Nonce(l.Nonce), oauth2.S256ChallengeOption(l.Verifier)), nil
}

// algorithms are those of asymmetric keys that are current. With a shared secret
// whoever has ours could make tokens; "none" proves nothing.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// login exchanges a code and looks at the ID token: signature, issuer, audience,
// expiry (OpenID Connect Core 3.1.3.7), and that it answers the login that began.
func (p *provider) login(ctx context.Context, l access.Pending, code string) (out access.Login, err error) {
	if err := p.ready(ctx); err != nil {
		return out, err
	}
	c, err := p.config(l.Redirect)
	if err != nil {
		return out, err
	}
	answer, err := c.Exchange(p.context(ctx), code, oauth2.VerifierOption(l.Verifier))
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) && refused.Response.StatusCode < 500 {
		return out, muster.Errorf(muster.Denied, "the provider of OpenID Connect does not take the code")
	}
	if err != nil {
		return out, muster.Errorf(muster.Unavailable, "cannot ask the provider of OpenID Connect: %w", err)
	}
	raw, ok := answer.Extra("id_token").(string)
	if !ok {
		return out, muster.Errorf(muster.Denied, "the provider of OpenID Connect gave no ID token")
	}
	token, err := p.found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, SupportedSigningAlgs: algorithms}).Verify(ctx, raw)
	if err != nil {
		return out, muster.Errorf(muster.Denied, "the ID token is refused: %w", err)
	}
	if token.Nonce != l.Nonce {
		return out, muster.Errorf(muster.Denied, "the ID token answers another login")
	}
	return p.caller(token)
}

// caller reads name and groups of an ID token.
func (p *provider) caller(token *oidc.IDToken) (out access.Login, err error) {
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return out, muster.Errorf(muster.Denied, "the ID token cannot be read: %w", err)
	}
	// Others than the audience may have asked for a token that names us too.
	if azp, ok := claims["azp"]; ok && azp != p.cfg.ClientID || len(token.Audience) != 1 && claims["azp"] != p.cfg.ClientID {
		return out, muster.Errorf(muster.Denied, "the ID token is for another client")
	}
	name, ok := claims[p.cfg.NameClaim].(string)
	if !ok || name == "" {
		return out, muster.WithHint(muster.Errorf(muster.Denied, "the ID token has no %q", p.cfg.NameClaim), "set oidc.name-claim to a claim that the provider gives")
	}
	if p.cfg.NameClaim == "email" && claims["email_verified"] != true {
		return out, muster.Errorf(muster.Denied, "the provider has not seen that %q is theirs", name)
	}
	out = access.Login{Way: "oidc", Vouchers: []string{token.Issuer + " " + token.Subject}}
	if p.cfg.NameClaim != "sub" { // whose case counts (OpenID Connect Core 2)
		name = strings.ToLower(name)
	}
	out.Name = "oidc:" + name
	groups, _ := claims[p.cfg.GroupsClaim].([]any)
	for _, g := range groups {
		if g, ok := g.(string); ok && access.CheckName(g) == nil {
			out.Groups = append(out.Groups, "oidc:"+g)
		}
	}
	return out, nil
}

// certPool reads the authorities of a file; nil, those of the system, without one.
func certPool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	certs, err := readCerts(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}
