package agent

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/api"
	"muster/control"
	"muster/deb822"
	"muster/internal/httpsig"
	"muster/internal/repo"
	"muster/internal/script"
	"muster/inventory"
	"muster/pkgfile"
	"muster/settings"
	"muster/sign"
)

// TestMain lets the tests work in memory where there is such a place: each
// change waits for the disk many times.
func TestMain(m *testing.M) {
	script.Child()
	if socket := os.Getenv("MUSTER_TEST_PEER"); socket != "" {
		askAsPeer(socket)
		return
	}
	if dir, err := os.MkdirTemp("/dev/shm", "muster-agent-"); err == nil {
		os.Setenv("TMPDIR", dir)
		code := m.Run()
		os.RemoveAll(dir)
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// A fleet is an authority, a packager, and a server with a repository and hosts. The
// server is a strict one, that keeps everything in memory: it verifies every
// signature and counter, applies deltas, and holds them to their hashes.
type fleet struct {
	*testing.T
	dir       string
	now       time.Time
	authority *sign.Identity // of packagers
	packager  *sign.Identity
	ca        *sign.Identity // of hosts
	web       *httptest.Server

	policies map[string]settings.Document // of packages that will be published

	mu      sync.Mutex
	hosts   map[string]*hostRow
	token   string
	pending bool // enrolment waits for a person
	policy  api.Policy
	down    *muster.ErrorKind // answers nothing else
	wake    int64
	awake   chan struct{} // closed when wake changes
	asked   []string      // routes, in order
	results []api.Result
	reports [][]byte    // of actions
	orders  []api.Order // given until the host says that it has them
	logged  string
	renew   bool
	audit   func(from int64) *api.Checkpoint // nil: there is no log
}

// A hostRow is what the server has of a host.
type hostRow struct {
	key     crypto.PublicKey
	seq     httpsig.Sequence
	doc     *inventory.Document
	set     string
	last    api.CheckIn
	summary *api.Summary
	agent   string
	facts   api.Facts
	back    int // times that it returned
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{T: t, dir: t.TempDir(), now: time.Now().Truncate(time.Second), hosts: map[string]*hostRow{}, policies: map[string]settings.Document{}, token: "secret", awake: make(chan struct{})}
	f.authority = f.identity(nil, "Authority")
	f.packager = f.identity(f.authority, "Alice Martin", sign.RightCode)
	f.ca = f.identity(nil, "Hosts")
	if err := f.publisher().Init("", nil); err != nil {
		t.Fatal(err)
	}
	f.web = httptest.NewUnstartedServer(f)
	f.web.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	f.web.StartTLS()
	t.Cleanup(f.web.Close)
	return f
}

func (f *fleet) path(name ...string) string {
	return filepath.Join(append([]string{f.dir}, name...)...)
}

func (f *fleet) identity(ca *sign.Identity, name string, rights ...sign.Right) *sign.Identity {
	f.Helper()
	key, err := sign.NewKey("ecdsa-p256")
	if err != nil {
		f.Fatal(err)
	}
	from, to := f.now.Add(-time.Hour), f.now.AddDate(1, 0, 0)
	id := &sign.Identity{Key: key}
	if ca == nil {
		c, err := sign.NewAuthority(name, key, from, to)
		if err != nil {
			f.Fatal(err)
		}
		id.Chain = append(id.Chain, c)
		return id
	}
	c, err := sign.Issue(ca, sign.Request{Name: name, Public: key.Public(), Rights: rights, From: from, To: to})
	if err != nil {
		f.Fatal(err)
	}
	id.Chain = append(append(id.Chain, c), ca.Chain...)
	return id
}

func (f *fleet) publisher() *repo.Publisher {
	return &repo.Publisher{Dir: f.path("repo"), Signers: []*sign.Identity{f.packager}, Now: f.now}
}

// publish makes and publishes packages, each "name version" with what else the
// control says after a line feed, and files "path=content".
func (f *fleet) publish(head string, files ...string) {
	f.Helper()
	name := f.pack(head, files...)
	if _, err := f.publisher().Publish(name); err != nil {
		f.Fatal(err)
	}
}

func (f *fleet) pack(head string, files ...string) string {
	f.Helper()
	first, rest, _ := strings.Cut(head, "\n")
	name, ver, _ := strings.Cut(first, " ")
	text := fmt.Sprintf("package: %s\nversion: %s\n%s", name, ver, rest)
	for _, field := range []string{"kind: base", "architecture: all", "os: all", "description: a test"} {
		if key, _, _ := strings.Cut(field, ":"); !strings.Contains("\n"+rest, "\n"+key+":") {
			text = strings.TrimSuffix(text, "\n") + "\n" + field + "\n"
		}
	}
	stanzas, err := deb822.Parse(text)
	if err != nil {
		f.Fatal(err)
	}
	c, err := control.Parse(stanzas[0])
	if err != nil {
		f.Fatal(err)
	}
	spec := pkgfile.Spec{Control: *c, Date: time.Unix(1700000000, 0), Policy: f.policies[c.Name]}
	for _, file := range files {
		path, content, _ := strings.Cut(file, "=")
		if path == pkgfile.ActionsPath {
			if spec.Actions, err = script.Hooks(c.Name, []byte(content)); err != nil {
				f.Fatal(err)
			}
		} else if !strings.HasPrefix(path, "payload/") {
			path = "root/" + path
		}
		spec.Entries = append(spec.Entries, entry(path, content))
	}
	draft, err := pkgfile.Build(spec, f.dir)
	if err != nil {
		f.Fatal(err)
	}
	defer draft.Close()
	sig, err := sign.Sign(draft.Encoded, true, f.now, f.packager)
	if err != nil {
		f.Fatal(err)
	}
	out, err := os.Create(f.path(c.FileName()))
	if err != nil {
		f.Fatal(err)
	}
	defer out.Close()
	if err := draft.Write(out, sig); err != nil {
		f.Fatal(err)
	}
	return out.Name()
}

func entry(path, content string) pkgfile.Entry {
	mode := uint32(0o644)
	if strings.HasPrefix(path, "root/bin/") {
		mode = 0o755
	}
	return pkgfile.Entry{File: pkgfile.File{Path: path, Type: pkgfile.Regular, Mode: mode},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// joining is what a person says to join a host of that name.
func (f *fleet) joining(name string) Joining {
	return Joining{Root: f.path(name), Area: true, URL: f.web.URL, Token: "secret", Version: "1.0", Now: time.Now,
		CA:    []string{"sha256:" + sign.Fingerprint(f.web.Certificate())},
		Trust: []string{"sha256:" + sign.Fingerprint(f.authority.Leaf())},
		Say:   func(format string, args ...any) { f.Logf(format, args...) }}
}

// host joins a host, which has to succeed.
func (f *fleet) host(name string) string {
	f.Helper()
	id, err := Join(f.Context(), f.joining(name))
	if err != nil {
		f.Fatal(err)
	}
	return id.ID
}

// job is a whole round of a host.
func (f *fleet) job(name string) Job {
	return Job{Root: f.path(name), Version: "1.0", Now: time.Now, Update: true, Collect: true, Log: f.Logf}
}

// round makes a round, which has to succeed.
func (f *fleet) round(name string) *Outcome {
	f.Helper()
	out, err := Round(f.Context(), f.job(name))
	if err != nil {
		f.Fatal(err)
	}
	return out
}

func (f *fleet) row(id string) *hostRow {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosts[id]
}

// told returns the routes asked since the last call.
func (f *fleet) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := strings.Join(f.asked, " ")
	f.asked = nil
	return s
}

const serverID = "5f0c6a0e-0000-4000-8000-000000000001"

func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, api.RouteRepo); ok {
		r.URL.Path = "/" + rest
		repo.Handler(f.path("repo")).ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out, err := f.answer(r)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

// refusal is an error with a code for programs.
type refusal struct {
	error
	code api.Code
}

func refuse(w http.ResponseWriter, err error) {
	var b api.ErrorBody
	b.Error.Kind, b.Error.Message = muster.KindOf(err), err.Error()
	if r, ok := err.(refusal); ok {
		b.Error.Kind, b.Error.Code = muster.KindOf(r.error), r.code
	}
	w.Header().Set("Content-Type", "application/json")
	if b.Error.Kind == muster.Unavailable {
		w.Header().Set("Retry-After", "1200")
	}
	w.WriteHeader(api.StatusOf(b.Error.Kind))
	json.NewEncoder(w).Encode(b)
}

func (f *fleet) answer(r *http.Request) (any, error) {
	f.asked = append(f.asked, strings.TrimPrefix(r.URL.Path, "/api/v1/"))
	if f.down != nil {
		return nil, muster.Errorf(*f.down, "the server is closed")
	}
	if r.URL.Path == api.RouteServer {
		return f.server(), nil
	}
	m, err := httpsig.Parse(r, serverID)
	if err != nil {
		return nil, err
	}
	body, err := m.Body(r.Body, 1<<20)
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") == "zstd" {
		dec, _ := zstd.NewReader(nil)
		if body, err = dec.DecodeAll(body, nil); err != nil {
			return nil, err
		}
	}
	if r.URL.Path == api.RouteEnrol {
		return f.enrol(m, body)
	}
	host, err := f.known(m, r.URL.Path, body)
	if err != nil {
		return nil, err
	}
	switch r.URL.Path {
	case api.RouteReturn, api.RouteRenew:
		return f.certify(m.KeyID, host)
	case api.RouteCheckIn:
		return f.checkIn(host, body)
	case api.RouteInventory:
		return host.take(r.Header.Get("Content-Type"), body)
	case api.RouteWake:
		return f.sleep(r)
	}
	if strings.HasPrefix(r.URL.Path, api.RouteActions) {
		f.logged += string(body)
		return api.LogTaken{Watched: true}, nil
	}
	return nil, muster.Errorf(muster.NotFound, "no such route")
}

func (f *fleet) server() api.Server {
	head, _, err := f.publisher().Contents()
	if err != nil {
		f.Fatal(err)
	}
	return api.Server{ID: serverID, Name: "test", Time: time.Now().Unix(), Anchors: string(sign.EncodeCerts(f.ca.Leaf(), f.authority.Leaf())),
		Repository: api.Repository{ID: head.Repository, URL: "repo"}}
}

func (f *fleet) enrol(m *httpsig.Message, body []byte) (any, error) {
	var e api.Enrol
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	der, err := base64.StdEncoding.DecodeString(e.Key)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	if err := m.Verify(key, time.Now(), time.Minute); err != nil {
		return nil, err
	}
	old := f.hosts[e.ID]
	switch {
	case old != nil && !key.(*ecdsa.PublicKey).Equal(old.key):
		return nil, muster.Errorf(muster.Denied, "another key")
	case old != nil:
	case f.pending:
		return api.Enrolled{State: api.Pending, Next: 1}, nil
	case e.Token != f.token:
		return nil, muster.Errorf(muster.Denied, "no such token")
	default:
		f.hosts[e.ID] = &hostRow{key: key, facts: e.Facts}
	}
	return f.certify(e.ID, f.hosts[e.ID])
}

func (f *fleet) certify(id string, h *hostRow) (any, error) {
	cert, err := sign.Issue(f.ca, sign.Request{Name: id, Public: h.key, From: f.now.Add(-time.Hour), To: f.now.AddDate(1, 0, 0)})
	if err != nil {
		return nil, err
	}
	return api.Enrolled{State: api.Accepted, Certificate: string(sign.EncodeCerts(cert, f.ca.Leaf())), Counter: h.seq.Last}, nil
}

// known finds the host that signed. One that the server has lost returns with its
// certificate.
func (f *fleet) known(m *httpsig.Message, route string, body []byte) (*hostRow, error) {
	h := f.hosts[m.KeyID]
	if h == nil && route == api.RouteReturn {
		var r api.Return
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, err
		}
		certs, err := sign.ParseCerts([]byte(r.Certificate))
		if err != nil {
			return nil, err
		}
		if err := certs[0].CheckSignatureFrom(f.ca.Leaf()); err != nil || certs[0].Subject.CommonName != m.KeyID {
			return nil, muster.Errorf(muster.Denied, "no certificate of ours: %w", err)
		}
		h = &hostRow{key: certs[0].PublicKey, facts: r.Facts, back: 1}
	}
	if h == nil {
		return nil, refusal{muster.Errorf(muster.NotFound, "no such host"), api.UnknownHost}
	}
	if err := m.Verify(h.key, time.Now(), 5*time.Minute); err != nil {
		return nil, err
	}
	seq, err := h.seq.Next(m)
	if err != nil || m.Counter < h.seq.Last {
		f.Errorf("counter %d after %d: %v", m.Counter, h.seq.Last, err)
		return nil, refusal{muster.Errorf(muster.Conflict, "counter"), api.BadCounter}
	}
	h.seq, f.hosts[m.KeyID] = seq, h
	return h, nil
}

func (f *fleet) checkIn(h *hostRow, body []byte) (any, error) {
	var in api.CheckIn
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	h.last = in
	if in.Summary != nil {
		h.summary = in.Summary
	}
	if in.Agent != "" {
		h.agent = in.Agent
	}
	f.results = append(f.results, in.Results...)
	f.reports = append(f.reports, in.Reports...)
	f.orders = slices.DeleteFunc(f.orders, func(o api.Order) bool { return slices.Contains(in.Have, o.ID) })
	etag, _ := json.Marshal(f.policy)
	out := api.CheckedIn{Etag: string(etag), Next: 7200, Wake: f.wake, Renew: f.renew}
	if in.Audit != nil && f.audit != nil {
		out.Audit = f.audit(*in.Audit)
	}
	if in.Orders {
		out.Orders = f.orders
	}
	if in.Etag != out.Etag {
		out.Policy = &f.policy
	}
	switch {
	case in.Set == h.set:
	case in.Base == h.set && h.set != "":
		out.Send = api.SendDelta
	default:
		out.Send = api.SendWhole
	}
	return out, nil
}

func (h *hostRow) take(kind string, body []byte) (any, error) {
	doc, err := inventory.Parse(body)
	if kind == api.TypeDelta {
		delta, err := inventory.ParseDelta(body)
		if err != nil {
			return nil, err
		}
		if h.doc == nil || delta.Base != h.set {
			return api.InventoryTaken{Send: api.SendWhole}, nil
		}
		doc, err = delta.Apply(h.doc)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	hashes, err := doc.Hashes()
	if err != nil {
		return nil, err
	}
	h.doc, h.set = doc, hashes.Set()
	return api.InventoryTaken{Set: h.set}, nil
}

// sleep answers when the number is another one.
func (f *fleet) sleep(r *http.Request) (any, error) {
	for r.URL.Query().Get("since") == fmt.Sprint(f.wake) && len(f.orders) == 0 {
		awake := f.awake
		f.mu.Unlock()
		select {
		case <-awake:
		case <-r.Context().Done():
		}
		f.mu.Lock()
		if r.Context().Err() != nil {
			return nil, r.Context().Err()
		}
	}
	return api.Wake{Number: f.wake, Orders: f.orders}, nil
}

// give has the server relay an action.
func (f *fleet) give(o api.Order) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, o)
	close(f.awake)
	f.awake = make(chan struct{})
}

// call wakes the hosts.
func (f *fleet) call() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wake++
	close(f.awake)
	f.awake = make(chan struct{})
}
