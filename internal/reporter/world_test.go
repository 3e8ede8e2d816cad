package reporter

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/sign"
	"muster/sitereport"
)

// now is when tests take place.
var now = time.Unix(1764000000, 0)

// A collector takes reports as docs/formats/report.md says, and keeps them.
type collector struct {
	*httptest.Server
	id   *sign.Identity
	key  sitereport.Key // "" takes reports without a proof
	mu   sync.Mutex
	got  []*sitereport.Report
	seen map[string]bool // nonces
	mode []string
	// before is asked first; where it writes an answer, that is it.
	before func(w http.ResponseWriter, r *http.Request) (answered bool)
	found  []sitereport.Found
	bad    []string // what was wrong with requests
}

// rsaKey takes a second to make, and one is as good as another.
var rsaKey = sync.OnceValues(func() (crypto.Signer, error) { return sign.NewKey("rsa-3072") })

func newKey(alg string) (crypto.Signer, error) {
	if alg == "rsa-3072" {
		return rsaKey()
	}
	return sign.NewKey(alg)
}

// identity is a key with a certificate for itself.
func identity(t testing.TB, alg, name string) *sign.Identity {
	t.Helper()
	key, err := newKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sign.SelfSigned(name, key, now.Add(-time.Hour), now.AddDate(10, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
}

func newCollector(t testing.TB, alg string) *collector {
	t.Helper()
	c := &collector{id: identity(t, alg, "Collector"), seen: map[string]bool{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	t.Cleanup(func() {
		if len(c.bad) > 0 {
			t.Errorf("the collector was sent: %s", strings.Join(c.bad, "; "))
		}
	})
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.before != nil && c.before(w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.fail(w, 400, err)
		return
	}
	report, err := c.open(body)
	if err != nil {
		c.fail(w, 403, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/api/v1/reports" || r.Header.Get("Content-Type") != contentType(body) {
		c.bad = append(c.bad, fmt.Sprint(r.Method, r.URL, r.Header))
	}
	c.mode = append(c.mode, r.URL.Query().Get("mode"))
	if c.seen[report.Nonce] {
		http.Error(w, "ERROR taken before", http.StatusConflict)
		return
	}
	c.seen[report.Nonce] = true
	c.got = append(c.got, report)
	w.Write(sitereport.Answer(c.found)) //nolint:errcheck // the other side sees
}

func (c *collector) fail(w http.ResponseWriter, status int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad = append(c.bad, err.Error())
	http.Error(w, "ERROR "+err.Error(), status)
}

// open takes the layers of a report away.
func (c *collector) open(body []byte) (*sitereport.Report, error) {
	content := body
	if body[0] == 0x30 {
		opened, _, err := sign.OpenAny(body, c.id)
		if err != nil {
			return nil, err
		}
		content = opened
	}
	content, err := sitereport.Unpack(content)
	if err != nil {
		return nil, err
	}
	proof, text, err := sitereport.CutProof(content)
	if err != nil {
		return nil, err
	}
	if c.key.ID != "" && (proof == nil || !proof.By(c.key, text)) {
		return nil, fmt.Errorf("no proof by %v", c.key)
	}
	return sitereport.Parse(text)
}

// count is how many reports were taken.
func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

// A node is a host that reports.
type node struct {
	t       testing.TB
	root    string // with two packages of dpkg
	dir     string // for files
	c       *collector
	out     bytes.Buffer
	err     bytes.Buffer
	waits   []time.Duration
	waiting func() // called when the program waits
	at      time.Time
	r       *reporter
	ctx     context.Context
}

const status = `Package: bash
Status: install ok installed
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b8

Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u9
`

func newNode(t testing.TB, c *collector) *node {
	t.Helper()
	n := &node{t: t, root: t.TempDir(), dir: t.TempDir(), c: c, at: now}
	n.file(filepath.Join(n.root, "var/lib/dpkg/status"), []byte(status))
	n.file(filepath.Join(n.root, "etc/os-release"), []byte("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"))
	n.file(filepath.Join(n.root, "etc/hostname"), []byte("node17.example.org\n"))
	n.file(n.path("collector.crt"), sign.EncodeCerts(c.id.Chain...))
	return n
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

func (n *node) file(name string, data []byte) {
	n.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// report runs the program, sealed to the collector and with a spool of its own, and
// returns the exit code. A later word takes the place of an earlier one.
func (n *node) report(words ...string) int {
	n.t.Helper()
	all := append([]string{"--root", n.root, "--collector", n.c.URL, "--cert", n.path("collector.crt"), "--spool", n.path("spool")}, words...)
	return n.run(all...)
}

func (n *node) run(words ...string) int {
	n.t.Helper()
	n.out.Reset()
	n.err.Reset()
	n.waits = nil
	r := &reporter{
		out: &n.out, err: &n.err, now: func() time.Time { return n.at },
		wait: func(_ context.Context, d time.Duration) error {
			n.waits = append(n.waits, d)
			if n.waiting != nil {
				n.waiting()
			}
			return nil
		},
		jitter: func(d time.Duration) time.Duration { return d },
	}
	if n.r != nil {
		r.disk = n.r.disk
	}
	n.at = n.at.Add(time.Second)
	ctx := n.ctx
	if ctx == nil {
		ctx = n.t.Context()
	}
	return r.main(ctx, words)
}

// exits fails unless the program ended with code and said all of words.
func (n *node) exits(got, want int, words ...string) {
	n.t.Helper()
	said := n.out.String() + n.err.String()
	if got != want {
		n.t.Fatalf("exit code %d, not %d: %s", got, want, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			n.t.Errorf("it does not say %q: %s", w, said)
		}
	}
}

// spooled lists reports that wait.
func (n *node) spooled() (names []string) {
	n.t.Helper()
	entries, err := os.ReadDir(n.path("spool"))
	if err != nil && !os.IsNotExist(err) {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// away makes the collector answer with a status.
func (c *collector) away(status int, header ...string) {
	c.before = func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		http.Error(w, "ERROR not now", status)
		return true
	}
}
