package server

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"muster/api"
	"muster/sign"
)

// outside is a browser that knows the server by the name that people type.
func (p *idp) outside(w *world) *browser {
	roots := x509.NewCertPool()
	roots.AddCert(p.Certificate())
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		config := &tls.Config{RootCAs: roots}
		if strings.HasPrefix(address, "muster.example.org:") {
			address, config = strings.TrimPrefix(w.url, "https://"), &tls.Config{RootCAs: w.roots, ServerName: "127.0.0.1"}
		}
		d := tls.Dialer{Config: config}
		return d.DialContext(ctx, "tcp", address)
	}
	b := &browser{Client: &http.Client{Transport: &http.Transport{DialTLSContext: dial}}, w: w}
	p.t.Cleanup(b.CloseIdleConnections)
	b.Jar = must(cookiejar.New(nil))(p.t)
	return b
}

// at opens an address, and returns where that led and the page.
func (b *browser) at(address string) (status int, path, page string) {
	b.w.t.Helper()
	resp := must(b.Get(address))(b.w.t)
	defer resp.Body.Close()
	return resp.StatusCode, resp.Request.URL.RequestURI(), string(must(io.ReadAll(resp.Body))(b.w.t))
}

// TestConsoleOIDC logs in by a provider from the page that asks who one is, and comes to the
// page that was asked for; who brings back what another browser began comes nowhere.
func TestConsoleOIDC(t *testing.T) {
	const site = "https://muster.example.org"
	p := newIDP(t)
	w := p.world()
	w.cfg.OIDC.Redirects = []string{site + "/login/oidc/end"}
	must(w.person().AddRule(t.Context(), api.Rule{Who: "group:oidc:ops", Verbs: []api.Verb{api.VerbView}}))(t)
	b := p.outside(w)
	_, path, page := b.at(site + "/hosts?q=os:debian")
	if path != "/login?to=%2Fhosts%3Fq%3Dos%3Adebian" {
		t.Fatalf("without a session at %s", path)
	}
	b.want(page, `href="/login/oidc?to=%2Fhosts%3Fq%3Dos%3Adebian"`, "Log in with OpenID Connect")
	status, path, page := b.at(site + "/login/oidc?to=%2Fhosts%3Fq%3Dos%3Adebian")
	if status != http.StatusOK || path != "/hosts?q=os:debian" {
		t.Fatalf("after the provider: %d at %s\n%s", status, path, page)
	}
	b.want(page, "oidc:erin")
	at := must(url.Parse(site))(t)
	for _, c := range b.Jar.Cookies(at) {
		if strings.HasSuffix(c.Name, "-oidc") {
			t.Errorf("the journey is over, and its cookie is there: %s", c.Name)
		}
	}

	// Another browser comes back with an address that this one was sent to.
	var sent string
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), site+"/login/oidc/end") {
			sent = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.at(site + "/login/oidc")
	for name, address := range map[string]string{"another's": sent, "no state": site + "/login/oidc/end?code=x", "nothing": site + "/login/oidc/end"} {
		other := p.outside(w)
		status, _, page := other.at(address)
		if status != http.StatusForbidden || !strings.Contains(page, "did not begin to log in") {
			t.Errorf("%s: %d\n%s", name, status, page)
		}
		if _, path, _ := other.at(site + "/hosts"); !strings.HasPrefix(path, "/login") {
			t.Errorf("%s: has a session, at %s", name, path)
		}
	}
	b.CheckRedirect = nil
	if status, path, _ = b.at(sent + "x"); status != http.StatusForbidden {
		t.Errorf("another state: %d at %s", status, path)
	}
	// The provider says no: the page says so.
	p.spoil = func(claims map[string]any) (string, bool) { claims["aud"] = "another"; return "", false }
	status, _, page = p.outside(w).at(site + "/login/oidc")
	if status != http.StatusForbidden || strings.Contains(page, "oidc:erin") {
		t.Errorf("a token for another: %d\n%s", status, page)
	}
}

// TestConsoleCertificate logs in by the certificate of the browser: the button does, for
// whom trust.d believes, and nobody else.
func TestConsoleCertificate(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TLS.ClientCertificates = true })
	with := func(id *sign.Identity) *browser {
		b := &browser{Client: w.raw(), w: w}
		b.Jar = must(cookiejar.New(nil))(t)
		if id == nil {
			return b
		}
		cert := tls.Certificate{PrivateKey: id.Key.(crypto.Signer)}
		for _, c := range id.Chain {
			cert.Certificate = append(cert.Certificate, c.Raw)
		}
		b.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		return b
	}
	b := with(w.admin)
	_, page := b.get("/login")
	b.want(page, "Log in with the certificate of this browser")
	if _, page := b.get("/hosts"); strings.Contains(page, `class="who"`) {
		t.Error("a certificate is a session before anybody asked for one")
	}
	at, page := b.post("/login/tls", "to", "/settings")
	if at != "/settings" {
		t.Fatalf("at %q\n%s", at, page)
	}
	b.want(page, "alice", "<dd>tls</dd>")
	for name, id := range map[string]*sign.Identity{"a stranger": must(newPerson("mallory", sign.RightCode))(t), "nobody": nil} {
		b := with(id)
		if at, page := b.post("/login/tls", "to", "/settings"); at != "/login/tls" || !strings.Contains(page, `role="alert"`) {
			t.Errorf("%s: at %q\n%s", name, at, page)
		}
		if resp := must(b.Get(w.url + "/settings"))(t); resp.Request.URL.Path != "/login" {
			t.Errorf("%s: has a session", name)
		}
	}
	// Another site has no way to log somebody in (login CSRF).
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/login/tls", nil))(t)
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp := must(with(w.admin).Do(r))(t)
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
		t.Errorf("from another site: %s", resp.Status)
	}
}
