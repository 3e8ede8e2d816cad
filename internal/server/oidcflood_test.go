package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"muster/api"
)

// A stranger who begins logins by OpenID Connect keeps nobody from logging in.
func TestOIDCFlood(t *testing.T) {
	var idp *httptest.Server
	idp = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(rw).Encode(map[string]any{"issuer": idp.URL, "authorization_endpoint": idp.URL + "/a", "token_endpoint": idp.URL + "/t", "jwks_uri": idp.URL + "/k"}) //nolint:errcheck // the client tells
	}))
	defer idp.Close()
	c := newCrowd(t, func(cfg *Config) { cfg.OIDC.Issuer, cfg.OIDC.ClientID = idp.URL, "x" })
	answers := map[int]int{}
	for range 100 {
		answers[c.send(http.MethodPost, api.RouteLoginOIDC, "203.0.113.5", []byte(`{"redirect":"http://127.0.0.1:9/"}`), nil)]++
	}
	if answers[http.StatusOK] == 0 || answers[http.StatusOK] > 60 {
		t.Errorf("one stranger was answered %v", answers)
	}
	if s := c.send(http.MethodPost, api.RouteLoginOIDC, "198.51.100.7", []byte(`{"redirect":"http://127.0.0.1:9/"}`), nil); s != http.StatusOK {
		t.Errorf("another: %d", s)
	}
	must(c.dial().Login(t.Context(), c.admin, time.Now()))(t)
}

// A provider that does not answer holds up those alone who log in by it.
func TestOIDCSlow(t *testing.T) {
	asked, release := make(chan struct{}, 64), make(chan struct{})
	idp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer idp.Close()
	c := newCrowd(t, func(cfg *Config) { cfg.OIDC.Issuer, cfg.OIDC.ClientID = idp.URL, "x" })
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if s := c.send(http.MethodPost, api.RouteLoginOIDC, fmt.Sprintf("203.0.%d.5", i), []byte(`{"redirect":"http://127.0.0.1:9/"}`), nil); s < 500 {
				t.Errorf("login %d: %d", i, s)
			}
		})
	}
	<-asked
	must(c.dial().Login(t.Context(), c.admin, time.Now()))(t)
	close(release)
	all.Wait()
}
