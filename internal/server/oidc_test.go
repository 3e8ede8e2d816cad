package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"muster"
	"muster/api"
)

// An idp is a provider of OpenID Connect, with keys of its own and strict about what
// clients send. spoil changes what it signs, or how.
type idp struct {
	*httptest.Server
	t     *testing.T
	key   *rsa.PrivateKey
	spoil func(claims map[string]any) (token string, changed bool)

	mu    sync.Mutex
	codes map[string]url.Values // code: the request that it answers
	asked int                   // for tokens
}

const clientID, clientSecret = "muster", "a secret of the client"

func newIDP(t *testing.T) *idp {
	p := &idp{t: t, key: must(rsa.GenerateKey(rand.Reader, 2048))(t), codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /auth", p.auth)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *idp) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the caller has gone
}

// auth is the page on which a person says who they are: they did.
func (p *idp) auth(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": clientID, "code_challenge_method": "S256"} {
		if q.Get(name) != want {
			http.Error(w, name, http.StatusBadRequest)
			return
		}
	}
	if q.Get("nonce") == "" || q.Get("state") == "" || q.Get("code_challenge") == "" || !strings.Contains(q.Get("scope"), "openid") {
		http.Error(w, "something is missing", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

// token exchanges a code: once, for who has the verifier and the secret.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked++
	q, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") || r.PostFormValue("redirect_uri") != q.Get("redirect_uri") || id != clientID || secret != clientSecret {
		w.WriteHeader(http.StatusBadRequest)
		p.json(w, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.URL, "sub": "1234", "aud": clientID, "nonce": q.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"preferred_username": "Erin", "groups": []string{"ops", "dev"}}
	token, changed := "", false
	if p.spoil != nil {
		token, changed = p.spoil(claims)
	}
	if !changed {
		token = p.sign(jose.RS256, p.key, claims)
	}
	p.json(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
}

func (p *idp) sign(alg jose.SignatureAlgorithm, key any, claims any) string {
	s := must(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1").WithType("JWT")))(p.t)
	return must(jwt.Signed(s).Claims(claims).Serialize())(p.t)
}

// world is a server that believes the provider.
func (p *idp) world(change ...func(*Config)) *world {
	dir := p.t.TempDir()
	ca, secret := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "secret")
	check(p.t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600))
	check(p.t, os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600))
	w := newWorld(p.t, append(change, func(c *Config) {
		c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.SecretFile, c.OIDC.CA = p.URL, clientID, secret, ca
		if c.OIDC.NameClaim == "sub" {
			c.OIDC.NameClaim = "preferred_username"
		}
		c.OIDC.Redirects = []string{"https://muster.example.org/login/oidc"}
		c.TrustedProxies = mustPrefixes("127.0.0.0/8")
	})...)
	w.limits["oidc"].strangers.burst = 1000
	w.limits["oidc"].rate.SetBurst(1000) // a test knocks faster than people
	return w
}

// browse goes to an address as a browser, and returns what it comes back with.
func (p *idp) browse(at string) url.Values {
	p.t.Helper()
	client := p.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp := must(client.Get(at))(p.t)
	defer resp.Body.Close()
	back := must(resp.Location())(p.t)
	return back.Query()
}

const loopbackURL = "http://127.0.0.1:4711/"

// login goes all the way, as the command line does.
func (p *idp) login(w *world) (api.Session, error) {
	c := w.dial()
	begun, err := c.BeginOIDC(p.t.Context(), api.OIDCBegin{Redirect: loopbackURL})
	if err != nil {
		return api.Session{}, err
	}
	back := p.browse(begun.URL)
	return c.EndOIDC(p.t.Context(), api.OIDCEnd{Secret: begun.Secret, State: back.Get("state"), Code: back.Get("code")})
}

// Who the provider knows is known here by another name than anybody else, and
// rules know their groups.
func TestOIDCLogin(t *testing.T) {
	p := newIDP(t)
	w := p.world()
	admin := w.person()
	must(admin.AddRule(t.Context(), api.Rule{Who: "group:oidc:ops", Verbs: []api.Verb{api.VerbView}}))(t)
	erin := w.as(must(p.login(w))(t))
	if self := w.whoIs(erin); self.Name != "oidc:erin" || self.Way != "oidc" || strings.Join(self.Groups, " ") != "oidc:ops oidc:dev" || len(self.May) != 1 {
		t.Errorf("%+v", self)
	}
	must(erin.Hosts(t.Context(), api.HostQuery{}))(t)
	must(p.login(w))(t)
	p.spoil = func(claims map[string]any) (string, bool) { claims["sub"] = "5678"; return "", false }
	_, err := p.login(w)
	wantKind(t, err, muster.Denied) // somebody else has the name now
}

// What is not a fresh token of this provider, for this server and this login, opens no
// session.
func TestOIDCRefused(t *testing.T) {
	p := newIDP(t)
	w := p.world()
	other := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	set := func(name string, value any) func(map[string]any) (string, bool) {
		return func(c map[string]any) (string, bool) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
			return "", false
		}
	}
	signed := func(alg jose.SignatureAlgorithm, key any) func(map[string]any) (string, bool) {
		return func(c map[string]any) (string, bool) { return p.sign(alg, key, c), true }
	}
	public := must(json.Marshal(p.key.Public()))(t)
	for name, spoil := range map[string]func(map[string]any) (string, bool){
		"other audience":     set("aud", "another"),
		"no audience":        set("aud", nil),
		"several audiences":  set("aud", []string{clientID, "another"}),
		"other party":        set("azp", "another"),
		"other issuer":       set("iss", "https://evil.example"),
		"other nonce":        set("nonce", "x"),
		"no nonce":           set("nonce", nil),
		"expired":            set("exp", time.Now().Add(-time.Minute).Unix()),
		"no expiry":          set("exp", nil),
		"not yet":            set("nbf", time.Now().Add(time.Hour).Unix()),
		"no name":            set("preferred_username", nil),
		"name of two lines":  set("preferred_username", "a\nb"),
		"long name":          set("preferred_username", strings.Repeat("x", 500)),
		"other key":          signed(jose.RS256, other),
		"key of other curve": signed(jose.ES256, curve),
		"shared secret":      signed(jose.HS256, []byte(clientSecret+strings.Repeat("x", 32))),
		"public key as secret": func(c map[string]any) (string, bool) {
			return p.sign(jose.HS256, public, c), true
		},
		"alg none": func(c map[string]any) (string, bool) {
			enc := base64.RawURLEncoding.EncodeToString
			return enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc(must(json.Marshal(c))(t)) + ".", true
		},
		"altered": func(c map[string]any) (string, bool) {
			parts := strings.Split(p.sign(jose.RS256, p.key, c), ".")
			c["preferred_username"] = "admin"
			parts[1] = base64.RawURLEncoding.EncodeToString(must(json.Marshal(c))(t))
			return strings.Join(parts, "."), true
		},
		"nothing": func(map[string]any) (string, bool) { return "", true },
		"rubbish": func(map[string]any) (string, bool) { return "x.y.z", true },
	} {
		p.spoil = spoil
		s, err := p.login(w)
		if muster.KindOf(err) != muster.Denied || s.Token != "" {
			t.Errorf("%s: %v (%s)", name, err, muster.KindOf(err))
		}
	}
	p.spoil = nil
	must(p.login(w))(t)
}

// A login is ended by who began it, with what belongs to it, once; and browsers are
// sent nowhere else.
func TestOIDCFlow(t *testing.T) {
	p := newIDP(t)
	w := p.world()
	c := w.dial()
	begin := func() (api.OIDCBegun, url.Values) {
		begun := must(c.BeginOIDC(t.Context(), api.OIDCBegin{Redirect: loopbackURL}))(t)
		return begun, p.browse(begun.URL)
	}
	mine, back := begin()
	theirs, other := begin()
	for name, end := range map[string]api.OIDCEnd{
		"secret of another": {Secret: theirs.Secret, State: back.Get("state"), Code: back.Get("code")},
		"no secret":         {State: back.Get("state"), Code: back.Get("code")},
	} {
		_, err := c.EndOIDC(t.Context(), end)
		if muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p.asked != 0 {
		t.Error("the provider was asked")
	}
	// The code of another login does not fit: its verifier is another.
	_, err := c.EndOIDC(t.Context(), api.OIDCEnd{Secret: mine.Secret, State: back.Get("state"), Code: other.Get("code")})
	wantKind(t, err, muster.Denied)
	mine, back = begin()
	end := api.OIDCEnd{Secret: mine.Secret, State: back.Get("state"), Code: back.Get("code")}
	must(c.EndOIDC(t.Context(), end))(t)
	_, err = c.EndOIDC(t.Context(), end)
	wantKind(t, err, muster.Denied)
	for to, ok := range map[string]bool{
		loopbackURL: true, "http://[::1]:1/x": true, "https://muster.example.org/login/oidc": true, "https://muster.example.org/login/oidc/x": false,
		"https://evil.example/": false, "http://127.0.0.1/": false, "http://localhost:1/": false, "http://127.0.0.1:1/?x=1": false, "http://127.0.0.1:1/#x": false,
		"http://127.0.0.1:1@evil.example/": false, "http://127.0.0.1.evil.example:1/": false, "javascript:alert(1)": false, "": false, "/": false,
	} {
		_, err := c.BeginOIDC(t.Context(), api.OIDCBegin{Redirect: to})
		if (err == nil) != ok {
			t.Errorf("back to %q: %v", to, err)
		}
	}
	p.Close()
	mine2 := must(c.BeginOIDC(t.Context(), api.OIDCBegin{Redirect: loopbackURL}))(t)
	_, err = c.EndOIDC(t.Context(), api.OIDCEnd{Secret: mine2.Secret, State: mine2.State, Code: "x"})
	wantKind(t, err, muster.Unavailable)
}

// An e-mail address that nobody has seen to be theirs names nobody.
func TestOIDCEmail(t *testing.T) {
	p := newIDP(t)
	w := p.world(func(c *Config) { c.OIDC.NameClaim = "email" })
	for verified, want := range map[any]bool{true: true, false: false, "true": false, nil: false} {
		p.spoil = func(c map[string]any) (string, bool) {
			c["email"], c["email_verified"] = "erin@example.org", verified
			return "", false
		}
		if _, err := p.login(w); (err == nil) != want {
			t.Errorf("verified %v: %v", verified, err)
		}
	}
}
