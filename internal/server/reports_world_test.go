package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/api"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

// collectorKeys is one RSA key for all tests: it takes seconds to make.
var collectorKeys = sync.OnceValues(func() ([2][]byte, error) {
	key, err := sign.NewKey("rsa-3072")
	if err != nil {
		return [2][]byte{}, err
	}
	data, err := sign.MarshalKey(key, nil)
	if err != nil {
		return [2][]byte{}, err
	}
	now := time.Now()
	cert, err := sign.SelfSigned("collector", key, now.Add(-time.Hour), now.Add(1000*time.Hour), sign.RightDeploy)
	if err != nil {
		return [2][]byte{}, err
	}
	return [2][]byte{data, sign.EncodeCerts(cert)}, nil
})

// A reporting is a server that takes reports.
type reporting struct {
	*world
	key  sitereport.Key // of site NIKHEF
	id   *sign.Identity
	cert string // file
	pem  string // file of the key
	http *http.Client
}

// newReporting starts a server with a key, site NIKHEF that has a key and site OPEN that
// anybody may report for.
func newReporting(t testing.TB, change ...func(*Config)) *reporting {
	t.Helper()
	pems := must(collectorKeys())(t)
	w := &reporting{cert: filepath.Join(t.TempDir(), "collector.crt"), pem: filepath.Join(t.TempDir(), "collector.key")}
	check(t, os.WriteFile(w.pem, pems[0], 0o600))
	check(t, os.WriteFile(w.cert, pems[1], 0o600))
	w.id = must(sign.ParseIdentity(pems[0], pems[1], nil))(t)
	w.world = newWorld(t, append([]func(*Config){func(c *Config) {
		c.Collector.Mode, c.Collector.Cert, c.Collector.Key, c.Collector.GLPI = "open", w.cert, w.pem, "/glpi"
	}}, change...)...)
	w.http = w.raw()
	check(t, w.sites.PutSite(t.Context(), time.Now(), sites.Site{Name: "NIKHEF", Past: -1}))
	check(t, w.sites.PutSite(t.Context(), time.Now(), sites.Site{Name: "OPEN", Past: -1, Open: true}))
	line, _, err := w.sites.AddKey(t.Context(), time.Now(), "NIKHEF", sites.Key{ID: "nikhef-1"})
	check(t, err)
	w.key = must(sitereport.ParseKey([]byte(line)))(t)
	return w
}

// nonce is a random one.
func nonce() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// node is a report of a host now.
func node(site, host string, packages ...string) *sitereport.Report {
	r := &sitereport.Report{Host: host, Site: site, Time: time.Now().Unix(), Nonce: nonce(),
		System: sitereport.System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"}}
	for _, text := range packages {
		name, version, _ := strings.Cut(text, " ")
		r.Packages = append(r.Packages, sitereport.Package{Manager: "dpkg", Name: name, Version: version, Arch: "amd64"})
	}
	sitereport.SortPackages(r.Packages)
	return r
}

// text is a report in the native form.
func text(t testing.TB, r *sitereport.Report) []byte { t.Helper(); return must(r.Marshal())(t) }

// sealed is a report with a proof, compressed and sealed.
func (w *reporting) sealed(r *sitereport.Report) []byte {
	w.t.Helper()
	packed := must(sitereport.Pack(w.key.Prove(text(w.t, r))))(w.t)
	return must(sign.Seal(packed, w.id.Leaf()))(w.t)
}

// send posts a body and returns status and answer.
func (w *reporting) send(path, kind string, body []byte) (int, string) {
	w.t.Helper()
	return w.request(http.MethodPost, path, kind, body, nil)
}

func (w *reporting) request(method, path, kind string, body []byte, header map[string]string) (int, string) {
	w.t.Helper()
	r := must(http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader(body)))(w.t)
	r.Header.Set("Content-Type", kind)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp := must(w.http.Do(r))(w.t)
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body))(w.t))
}

// post sends to the native path.
func (w *reporting) post(body []byte) (int, string) {
	w.t.Helper()
	return w.send(api.RouteReports, "application/pkcs7-mime", body)
}

// has is what the server knows of a host now, as "name version", sorted.
func (w *reporting) has(site, host string) string {
	w.t.Helper()
	h, err := w.sites.HostNamed(w.t.Context(), site, host)
	if err != nil {
		return err.Error()
	}
	known, _, err := w.sites.HostPackages(w.t.Context(), h.ID, 0)
	check(w.t, err)
	var all []string
	for _, k := range known {
		all = append(all, k.Package.Name+" "+k.Package.Version)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// published is a finder for tests.
type published map[string]sitereport.Found // by name of the package

func (p published) Found(_ context.Context, r *sitereport.Report) (all []sitereport.Found, err error) {
	for _, pkg := range r.Packages {
		if f, ok := p[pkg.Name]; ok {
			f.Name, f.Version, f.Arch = pkg.Name, pkg.Version, pkg.Arch
			all = append(all, f)
		}
	}
	return all, nil
}

// bySite is a finder that knows one thing of each site, of every package.
type bySite map[string]sitereport.Found

func (b bySite) Found(_ context.Context, r *sitereport.Report) (all []sitereport.Found, err error) {
	if f, ok := b[r.Site]; ok {
		for _, pkg := range r.Packages {
			f.Name, f.Version, f.Arch = pkg.Name, pkg.Version, pkg.Arch
			all = append(all, f)
		}
	}
	return all, nil
}

func wantAnswer(t testing.TB, status int, body string, wantStatus int, want string) {
	t.Helper()
	if status != wantStatus || !strings.HasPrefix(body, want) {
		t.Fatalf("answered %d %q, not %d %q", status, body, wantStatus, want)
	}
}
