package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"muster"
	"muster/api"
)

// What the server has not got is refused in the form of every refusal.
func TestUnknownPaths(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		status       int
		kind         muster.ErrorKind
		allow        string
	}{
		{"GET", "/api/v1/nosuch", 404, muster.NotFound, ""},
		{"POST", "/api/v1/nosuch?x=1", 404, muster.NotFound, ""},
		{"DELETE", api.RouteHosts, 405, muster.Invalid, "GET, HEAD"},
		{"PUT", "/api/v1/rules/1", 405, muster.Invalid, "DELETE"},
		{"GET", api.RouteServer, 200, "", ""},
	} {
		r := must(http.NewRequestWithContext(t.Context(), c.method, w.url+c.path, nil))(t)
		resp := must(w.raw().Do(r))(t)
		data := must(io.ReadAll(resp.Body))(t)
		resp.Body.Close()
		if resp.StatusCode != c.status || resp.Header.Get("Allow") != c.allow || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, resp.StatusCode, resp.Header, data)
		}
		var body api.ErrorBody
		if err := json.Unmarshal(data, &body); err != nil || body.Error.Kind != c.kind || c.kind != "" && (body.Error.Message == "" || resp.Header.Get(headerRequest) == "") {
			t.Errorf("%s %s: %s %v", c.method, c.path, data, err)
		}
	}
}

// Who asks by a token is told whether it is the token that lacks the right, or its
// owner.
func TestTokenLacks(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateAPIToken(t.Context(), api.APITokenNew{Verbs: []api.Verb{api.VerbView}}))(t)
	q := &api.PersonClient{Client: w.dial(), Token: token.Secret}
	_, err := q.Rules(t.Context())
	wantKind(t, err, muster.Denied)
	id := token.ID
	if !strings.Contains(err.Error(), "token") || !strings.Contains(muster.HintOf(err), "token:"+strings.TrimPrefix(id, "token:")) || strings.Contains(muster.HintOf(err), "add person:") {
		t.Errorf("%v; %s", err, muster.HintOf(err))
	}
}

func TestTakesGzip(t *testing.T) {
	for accept, want := range map[string]bool{"gzip": true, "br, GZIP": true, "gzip;q=0.5": true, "deflate, gzip; q=1.0": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.0, br": false, "x-gzip-not": false, "gzip;q=x": false} {
		if takesGzip(accept) != want {
			t.Errorf("%q: %v", accept, !want)
		}
	}
}

// What nothing can be is refused: an empty list would look like an answer.
func TestUnknownValues(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	_, err := p.Actions(t.Context(), api.ActionQuery{State: "bogus"})
	wantKind(t, err, muster.Invalid)
	_, err = p.Audit(t.Context(), api.AuditQuery{What: "nosuch"})
	wantKind(t, err, muster.Invalid)
	_, err = p.TestRights(t.Context(), "Nobody", "", "")
	wantKind(t, err, muster.NotFound)
	must(p.Actions(t.Context(), api.ActionQuery{State: api.ActionOpen}))(t)
	must(p.Audit(t.Context(), api.AuditQuery{What: "login"}))(t)
	must(p.TestRights(t.Context(), "alice", "", ""))(t)
}
