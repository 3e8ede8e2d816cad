package server

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/httpsig"
	"muster/internal/repo"
	"muster/sign"
)

// What each one could do if hostile: docs/security.md names these tests.

// Every route of hosts and people refuses strangers, and those who have the other
// kind of proof, and says the same of what is there and what is not.
func TestEveryRouteAsksWho(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TrustedProxies = mustPrefixes("127.0.0.0/8") })
	p := w.person()
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	asked := 0
	for _, rt := range routes() {
		if rt.who == anyone || rt.who == aVisitor || rt.who == aReporter {
			continue
		}
		path := strings.NewReplacer("{id}", m.ID, "{name}", "lab", "{file}", "x.mpk").Replace(rt.path)
		for name, dress := range map[string]func(*http.Request){
			"nothing":         func(*http.Request) {},
			"rubbish":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer rubbish") },
			"two tokens":      func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + p.Token, "Bearer x"} },
			"token of people": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p.Token) },
			"key of a host":   func(r *http.Request) { m.signed(r, nil) },
		} {
			if rt.who == aPerson && name == "token of people" || rt.who != aPerson && name == "key of a host" {
				continue
			}
			r := must(http.NewRequestWithContext(t.Context(), rt.method, w.url+path, nil))(t)
			dress(r)
			asked++ // from many places: too many from one are not listened to
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.1", asked>>8, asked&255))
			status, body := w.status(r)
			want, code := http.StatusForbidden, api.Code("")
			if rt.who == aPerson {
				want, code = http.StatusUnauthorized, api.NoSession
			}
			if status != want || body.Error.Code != code {
				t.Errorf("%s with %s: %d %+v", rt.name(), name, status, body)
			}
		}
	}
}

// signed signs a request with the key of the host.
func (m *machine) signed(r *http.Request, body []byte) {
	m.t.Helper()
	n := must(m.Next())(m.t)
	check(m.t, httpsig.Sign(r, body, m.Key, httpsig.Params{KeyID: m.ID, Server: m.Server.ID, Counter: n, Created: time.Now()}))
}

// A host speaks for itself alone: not for another host, not a second time, not
// through a proxy that changes what it says, not to another server.
func TestHostileHostAndProxy(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 2}))(t).Secret
	good, bad := w.machine(1), w.machine(2)
	good.join(token)
	bad.join(token)
	post := func(m *machine, body string, change func(*http.Request)) (int, api.ErrorBody) {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteCheckIn, strings.NewReader(body)))(t)
		m.signed(r, []byte(body))
		change(r)
		return w.status(r)
	}
	body := must(json.Marshal(api.CheckIn{Clock: time.Now().Unix()}))(t)
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"as it is":     {func(*http.Request) {}, http.StatusOK},
		"another host": {func(r *http.Request) { replace(r, "Signature-Input", bad.ID, good.ID) }, http.StatusForbidden},
		"another body": {func(r *http.Request) {
			r.Body = readCloser(bytes.Replace(body, []byte(`"clock":1`), []byte(`"clock":2`), 1))
		}, http.StatusForbidden},
		"another path":   {func(r *http.Request) { r.URL.Path = api.RouteInventory }, http.StatusForbidden},
		"another query":  {func(r *http.Request) { r.URL.RawQuery = "x=1" }, http.StatusForbidden},
		"another count":  {func(r *http.Request) { r.Header.Set("Muster-Counter", "99999") }, http.StatusForbidden},
		"another server": {func(r *http.Request) { r.Header.Set("Muster-Server", "5f0c6a0e-0000-4000-8000-00000000000f") }, http.StatusForbidden},
	} {
		if status, answer := post(bad, string(body), test.change); status != test.status {
			t.Errorf("%s: %d %+v", name, status, answer)
		}
	}
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteCheckIn, bytes.NewReader(body)))(t)
	bad.signed(r, body)
	if status, answer := w.status(r); status != http.StatusOK {
		t.Errorf("%d %+v", status, answer)
	}
	r.Body = readCloser(body)
	if status, answer := w.status(r); status != http.StatusConflict || answer.Error.Code != api.BadCounter {
		t.Errorf("again: %d %+v", status, answer)
	}
}

func replace(r *http.Request, field, old, new string) {
	r.Header.Set(field, strings.Replace(r.Header.Get(field), old, new, 1))
}

// What a host was certified for opens no session, and signs no package. Nor does
// the key of the server: who has it can publish what others have signed.
func TestKeysAreForOneThing(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	m := w.machine(1)
	e := m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	host := &sign.Identity{Key: m.Key, Chain: must(sign.ParseCerts([]byte(e.Certificate)))(t)}
	must(w.files.AddAnchors(writeCert(t, w.self.Authority.Leaf())))(t) // though somebody believes the authority of hosts
	w.people.forget()
	deployer := must(newPerson("dave", sign.RightDeploy))(t)
	must(w.files.AddAnchors(writeCert(t, deployer.Leaf())))(t)
	w.people.forget()
	for name, id := range map[string]*sign.Identity{"host": host, "index": w.self.Index} {
		_, err := w.dial().Login(t.Context(), id, time.Now())
		if muster.KindOf(err) != muster.Denied {
			t.Errorf("login of the %s: %v", name, err)
		}
	}
	for name, id := range map[string]*sign.Identity{"host": host, "index": w.self.Index, "authority of hosts": w.self.Authority, "deployer": deployer} {
		_, err := publish(t, p, pack(t, "age", "1.0", 100, id))
		if muster.KindOf(err) != muster.Denied {
			t.Errorf("package of the %s: %v", name, err)
		}
	}
	if _, err := publish(t, p, pack(t, "age", "1.0", 100, w.admin)); err != nil {
		t.Error(err)
	}
}

// Links of trust are of administrators: one that another key has signed is refused,
// the first one too, and one that revokes somebody ends their session.
func TestLinksOfTrust(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	stranger := must(newPerson("mallory", sign.RightCode))(t)
	head := repo.HeadSigner(w.self.Index.Leaf())
	for name, signer := range map[string]*sign.Identity{"stranger": stranger, "server": w.self.Index} {
		link, err := repo.FirstLink("", []*sign.Identity{signer}, time.Now(), head)
		if err != nil {
			continue // not even made
		}
		if _, err = p.PostLink(t.Context(), link); err == nil {
			t.Errorf("link 1 of the %s was taken", name)
		}
	}
	if w.depot.exists() {
		t.Fatal("there is a repository")
	}
	w.found(p)
	bob := must(newPerson("bob", sign.RightDeploy))(t)
	must(w.files.AddAnchors(writeCert(t, bob.Leaf())))(t)
	w.people.forget()
	session := must(w.dial().Login(t.Context(), bob, time.Now()))(t)
	his := &api.PersonClient{Client: w.dial(), Token: session.Token}
	must(his.Hosts(t.Context(), api.HostQuery{}))(t)
	state := w.state()
	next := must(repo.NextLink(state, []*sign.Identity{w.admin}, time.Now(), func(l *index.Link) { l.RevokedCertificates = []string{sign.Fingerprint(bob.Leaf())} }))(t)
	if r := must(p.PostLink(t.Context(), next))(t); r.Link != 2 {
		t.Errorf("link %d", r.Link)
	}
	_, err := his.Hosts(t.Context(), api.HostQuery{})
	wantKind(t, err, muster.Denied)
	_, err = w.dial().Login(t.Context(), bob, time.Now())
	wantKind(t, err, muster.Denied)
	forged, err := repo.NextLink(w.state(), []*sign.Identity{stranger}, time.Now(), func(l *index.Link) { l.Need = 1 })
	if err == nil {
		_, err = p.PostLink(t.Context(), forged)
	}
	wantKind(t, err, muster.Denied)
}

// state is what the chain of trust of the server's repository says.
func (w *world) state() *index.State {
	w.t.Helper()
	r := w.depot.info()
	var links [][]byte
	for n := 1; n <= r.Link; n++ {
		links = append(links, w.file("trust/"+string(rune('0'+n))+".p7m"))
	}
	return must(index.Follow(&sign.Trust{Anchors: []*x509.Certificate{w.admin.Leaf()}}, r.ID, links, time.Now()))(w.t)
}

// A site that an administrator visits cannot use their session.
func TestCase38OtherSites(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	for site, want := range map[string]int{"cross-site": http.StatusForbidden, "same-site": http.StatusForbidden, "same-origin": http.StatusOK, "": http.StatusOK} {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteTokens, strings.NewReader(`{"uses":1}`)))(t)
		r.Header.Set("Authorization", "Bearer "+p.Token)
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if status, body := w.status(r); status != want {
			t.Errorf("from %q: %d %+v", site, status, body)
		}
	}
}

// A login that somebody saw opens no second session, on no server of the database.
func TestLoginAgain(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	body := must(json.Marshal(api.Login{Certificate: string(sign.EncodeCerts(w.admin.Chain...))}))(t)
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteLogin, bytes.NewReader(body)))(t)
	check(t, httpsig.Sign(r, body, w.admin.Key.(crypto.Signer), httpsig.Params{KeyID: sign.KeyFingerprint(w.admin.Leaf()), Server: c.Server.ID, Created: time.Now()}))
	if status, _ := w.status(r); status != http.StatusOK {
		t.Fatal(status)
	}
	cfg := w.cfg
	w.stop()
	w.start(cfg) // memory does not count
	r.URL.Host = strings.TrimPrefix(w.url, "https://")
	r.Host = r.URL.Host
	r.Body = readCloser(body)
	if status, answer := w.status(r); status != http.StatusConflict {
		t.Errorf("again: %d %+v", status, answer)
	}
}

// Metrics and health are for those whom the configuration allows, and tell
// strangers nothing that has a name.
func TestHealthAndMetrics(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Metrics.From = mustPrefixes("192.0.2.0/24")
		c.TrustedProxies = mustPrefixes("127.0.0.0/8")
	})
	p := w.person()
	w.machine(1).join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	get := func(path, from string) (int, string) {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil))(t)
		r.Header.Set("X-Forwarded-For", from)
		resp := must(w.raw().Do(r))(t)
		defer resp.Body.Close()
		var b bytes.Buffer
		must(b.ReadFrom(resp.Body))(t)
		return resp.StatusCode, b.String()
	}
	if status, text := get(api.RouteMetrics, "198.51.100.1"); status != http.StatusNotFound || strings.Contains(text, "musterd") {
		t.Errorf("metrics for strangers: %d %s", status, text)
	}
	status, text := get(api.RouteMetrics, "192.0.2.1")
	for _, want := range []string{`musterd_hosts{state="accepted"} 1`, `musterd_requests_total{route="POST /api/v1/enrol",status="200"} 1`, "musterd_commit_writes_bucket", "musterd_waiting_hosts 0", "process_resident_memory_bytes"} {
		if status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("metrics: %d, without %q", status, want)
		}
	}
	if status, text := get(api.RouteHealth, "198.51.100.1"); status != http.StatusOK || !strings.Contains(text, `"database"`) {
		t.Errorf("health: %d %s", status, text)
	}
}
