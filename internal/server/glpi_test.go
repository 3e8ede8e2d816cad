package server

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/glpi"
)

// A glpiServer takes inventories, or answers with a status.
type glpiServer struct {
	*httptest.Server
	told   chan glpi.Inventory
	status int
}

func newGLPI(t *testing.T) *glpiServer {
	g := &glpiServer{told: make(chan glpi.Inventory, 100)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.status != 0 {
			w.WriteHeader(g.status)
			return
		}
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		var i glpi.Inventory
		z := must(zlib.NewReader(r.Body))(t)
		check(t, json.NewDecoder(z).Decode(&i))
		g.told <- i
		io.WriteString(w, `{"expiration":24,"status":"ok"}`) //nolint:errcheck // a test
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *glpiServer) next(t *testing.T) glpi.Inventory {
	t.Helper()
	select {
	case i := <-g.told:
		return i
	case <-time.After(30 * time.Second):
		t.Fatal("GLPI is told nothing")
		panic("not reached")
	}
}

// GLPI is told of the hosts of its query, with their units; the doctor and the health
// of the server say how far; whoever may report takes the same away as a file.
func TestGLPI(t *testing.T) {
	t.Parallel()
	g := newGLPI(t)
	w := newWorld(t, func(c *Config) { c.GLPI.URL, c.GLPI.Hosts = g.URL, "not name:other" })
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 5, Unit: "unit-paris"}))(t).Secret
	other, m := w.machine(1), w.machine(2)
	must(other.Enrol(t.Context(), api.Enrol{Token: token, Facts: api.Facts{Hostname: "other", OS: "linux", Arch: "amd64"}}))(t)
	must(m.Enrol(t.Context(), api.Enrol{Token: token, Facts: api.Facts{Hostname: "reception", OS: "linux", Arch: "amd64"}}))(t)
	for n, x := range map[int]*machine{3: other, 5: m} {
		d := desktop(n)
		d.System.Hostname = map[int]string{3: "other", 5: "reception"}[n]
		x.report(d)
	}
	i := g.next(t)
	if i.DeviceID != m.ID || i.Tag != "unit-paris" || len(i.Content.Softwares) != 5 {
		t.Errorf("%+v", i)
	}
	w.told("has 1 of 1 hosts as they are")
	cfg := w.cfg
	cfg.Listen = strings.TrimPrefix(w.url, "https://")
	if bad := diagnose(t, cfg, time.Now()); bad["GLPI"].Level != "" {
		t.Errorf("%+v", bad)
	}
	var out bytes.Buffer
	check(t, p.Export(t.Context(), "hosts", "glpi", &out))
	n := 0
	for d := json.NewDecoder(&out); d.More(); n++ {
		var i glpi.Inventory
		check(t, d.Decode(&i))
	}
	if n != 2 || len(g.told) != 0 {
		t.Errorf("%d hosts are exported, %d told", n, len(g.told))
	}
	wantKind(t, p.Export(t.Context(), "events", "glpi", new(bytes.Buffer)), muster.Invalid)
}

// told waits until the server's health says this of GLPI.
func (w *world) told(text string) {
	w.t.Helper()
	for begun := time.Now(); ; {
		resp := must(w.raw().Get(w.url + api.RouteHealth))(w.t)
		data := must(io.ReadAll(resp.Body))(w.t)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK && strings.Contains(string(data), text) {
			return
		}
		if time.Since(begun) > 20*time.Second {
			w.t.Fatalf("%s %s", resp.Status, data)
		}
	}
}

// A GLPI that is not well is in the doctor's words, and keeps the server from nothing.
func TestGLPIAway(t *testing.T) {
	t.Parallel()
	g := newGLPI(t)
	g.status = 503
	w := newWorld(t, func(c *Config) { c.GLPI.URL = g.URL })
	p := w.person()
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 5}))(t).Secret)
	m.report(desktop(3))
	w.told("takes nothing since")
	cfg := w.cfg
	cfg.Listen = strings.TrimPrefix(w.url, "https://")
	if bad := diagnose(t, cfg, time.Now()); bad["GLPI"].Level != Wrong || !strings.Contains(bad["GLPI"].Text, "503") {
		t.Errorf("%+v", bad["GLPI"])
	}
}

func TestGLPIConfig(t *testing.T) {
	ok := func(text string) error {
		c := Defaults()
		if err := c.parse([]byte(text)); err != nil {
			return err
		}
		return c.Check()
	}
	for _, text := range []string{
		"glpi: {url: https://glpi.example.org}", "glpi: {url: https://example.org/glpi/, tag: lab, hosts: 'group:lab', interval: 10m, refresh: 7d, rate: 0.5}",
		"glpi: {url: 'http://192.168.1.5/glpi'}", "glpi: {url: http://glpi.lan, allow: [10.0.0.0/8]}", "glpi: {url: https://g, client-id: x, client-secret-file: /y}", "glpi: {url: https://g, user: x, password-file: /y}",
	} {
		check(t, ok(text))
	}
	for _, text := range []string{
		"glpi: {url: http://glpi.lan}", "glpi: {url: 'https://a:b@glpi.example.org'}", "glpi: {url: ftp://x}", "glpi: {url: https://}", "glpi: {url: 'https://g/?a=b'}", "glpi: {url: https://g, interval: 1s}",
		"glpi: {url: https://g, interval: 2d}", "glpi: {url: https://g, rate: 0}", "glpi: {url: https://g, rate: .nan}", "glpi: {url: https://g, hosts: '(('}", "glpi: {url: https://g, client-id: x}",
		"glpi: {url: https://g, client-id: x, client-secret-file: /y, user: z, password-file: /y}", "glpi: {url: https://g, user: x}", "glpi: {urls: https://g}",
	} {
		wantKind(t, ok(text), muster.Invalid)
	}
}
