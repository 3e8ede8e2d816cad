package server

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/testneed"
	"muster/sign"
)

const goodPassword = "correct horse battery staple"

// as is a client with the session of somebody.
func (w *world) as(s api.Session) *api.PersonClient {
	return &api.PersonClient{Client: w.dial(), Token: s.Token}
}

// who asks who one is.
func (w *world) whoIs(p *api.PersonClient) api.Self {
	w.t.Helper()
	return must(p.Self(w.t.Context()))(w.t)
}

// A person with a password sees what rules give them, from the request on in which
// they are given, and nothing any more when they are taken.
func TestPasswordLogin(t *testing.T) {
	w := newWorld(t)
	admin := w.person()
	must(admin.AddPerson(t.Context(), api.PersonNew{Name: "bob", Password: goodPassword}))(t)
	for name, password := range map[string]string{"bob": "wrong", "nobody": goodPassword, "alice": goodPassword, "": "", "ldap:bob": goodPassword} {
		_, err := w.dial().LoginPassword(t.Context(), api.PasswordLogin{Name: name, Password: password})
		if muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), "the name or the password is wrong") {
			t.Errorf("%q: %v", name, err)
		}
	}
	bob := w.as(must(w.dial().LoginPassword(t.Context(), api.PasswordLogin{Name: "bob", Password: goodPassword}))(t))
	if self := w.whoIs(bob); self.Name != "bob" || self.Way != "password" || len(self.May) != 0 {
		t.Errorf("%+v", self)
	}
	_, err := bob.Hosts(t.Context(), api.HostQuery{})
	if muster.KindOf(err) != muster.Denied || !strings.Contains(muster.HintOf(err), "person:alice") {
		t.Errorf("without a rule: %v (%s)", err, muster.HintOf(err))
	}
	rule := must(admin.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView}}))(t)
	must(bob.Hosts(t.Context(), api.HostQuery{}))(t)
	_, err = bob.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: api.Verbs()})
	wantKind(t, err, muster.Denied)
	check(t, admin.RemoveRule(t.Context(), rule.ID))
	_, err = bob.Hosts(t.Context(), api.HostQuery{})
	wantKind(t, err, muster.Denied)
	yes := true
	must(admin.EditPerson(t.Context(), "bob", api.PersonEdit{Disabled: &yes}))(t)
	if _, err = bob.Self(t.Context()); api.CodeOf(err) != api.NoSession {
		t.Errorf("disabled: %v", err)
	}
}

// Tokens of programs do what their rules say, and nothing of what is a person's own.
func TestTokensOfPrograms(t *testing.T) {
	w := newWorld(t)
	admin := w.person()
	token := must(admin.CreateAPIToken(t.Context(), api.APITokenNew{Verbs: []api.Verb{api.VerbView}, Note: "monitoring"}))(t)
	if !strings.HasPrefix(token.Secret, "mst_") {
		t.Errorf("secret %q", token.Secret)
	}
	program := &api.PersonClient{Client: w.dial(), Token: token.Secret}
	if self := w.whoIs(program); self.Name != "alice" || self.Way != "token" || len(self.May) != 1 || !self.May[0].All {
		t.Errorf("%+v", self)
	}
	must(program.Hosts(t.Context(), api.HostQuery{}))(t)
	for name, err := range map[string]error{
		"rules":    one(program.Rules(t.Context())),
		"tokens":   one(program.CreateAPIToken(t.Context(), api.APITokenNew{Verbs: []api.Verb{api.VerbView}})),
		"sessions": one(program.Sessions(t.Context())),
		"logout":   program.Logout(t.Context()),
	} {
		if muster.KindOf(err) != muster.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	list := must(admin.APITokens(t.Context(), false))(t).Tokens
	if len(list) != 1 || list[0].Secret != "" || list[0].Note != "monitoring" || list[0].Used == 0 {
		t.Errorf("%+v", list)
	}
	// Who is no more believed has no tokens that are.
	check(t, os.Remove(w.files.path(trustDir, "alice.pem")))
	w.people.forget()
	_, err := program.Hosts(t.Context(), api.HostQuery{})
	wantKind(t, err, muster.Denied)
	must(w.files.AddAnchors(writeCert(t, w.admin.Leaf())))(t)
	w.people.forget()
	check(t, admin.RevokeAPIToken(t.Context(), token.ID))
	if _, err = program.Hosts(t.Context(), api.HostQuery{}); api.CodeOf(err) != api.NoSession {
		t.Errorf("revoked: %v", err)
	}
}

func one[T any](_ T, err error) error { return err }

// Whom trust.d believes at the first start administers; one who comes later, too,
// where there was nobody; others do by rules alone.
func TestFirstAdministrator(t *testing.T) {
	w := newWorld(t)
	bob := must(newPerson("bob", sign.RightCode))(t)
	must(w.files.AddAnchors(writeCert(t, bob.Leaf())))(t)
	w.people.forget()
	his := w.as(must(w.dial().Login(t.Context(), bob, time.Now()))(t))
	must(his.Hosts(t.Context(), api.HostQuery{}))(t)
	_, err := his.Rules(t.Context())
	wantKind(t, err, muster.Denied)
	must(w.person().Rules(t.Context()))(t)
	if got := must(w.Administrators(t.Context()))(t); len(got) != 2 || got[0] != "person:alice" || got[1] != "right:issue" {
		t.Errorf("administrators: %v", got)
	}

	cfg := testConfig(t)
	late := &world{t: t, admin: w.admin, files: Folder{Dir: cfg.Data}}
	late.start(cfg) // nobody is believed
	deployer := must(newPerson("dave", sign.RightDeploy))(t)
	for _, id := range []*sign.Identity{deployer, w.admin, bob} {
		must(late.files.AddAnchors(writeCert(t, id.Leaf())))(t)
		late.people.forget()
		p := late.as(must(late.dial().Login(t.Context(), id, time.Now()))(t))
		_, err := p.Rules(t.Context())
		if want := id == w.admin; (err == nil) != want {
			t.Errorf("%s: %v", id.Leaf().Subject.CommonName, err)
		}
	}
}

// The console's session is a cookie that scripts cannot read and other sites cannot
// send along with what changes anything.
func TestCase38Cookie(t *testing.T) {
	w := newWorld(t)
	admin := w.person()
	must(admin.AddPerson(t.Context(), api.PersonNew{Name: "bob", Password: goodPassword}))(t)
	must(admin.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: api.Verbs()}))(t)
	post := func(path, body string, dress func(*http.Request)) *http.Response {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(body)))(t)
		dress(r)
		resp := must(w.raw().Do(r))(t)
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	login := string(must(json.Marshal(api.PasswordLogin{Name: "bob", Password: goodPassword, Cookie: true}))(t))
	for _, site := range []string{"cross-site", "same-site"} { // nobody is logged in as somebody else from there
		if resp := post(api.RouteLoginPassword, login, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) }); resp.StatusCode != http.StatusForbidden {
			t.Errorf("login from %s: %s", site, resp.Status)
		}
	}
	resp := post(api.RouteLoginPassword, login, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") })
	var session api.Session
	check(t, json.NewDecoder(resp.Body).Decode(&session))
	if session.Token != "" || len(resp.Cookies()) != 1 {
		t.Fatalf("%+v, %v", session, resp.Cookies())
	}
	c := resp.Cookies()[0]
	if c.Name != "__Host-muster" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	token := must(admin.CreateAPIToken(t.Context(), api.APITokenNew{Verbs: []api.Verb{api.VerbEnrol}}))(t)
	for name, test := range map[string]struct {
		dress  func(*http.Request)
		status int
	}{
		"same origin":         {func(r *http.Request) { r.AddCookie(c); r.Header.Set("Sec-Fetch-Site", "same-origin") }, http.StatusOK},
		"cross site":          {func(r *http.Request) { r.AddCookie(c); r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"same site":           {func(r *http.Request) { r.AddCookie(c); r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		"other origin":        {func(r *http.Request) { r.AddCookie(c); r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"null origin":         {func(r *http.Request) { r.AddCookie(c); r.Header.Set("Origin", "null") }, http.StatusForbidden},
		"two cookies":         {func(r *http.Request) { r.AddCookie(c); r.AddCookie(c) }, http.StatusUnauthorized},
		"cookie and bearer":   {func(r *http.Request) { r.AddCookie(c); r.Header.Set("Authorization", "Bearer "+admin.Token) }, http.StatusUnauthorized},
		"token as a cookie":   {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: token.Secret}) }, http.StatusUnauthorized},
		"cookie of that name": {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "muster", Value: c.Value}) }, http.StatusUnauthorized},
	} {
		if resp := post(api.RouteTokens, `{"uses":1}`, test.dress); resp.StatusCode != test.status {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	out := post(api.RouteLogout, "", func(r *http.Request) { r.AddCookie(c) })
	if out.StatusCode != http.StatusNoContent || len(out.Cookies()) != 1 || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %s %v", out.Status, out.Cookies())
	}
	if resp := post(api.RouteTokens, `{"uses":1}`, func(r *http.Request) { r.AddCookie(c) }); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after logout: %s", resp.Status)
	}
}

// A client certificate logs in whom trust.d believes, where the configuration says so,
// and headers that name one never do.
func TestClientCertificate(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TLS.ClientCertificates = true })
	login := func(w *world, id *sign.Identity) (api.Session, int) {
		client := w.raw()
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteLoginTLS, strings.NewReader("{}")))(t)
		r.Header.Set("X-SSL-Client-Cert", "alice")
		if id != nil {
			cert := tls.Certificate{PrivateKey: id.Key.(crypto.Signer)}
			for _, c := range id.Chain {
				cert.Certificate = append(cert.Certificate, c.Raw)
			}
			client.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		}
		resp := must(client.Do(r))(t)
		defer resp.Body.Close()
		var s api.Session
		json.NewDecoder(resp.Body).Decode(&s) //nolint:errcheck // empty where it is none
		return s, resp.StatusCode
	}
	s, status := login(w, w.admin)
	if status != http.StatusOK || s.Name != "alice" {
		t.Fatalf("%d %+v", status, s)
	}
	if self := w.whoIs(w.as(s)); self.Way != "tls" || strings.Join(self.Rights, " ") != "deploy code" {
		t.Errorf("%+v", self)
	}
	for name, id := range map[string]*sign.Identity{"stranger": must(newPerson("mallory", sign.RightCode))(t), "none": nil, "index": w.self.Index} {
		if s, status := login(w, id); status != http.StatusForbidden || s.Token != "" {
			t.Errorf("%s: %d", name, status)
		}
	}
	if s, status := login(newWorld(t), w.admin); status != http.StatusNotFound || s.Token != "" {
		t.Errorf("where it is off: %d", status)
	}
	bad := Defaults()
	bad.Listen, bad.TLS = "127.0.0.1:1", TLS{Mode: "off", ClientCertificates: true}
	wantKind(t, bad.Check(), muster.Invalid)
}

// slapdConf is that of a directory for this test: folder.
const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
database mdb
suffix dc=example,dc=org
directory %[1]s/db
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`

const slapdTree = `dn: dc=example,dc=org
objectClass: domain
dc: example

dn: uid=Carol,dc=example,dc=org
objectClass: account
objectClass: simpleSecurityObject
uid: Carol
userPassword: carol's password

dn: cn=Helpdesk,dc=example,dc=org
objectClass: groupOfNames
cn: Helpdesk
member: uid=Carol,dc=example,dc=org
`

// slapd runs a directory on loopback, and returns its address.
func slapd(t *testing.T) string {
	t.Helper()
	program := func(name string) string {
		if path, err := exec.LookPath("/usr/sbin/" + name); err == nil {
			return path
		}
		return testneed.Program(t, name)
	}
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	check(t, os.WriteFile(filepath.Join(dir, "conf"), fmt.Appendf(nil, slapdConf, dir), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "ldif"), []byte(slapdTree), 0o600))
	if out, err := exec.Command(program("slapadd"), "-q", "-f", dir+"/conf", "-l", dir+"/ldif").CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	url := "ldap://" + l.Addr().String()
	l.Close()
	cmd := exec.Command(program("slapd"), "-h", url, "-f", dir+"/conf", "-d", "none")
	check(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it is killed
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
			return url
		}
		<-tick.C
	}
	t.Fatal("slapd does not listen")
	return ""
}

// Who logs in by the directory is known by another name than anybody here, and rules
// know their groups.
func TestDirectoryLogin(t *testing.T) {
	url := slapd(t)
	w := newWorld(t, func(c *Config) {
		c.Directory.Preset, c.Directory.URLs, c.Directory.Bases = "openldap", []string{url}, []string{"dc=example,dc=org"}
		c.Directory.People.Filter = "(uid={name})"
	})
	admin := w.person()
	must(admin.AddRule(t.Context(), api.Rule{Who: "group:ldap:helpdesk", Verbs: []api.Verb{api.VerbView}}))(t)
	must(admin.AddRule(t.Context(), api.Rule{Who: "person:carol", Verbs: api.Verbs()}))(t)
	ask := func(name, password string) (api.Session, error) {
		return w.dial().LoginPassword(t.Context(), api.PasswordLogin{Name: name, Password: password, LDAP: true})
	}
	carol := w.as(must(ask("CAROL", "carol's password"))(t))
	if self := w.whoIs(carol); self.Name != "ldap:carol" || self.Way != "ldap" || len(self.Groups) != 1 || self.Groups[0] != "ldap:helpdesk" || len(self.May) != 1 {
		t.Errorf("%+v", self)
	}
	must(carol.Hosts(t.Context(), api.HostQuery{}))(t)
	for name, password := range map[string]string{"carol": "wrong", "nobody": "carol's password", "car*": "carol's password", "alice": ""} {
		_, err := ask(name, password)
		if muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), "the name or the password is wrong") {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, err := w.dial().LoginPassword(t.Context(), api.PasswordLogin{Name: "carol", Password: "carol's password"})
	wantKind(t, err, muster.Denied) // not of this server
	no := true
	must(admin.EditPerson(t.Context(), "ldap:carol", api.PersonEdit{Disabled: &no}))(t)
	_, err = ask("carol", "carol's password")
	wantKind(t, err, muster.Denied)
	// One person is one count of guesses, however they are spelled.
	for _, name := range []string{" dave", "dave ", "dave\x00"} {
		_, err := ask(name, "wrong")
		wantKind(t, err, muster.Denied)
	}
	for i := range 6 {
		_, err = ask([]string{"Dave", "dave", "DAVE"}[i%3], "wrong")
	}
	wantKind(t, err, muster.Busy)
}

// Every route by which one logs in takes what is bounded, and nothing of other sites.
func TestLoginRoutes(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TrustedProxies = mustPrefixes("127.0.0.0/8") })
	n := 0
	for _, rt := range routes() {
		if rt.who != aVisitor {
			continue
		}
		for name, test := range map[string]struct {
			body   io.Reader
			site   string
			status int
		}{
			"huge":       {bytes.NewReader(make([]byte, api.MaxEnrol+1)), "", http.StatusRequestEntityTooLarge},
			"no JSON":    {strings.NewReader("x"), "", http.StatusBadRequest},
			"other site": {strings.NewReader("{}"), "cross-site", http.StatusForbidden},
		} {
			r := must(http.NewRequestWithContext(t.Context(), rt.method, w.url+rt.path, test.body))(t)
			n++
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.1.%d.1", n))
			if test.site != "" {
				r.Header.Set("Sec-Fetch-Site", test.site)
			}
			status, answer := w.status(r)
			if off := status == http.StatusNotFound && name == "no JSON"; status != test.status && !off {
				t.Errorf("%s, %s: %d %+v", rt.name(), name, status, answer)
			}
		}
	}
	if n == 0 {
		t.Error("no route was asked")
	}
}
