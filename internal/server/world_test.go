package server

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/db"
	"muster/internal/db/sqlite"
	"muster/internal/repo"
	"muster/internal/testneed"
	"muster/inventory"
	"muster/pkgfile"
	"muster/sign"
)

// must is for what a test does on the way.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v (%s; hint: %s)", err, muster.KindOf(err), muster.HintOf(err))
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s; hint: %s)", err, muster.KindOf(err), muster.HintOf(err))
	}
}

// wantKind fails unless err is of a kind.
func wantKind(t testing.TB, err error, kind muster.ErrorKind) {
	t.Helper()
	if muster.KindOf(err) != kind {
		t.Fatalf("error %v is of kind %q, want %q", err, muster.KindOf(err), kind)
	}
}

// A world is a server that runs, with an administrator who is believed.
type world struct {
	*Server
	t     testing.TB
	url   string
	roots *x509.CertPool
	admin *sign.Identity
	stop  func()
	files Folder

	client *http.Client // of status

	patience, pulse time.Duration // 0: as they are
}

// administrator is one for all tests: keys take time to make.
var administrator = sync.OnceValues(func() (*sign.Identity, error) {
	key, err := sign.NewKey("")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	cert, err := sign.SelfSigned("alice", key, now.Add(-time.Hour), now.Add(1000*time.Hour), sign.RightCode)
	if err != nil {
		return nil, err
	}
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}, nil
})

func testConfig(t testing.TB) Config {
	c := Defaults()
	c.Data = filepath.Join(t.TempDir(), "data")
	c.Listen = "127.0.0.1:0"
	c.Limits.Hosts = 1_000_000
	c.Repository.Reserve = 0
	if !strings.HasPrefix(t.Name(), "TestConsole") {
		c.Console = "off" // to parse all pages takes longer than most tests: they are there for tests of that name
	}
	return c
}

// TestMain: the servers of these tests sync thousands of times.
func TestMain(m *testing.M) {
	testneed.InMemory()
	debug.SetGCPercent(400)         // a third of the time went into collecting little garbage often
	flag.Set("test.parallel", "16") //nolint:errcheck // it is there; tests that run beside each other wait, and compute little
	os.Exit(m.Run())
}

// migrated is a database that has the tables of a server and nothing else. To make them
// takes longer than most tests: those that do not begin with [newWorld] do, and those with
// a database elsewhere.
var migrated = sync.OnceValues(func() (data []byte, err error) {
	dir, err := os.MkdirTemp("", "muster-migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := Defaults()
	c.Data = dir
	d, err := db.Open(context.Background(), c.DSN(), sqlite.Driver{})
	if err != nil {
		return nil, err
	}
	for _, s := range c.schemas() {
		files, err := fs.Sub(s.Files, "schema")
		if err == nil {
			err = d.Migrate(context.Background(), s.Subject, files)
		}
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(c.DatabaseFile())
})

// pages has the console be there.
func pages(c *Config) { c.Console = "on" }

// quiet keeps logs out of tests, unless they fail.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// newWorld starts a server.
func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	cfg := testConfig(t)
	for _, f := range change {
		f(&cfg)
	}
	admin := must(administrator())(t)
	f := Folder{Dir: cfg.Data}
	check(t, os.MkdirAll(filepath.Join(cfg.Data, trustDir), 0o700))
	check(t, os.WriteFile(filepath.Join(cfg.Data, trustDir, "alice.pem"), sign.EncodeCerts(admin.Leaf()), 0o600))
	if cfg.Database == "" {
		check(t, os.WriteFile(cfg.DatabaseFile(), must(migrated())(t), 0o600))
	}
	w := &world{t: t, admin: admin, files: f}
	w.start(cfg)
	return w
}

// start starts the server of a folder, which may have run before.
func (w *world) start(cfg Config) {
	t := w.t
	t.Helper()
	s := must(Open(context.Background(), cfg, quiet(t), sqlite.Driver{}))(t)
	s.access.Memory = 64
	if w.patience > 0 {
		s.patience = w.patience
	}
	if w.pulse > 0 {
		s.pulse = w.pulse
	}
	l := must(s.Listen())(t)
	w.Server, w.url, w.client = s, "https://"+l.Addr().String(), nil
	if cfg.TLS.Mode == "off" {
		w.url = "http://" + l.Addr().String()
	} else {
		w.roots = x509.NewCertPool()
		w.roots.AddCert(must(s.folder.ownAuthority(time.Now()))(t).Leaf())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	t.Cleanup(func() { w.stop() })
}

func (w *world) dial() *api.Client {
	w.t.Helper()
	c := must(api.Dial(w.t.Context(), w.url, api.Options{CA: w.roots}))(w.t)
	w.t.Cleanup(c.Close)
	return c
}

// person logs the administrator in.
func (w *world) person() *api.PersonClient {
	w.t.Helper()
	c := w.dial()
	session := must(c.Login(w.t.Context(), w.admin, time.Now()))(w.t)
	return &api.PersonClient{Client: c, Token: session.Token}
}

// raw is a client that can say anything.
func (w *world) raw() *http.Client {
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.roots}}
	w.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// found sets the repository up, as an administrator does.
func (w *world) found(p *api.PersonClient) {
	w.t.Helper()
	r := must(p.Repository(w.t.Context()))(w.t)
	cert := must(sign.ParseCerts([]byte(r.Index)))(w.t)
	link := must(repo.FirstLink("", []*sign.Identity{w.admin}, time.Now(), repo.HeadSigner(cert[0])))(w.t)
	must(p.PostLink(w.t.Context(), link))(w.t)
}

// A machine is a host.
type machine struct {
	*api.HostClient
	t       testing.TB
	counter atomic.Uint64

	certificate string // where the test needs it
}

func (w *world) machine(n int) *machine {
	w.t.Helper()
	key := must(sign.NewKey(""))(w.t)
	m := &machine{t: w.t}
	m.HostClient = &api.HostClient{Client: w.dial(), ID: fmt.Sprintf("00000000-0000-4000-8000-%012x", n), Key: key.(crypto.Signer),
		Next: func() (uint64, error) { return m.counter.Add(1), nil }}
	return m
}

// join enrols the machine with a token.
func (m *machine) join(token string) api.Enrolled {
	m.t.Helper()
	return must(m.Enrol(m.t.Context(), api.Enrol{Token: token, Facts: api.Facts{Hostname: "pc-" + m.ID[30:], OS: "linux", Arch: "amd64"}}))(m.t)
}

// report checks in and sends what the server wants of doc.
func (m *machine) report(doc *inventory.Document) api.CheckedIn {
	m.t.Helper()
	hashes := must(doc.Hashes())(m.t)
	out := must(m.CheckIn(m.t.Context(), api.CheckIn{Set: hashes.Set(), Clock: time.Now().Unix()}))(m.t)
	if out.Send != api.SendNothing {
		data := must(doc.Marshal())(m.t)
		taken := must(m.Inventory(m.t.Context(), api.TypeDocument, data))(m.t)
		if taken.Set != hashes.Set() {
			m.t.Fatalf("the server has kept %q, not %q", taken.Set, hashes.Set())
		}
	}
	return out
}

// desktop is an inventory with n packages.
func desktop(n int) *inventory.Document {
	doc := inventory.New()
	doc.Packages = map[string][]inventory.Package{}
	doc.System = &inventory.System{Hostname: "pc", Domain: "example.org", OS: "linux", Arch: "amd64"}
	for i := range n {
		doc.Packages["dpkg"] = append(doc.Packages["dpkg"], inventory.Package{Name: fmt.Sprintf("lib%03d", i), Version: "1.0-1", Architecture: "amd64"})
	}
	return doc
}

// pack makes a package file, signed by signer.
func pack(t testing.TB, name, version string, size int, signer *sign.Identity) string {
	t.Helper()
	c := control.Control{Name: name, Version: version, Kind: muster.Base, OS: []string{"linux"}, Architecture: []string{"amd64"}}
	content := make([]byte, size)
	rand.Read(content)
	spec := pkgfile.Spec{Control: c, Date: time.Now().Add(-time.Minute)}
	spec.Entries = []pkgfile.Entry{{File: pkgfile.File{Path: "root/usr/share/" + name, Type: pkgfile.Regular, Mode: 0o644},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}}
	d := must(pkgfile.Build(spec, t.TempDir()))(t)
	defer d.Close()
	signature := must(sign.Sign(d.Encoded, true, time.Now().Add(-time.Minute), signer))(t)
	path := filepath.Join(t.TempDir(), c.FileName())
	f := must(os.Create(path))(t)
	defer f.Close()
	check(t, d.Write(f, signature))
	return path
}

// publish uploads a package file.
func publish(t testing.TB, p *api.PersonClient, file string) (api.Published, error) {
	t.Helper()
	f := must(os.Open(file))(t)
	defer f.Close()
	info := must(f.Stat())(t)
	return p.Publish(t.Context(), filepath.Base(file), f, info.Size())
}

// status asks for a path and returns the status of the answer and its error.
func (w *world) status(req *http.Request) (int, api.ErrorBody) {
	w.t.Helper()
	if w.client == nil {
		w.client = w.raw() // one for all: handshakes take longer than what is said
	}
	resp := must(w.client.Do(req))(w.t)
	defer resp.Body.Close()
	data := must(io.ReadAll(resp.Body))(w.t)
	var body api.ErrorBody
	json.Unmarshal(data, &body) //nolint:errcheck // empty where it is none
	return resp.StatusCode, body
}

func drivers() []db.Driver { return []db.Driver{sqlite.Driver{}} }

// forget has trust.d read again at the next question.
func (p *people) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = time.Time{}
}

func writeCert(t testing.TB, cert *x509.Certificate) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cert.pem")
	check(t, os.WriteFile(name, sign.EncodeCerts(cert), 0o600))
	return name
}

func mustPrefixes(all ...string) (list []netip.Prefix) {
	for _, p := range all {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func readCloser(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

// file is one of the repository.
func (w *world) file(name string) []byte {
	w.t.Helper()
	return must(os.ReadFile(w.files.path("repo", filepath.FromSlash(name))))(w.t)
}
