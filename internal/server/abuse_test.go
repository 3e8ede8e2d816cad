package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
)

// A body that gives zeros for ever counts what was taken of it.
type endless struct{ taken atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.taken.Add(int64(len(p)))
	return len(p), nil
}

func (e *endless) Close() error { return nil }

const gigabyte = 1 << 30

// A gigabyte is refused before it is read, whoever sends it, wherever, and
// whatever it says of its length; one that decompresses to as much, too.
func TestHugeBodies(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Repository.MaxPackage = 1 << 20 })
	p := w.person()
	w.found(p)
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p.Token) }
	// The digest is of what comes later: whether it fits is seen last.
	signed := func(r *http.Request) {
		n := must(m.Next())(t)
		check(t, httpsig.Sign(r, nil, m.Key, httpsig.Params{KeyID: m.ID, Server: m.Server.ID, Counter: n, Created: time.Now()}))
	}
	for name, test := range map[string]struct {
		path   string
		size   int64 // -1: not said
		sign   func(*http.Request)
		status int
		most   int64 // bytes taken
	}{
		"stranger":              {api.RouteCheckIn, gigabyte, nil, http.StatusForbidden, 8 << 20},
		"stranger, no length":   {api.RouteInventory, -1, nil, http.StatusForbidden, 8 << 20},
		"no session":            {api.RoutePackages, gigabyte, nil, http.StatusUnauthorized, 8 << 20},
		"host":                  {api.RouteCheckIn, gigabyte, signed, http.StatusRequestEntityTooLarge, 8 << 20},
		"host, no length":       {api.RouteCheckIn, -1, signed, http.StatusRequestEntityTooLarge, 8 << 20},
		"inventory":             {api.RouteInventory, gigabyte, signed, http.StatusRequestEntityTooLarge, 8 << 20},
		"person":                {api.RouteTokens, gigabyte, bearer, http.StatusRequestEntityTooLarge, 8 << 20},
		"person, no length":     {api.RouteTokens, -1, bearer, http.StatusRequestEntityTooLarge, 8 << 20},
		"package":               {api.RoutePackages, gigabyte, bearer, http.StatusRequestEntityTooLarge, 8 << 20},
		"package, no length":    {api.RoutePackages, -1, bearer, http.StatusRequestEntityTooLarge, 8 << 20},
		"where nothing is read": {api.RouteLogout, gigabyte, bearer, http.StatusBadRequest, 8 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			body := &endless{}
			req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+test.path, body))(t)
			req.ContentLength = test.size
			if test.path == api.RouteLogout {
				other := w.person()
				req.Header.Set("Authorization", "Bearer "+other.Token)
			} else if test.sign != nil {
				test.sign(req)
			}
			resp, err := w.raw().Do(req)
			if err == nil {
				defer resp.Body.Close()
				if resp.StatusCode != test.status {
					t.Errorf("answered %s, want %d", resp.Status, test.status)
				}
			} else if test.path == api.RouteLogout {
				t.Error(err) // elsewhere the answer may be lost when the server hangs up on who still sends
			}
			if n := body.taken.Load(); n > test.most {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
	t.Run("bomb", func(t *testing.T) { bomb(t, w, m) })
}

// bomb sends a gigabyte of zeros, compressed.
func bomb(t *testing.T, w *world, m *machine) {
	var buf bytes.Buffer
	z := must(zstd.NewWriter(&buf))(t)
	must(io.CopyN(z, &endless{}, gigabyte))(t)
	check(t, z.Close())
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteCheckIn, bytes.NewReader(buf.Bytes())))(t)
	req.Header.Set("Content-Encoding", "zstd")
	check(t, httpsig.Sign(req, buf.Bytes(), m.Key, httpsig.Params{KeyID: m.ID, Server: m.Server.ID, Counter: must(m.Next())(t), Created: time.Now()}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	status, body := w.status(req)
	runtime.ReadMemStats(&after)
	if status != http.StatusRequestEntityTooLarge || body.Error.Kind != muster.Invalid {
		t.Errorf("answered %d %+v", status, body)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("%d MB were taken for it", used>>20)
	}
}

// Who sends headers or a body byte by byte is cut off, and nobody waits for them.
func TestSlowloris(t *testing.T) {
	cfg := testConfig(t)
	w := &world{t: t, admin: must(administrator())(t), files: Folder{Dir: cfg.Data}, patience: time.Second}
	must(w.files.AddAnchors(writeCert(t, w.admin.Leaf())))(t)
	w.start(cfg)
	p := w.person()
	slow := map[string]string{
		"header": "POST /api/v1/checkin HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"body":   "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + p.Token + "\r\nContent-Length: 100000\r\n\r\n",
	}
	var all sync.WaitGroup
	for name, start := range slow {
		for range 40 {
			all.Go(func() {
				if !trickle(w, start) {
					t.Errorf("%s: not cut off after 10 s", name)
				}
			})
		}
	}
	for range 20 {
		must(p.Hosts(t.Context(), api.HostQuery{}))(t)
	}
	all.Wait()
}

// trickle sends a byte now and then, and reports whether it was cut off.
func trickle(w *world, start string) bool {
	c, err := tls.Dial("tcp", w.url[len("https://"):], &tls.Config{RootCAs: w.roots})
	if err != nil {
		return true
	}
	defer c.Close()
	io.WriteString(c, start) //nolint:errcheck // reading tells
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		ended <- err
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for {
		select {
		case <-tick.C:
			c.Write([]byte("x")) //nolint:errcheck // reading tells
		case <-ended:
			return true
		case <-limit:
			return false
		}
	}
}

// A thousand machines a second that nobody knows do not keep hosts from checking
// in, and no more wait than may.
func TestEnrolmentFlood(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Limits.Hosts = 1000
		c.Hosts.Pending = 50
		c.TrustedProxies = mustPrefixes("127.0.0.0/8")
	})
	p := w.person()
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	requests := floodRequests(t, w, 1200)
	var answers [600]atomic.Int64
	var all sync.WaitGroup
	work := make(chan *http.Request)
	client := w.raw()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 32
	for range 32 {
		all.Go(func() {
			for r := range work {
				resp, err := client.Do(r)
				if err != nil {
					t.Error(err)
					continue
				}
				io.Copy(io.Discard, resp.Body) //nolint:errcheck // counted by status
				resp.Body.Close()
				answers[resp.StatusCode].Add(1)
			}
		})
	}
	began := time.Now()
	var worst time.Duration
	for i, r := range requests {
		work <- r
		if i%100 == 0 {
			at := time.Now()
			must(m.CheckIn(t.Context(), api.CheckIn{Clock: at.Unix()}))(t)
			worst = max(worst, time.Since(at))
		}
	}
	close(work)
	all.Wait()
	t.Logf("%.0f enrolments a second; the slowest check-in took %v", float64(len(requests))/time.Since(began).Seconds(), worst)
	if answers[http.StatusOK].Load() > 50 || answers[http.StatusTooManyRequests].Load() < 700 || answers[http.StatusInternalServerError].Load() > 0 {
		t.Errorf("%d were let wait, %d refused as too many", answers[http.StatusOK].Load(), answers[http.StatusTooManyRequests].Load())
	}
	if worst > 5*time.Second {
		t.Errorf("a check-in took %v", worst)
	}
	page := must(p.Hosts(t.Context(), api.HostQuery{Limit: 1000}))(t)
	if len(page.Hosts) > 51 {
		t.Errorf("%d hosts", len(page.Hosts))
	}
}

// floodRequests are of machines with addresses and keys of their own.
func floodRequests(t *testing.T, w *world, n int) []*http.Request {
	server := w.dial().Server.ID
	var all []*http.Request
	for i := range n {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
		der := must(x509.MarshalPKIXPublicKey(key.Public()))(t)
		sum := sha256.Sum256(der)
		body := must(json.Marshal(api.Enrol{ID: fmt.Sprintf("10000000-0000-4000-8000-%012x", i), Key: base64.StdEncoding.EncodeToString(der), Facts: api.Facts{Hostname: "x", OS: "linux", Arch: "amd64"}}))(t)
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteEnrol, bytes.NewReader(body)))(t)
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", i>>8, i&255, 1))
		check(t, httpsig.Sign(r, body, key, httpsig.Params{KeyID: hex.EncodeToString(sum[:]), Server: server, Created: time.Now()}))
		all = append(all, r)
	}
	return all
}

// A handler that panics ends its own request, and the server goes on.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	w.limits["people"].slots = nil
	rt := &route{method: http.MethodGet, path: "/boom", who: anyone, class: "about", plain: func(*Server, http.ResponseWriter, *request) { panic("boom") }}
	rec := newRecorder()
	w.handle(rt).ServeHTTP(rec, must(http.NewRequestWithContext(t.Context(), http.MethodGet, "/boom", nil))(t))
	if rec.Code != http.StatusInternalServerError || bytes.Contains(rec.Body.Bytes(), []byte("boom")) {
		t.Errorf("answered %d %s", rec.Code, rec.Body)
	}
	w.dial()
}
