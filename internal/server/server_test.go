package server

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/durable"
	"muster/internal/fetch"
	"muster/internal/repo"
	"muster/sign"
)

// TestThinPath goes the way of a host over real TLS: it enrols by a token, checks
// in, sends its inventory when asked, and people find it.
func TestThinPath(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1, Groups: []string{"lab"}}))(t)
	m := w.machine(1)
	if e := m.join(token.Secret); e.State != api.Accepted || e.Certificate == "" {
		t.Fatalf("enrolled: %+v", e)
	}
	doc := desktop(20)
	first := m.report(doc)
	if first.Send != api.SendWhole || first.Policy == nil || len(first.Policy.Groups) != 1 {
		t.Errorf("first check-in: %+v", first)
	}
	if again := m.report(doc); again.Send != api.SendNothing {
		t.Errorf("second check-in: %+v", again)
	}
	page := must(p.Hosts(t.Context(), api.HostQuery{}))(t)
	if len(page.Hosts) != 1 || page.Hosts[0].ID != m.ID || !page.Hosts[0].Online {
		t.Fatalf("hosts: %+v", page)
	}
	if d := must(p.Host(t.Context(), m.ID))(t); d.State != api.Accepted || len(d.Groups) != 1 {
		t.Errorf("host: %+v", d)
	}
	data := must(p.HostInventory(t.Context(), m.ID, 0))(t)
	if want := must(doc.Marshal())(t); string(data) != string(want) {
		t.Errorf("inventory: %d bytes, want %d", len(data), len(want))
	}
}

// A host waits for news, and a package that is published is news.
func TestPublishWakesHosts(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	out := must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t)
	woken := make(chan int64, 1)
	go func() {
		n, err := m.Wake(t.Context(), out.Wake)
		if err != nil {
			t.Error(err)
		}
		woken <- n
	}()
	file := pack(t, "age", "1.0", 100_000, w.admin)
	published := must(publish(t, p, file))(t)
	if published.Name != "age" || published.Same {
		t.Errorf("published: %+v", published)
	}
	if n := <-woken; n == out.Wake {
		t.Errorf("woken with the number %d that it had", n)
	}
	if again := must(publish(t, p, file))(t); !again.Same || again.File != published.File {
		t.Errorf("published again: %+v", again)
	}
	w.follow(published.File)
}

// follow updates a client of the repository as an agent does, and opens a file.
func (w *world) follow(file string) {
	t := w.t
	t.Helper()
	server := w.dial().Server
	f := &fetch.Client{Cache: t.TempDir(), Roots: w.roots}
	c := &repo.Client{Bases: []string{w.url + server.Repository.URL}, ID: server.Repository.ID, State: t.TempDir(),
		Trust: &sign.Trust{Anchors: w.admin.Chain}, Fetch: f, Disk: &durable.Disk{}}
	must(c.Update(t.Context()))(t)
	list := must(c.Index())(t)
	for _, e := range list.Entries() {
		if e.Filename == file {
			must(c.Open(t.Context(), e))(t).Close()
			return
		}
	}
	t.Fatalf("the repository does not list %q", file)
}

// The certificate that the server makes is for the name that was asked, and
// comes with the authority that agents pin.
func TestOwnTLS(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TLS.Names = []string{"muster.example.org"} })
	conn := must(tls.Dial("tcp", w.url[len("https://"):], &tls.Config{RootCAs: w.roots, ServerName: "muster.example.org"}))(t)
	defer conn.Close()
	chain := conn.ConnectionState().PeerCertificates
	if len(chain) != 2 || sign.Fingerprint(chain[1]) != sign.Fingerprint(must(w.folder.ownAuthority(time.Now()))(t).Leaf()) {
		t.Errorf("%d certificates", len(chain))
	}
	if r := sign.Rights(chain[0]); len(r) != 0 {
		t.Errorf("the certificate for TLS has rights: %v", r)
	}
}

// A server that starts again is the one it was.
func TestStartAgain(t *testing.T) {
	w := newWorld(t)
	before := w.dial().Server
	cfg := w.cfg
	w.stop()
	w.start(cfg)
	if after := w.dial().Server; after.ID != before.ID || after.Repository.Index != before.Repository.Index {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// A database of another server is refused.
func TestForeignDatabase(t *testing.T) {
	w := newWorld(t)
	cfg := w.cfg
	w.stop()
	cfg.Database = cfg.DSN()
	cfg.Data = t.TempDir()
	_, err := Open(t.Context(), cfg, quiet(t), drivers()...)
	wantKind(t, err, muster.Conflict)
}

// Only the files of the repository are served, whatever else is in its folder.
func TestOnlyRepositoryFiles(t *testing.T) {
	w := newWorld(t, pages)
	p := w.person()
	w.found(p)
	check(t, os.WriteFile(w.files.path("repo", "secret"), []byte("x"), 0o644))
	for path, want := range map[string]int{
		"/repo/Packages.p7m": http.StatusOK, "/repo/trust/1.p7m": http.StatusOK, "/repo/secret": http.StatusNotFound, "/repo/": http.StatusNotFound,
		"/repo/.lock": http.StatusNotFound, "/repo/trust/": http.StatusNotFound, "/repo/%2e%2e/server.json": http.StatusNotFound, "/server.json": http.StatusNotFound,
	} {
		resp := must(w.raw().Get(w.url + path))(t)
		io.Copy(io.Discard, resp.Body) //nolint:errcheck // a test
		resp.Body.Close()
		got := resp.StatusCode
		if resp.Request.URL.Path == "/login" {
			got = http.StatusNotFound // what is not for programs is for who logs in to the console
		}
		if got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
}

// Whoever is not believed has no session; whoever is not any more has it no longer.
func TestLogin(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	stranger := must(newPerson("mallory", sign.RightCode))(t)
	_, err := c.Login(t.Context(), stranger, time.Now())
	wantKind(t, err, muster.Denied)
	p := w.person()
	must(p.Hosts(t.Context(), api.HostQuery{}))(t)
	check(t, os.Remove(w.files.path(trustDir, "alice.pem")))
	w.people.forget()
	_, err = p.Hosts(t.Context(), api.HostQuery{})
	wantKind(t, err, muster.Denied)
	w.files.AddAnchors(writeCert(t, w.admin.Leaf())) //nolint:errcheck // the next line tells
	w.people.forget()
	must(p.Hosts(t.Context(), api.HostQuery{}))(t)
	check(t, p.Logout(t.Context()))
	_, err = p.Hosts(t.Context(), api.HostQuery{})
	if api.CodeOf(err) != api.NoSession {
		t.Errorf("after logout: %v", err)
	}
}

func newPerson(name string, rights ...sign.Right) (*sign.Identity, error) {
	key, err := sign.NewKey("")
	if err != nil {
		return nil, err
	}
	cert, err := sign.SelfSigned(name, key, time.Now().Add(-time.Hour), time.Now().Add(1000*time.Hour), rights...)
	if err != nil {
		return nil, err
	}
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}, nil
}
