package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"muster"
)

// content is some 300 kB that do not repeat.
var content = func() []byte {
	b := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}()

func blobOf(data []byte) Blob {
	sum := sha256.Sum256(data)
	return Blob{Name: "pool/a/age/age_1+2_linux_amd64.mpk", Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

var theBlob = blobOf(content)

// newClient gives up soon.
func newClient(t testing.TB) *Client {
	return &Client{Cache: t.TempDir(), Stall: 5 * time.Second, Grace: 20 * time.Second}
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// good serves content as a web server should.
func good(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// otherHost is the same server under another name.
func otherHost(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }

func wantError(t testing.TB, err error, kind muster.ErrorKind, text string) {
	t.Helper()
	if muster.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("error %q (%s), want %s with %q in it", fmt.Sprint(err), muster.KindOf(err), kind, text)
	}
}

// hang answers never, until the client has gone.
func hang(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// hostile answers are the same for a small file and for a package: refused,
// naming what happened, within a second.
var hostile = []struct {
	name    string
	handler http.HandlerFunc
	kind    muster.ErrorKind
	want    string
}{
	{"403", status(403), muster.Denied, "403 Forbidden"},
	{"404", status(404), muster.NotFound, "404 Not Found"},
	{"500", status(500), muster.Unavailable, "500 Internal"},
	{"204", status(204), muster.Unavailable, "204 No Content"},
	{"304 unasked", status(304), muster.Unavailable, "was not asked"},
	{"206 unasked", status(206), muster.Unavailable, "another range"},
	{"captive portal", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html>please sign in</html>")
	}, muster.Unavailable, "portal"},
	{"gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(content[:10])
	}, muster.Unavailable, "encoded"},
	{"endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		for r.Context().Err() == nil {
			w.Write(content)
		}
	}, muster.Unavailable, "more than 300000 bytes"},
	{"says it is large", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(1<<40))
		w.Write(content)
	}, muster.Unavailable, "1099511627776 bytes"},
	{"header never comes", hang, muster.Unavailable, "nothing came for"},
	{"body stalls", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "300000")
		w.Write(content[:1000])
		w.(http.Flusher).Flush()
		hang(w, r)
	}, muster.Unavailable, "nothing came for"},
	{"redirect loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}, muster.Unavailable, "more than 5 redirects"},
	{"redirect to a file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	}, muster.Unavailable, "redirect from http to file"},
	{"redirect nowhere", status(302), muster.Unavailable, "302"},
	{"connection cut", func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	}, muster.Unavailable, "EOF"},
	{"huge header", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		w.Write(content)
	}, muster.Unavailable, "header"},
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(code)
	}
}

func TestHostile(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, test.handler)
			c := newClient(t)
			c.Stall = time.Second
			_, err := c.GetSmall(t.Context(), base, "Packages.p7m", int64(len(content)), Validators{})
			wantError(t, err, test.kind, test.want)
			_, err = c.Get(t.Context(), []string{base}, theBlob)
			wantError(t, err, test.kind, test.want)
			if err != nil && !strings.Contains(err.Error(), base) {
				t.Errorf("error %q does not name %s", err, base)
			}
			path, err := c.Get(t.Context(), []string{base, serve(t, good)}, theBlob)
			if err != nil {
				t.Fatalf("with a good mirror behind it: %v", err)
			}
			if data, _ := os.ReadFile(path); !bytes.Equal(data, content) {
				t.Error("the good mirror's content is not what came")
			}
			if n := c.Received(); n > 4*int64(len(content))+10 {
				t.Errorf("%d bytes were read", n)
			}
		})
	}
}

// Case 14: a server of 10 bytes a second never stalls, but takes too long.
func TestTooSlow(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				w.Write(content[:1])
				w.(http.Flusher).Flush()
			}
		}
	})
	c := newClient(t)
	c.Grace, c.MinRate = 100*time.Millisecond, 1<<20
	_, err := c.GetSmall(t.Context(), base, "Packages.p7m", 64<<10, Validators{})
	wantError(t, err, muster.Unavailable, "slower than 1048576 bytes a second")
}

// Case 14: a handshake that stalls.
func TestStalledHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newClient(t)
	c.Stall = 200 * time.Millisecond
	_, err = c.GetSmall(t.Context(), "https://"+l.Addr().String(), "Packages.p7m", 10, Validators{})
	wantError(t, err, muster.Unavailable, "nothing came for")
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	base := "http://" + l.Addr().String()
	_, err = newClient(t).Get(t.Context(), []string{base, otherHost(base)}, theBlob)
	wantError(t, err, muster.Unavailable, "2 places")
	_, err = newClient(t).Get(t.Context(), nil, theBlob)
	wantError(t, err, muster.Unavailable, "no server")
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(good))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the refused handshake
	s.StartTLS()
	defer s.Close()
	c := newClient(t)
	_, err := c.Get(t.Context(), []string{s.URL}, theBlob)
	wantError(t, err, muster.Unavailable, "certificate")
	c = newClient(t)
	c.Roots = x509.NewCertPool()
	c.Roots.AddCert(s.Certificate())
	if _, err := c.Get(t.Context(), []string{s.URL}, theBlob); err != nil {
		t.Error(err)
	}
	down := httptest.NewTLSServer(http.RedirectHandler("http://127.0.0.1:1/x", http.StatusFound))
	defer down.Close()
	c.Roots.AddCert(down.Certificate())
	c = c.WithCache(t.TempDir())
	_, err = c.Get(t.Context(), []string{down.URL}, theBlob)
	wantError(t, err, muster.Unavailable, "redirect from https to http")
}

func TestConditional(t *testing.T) {
	for name, set := range map[string]func(http.Header){
		"etag":     func(h http.Header) { h.Set("ETag", `"one"`) },
		"modified": func(h http.Header) { h.Set("Last-Modified", "Fri, 20 Nov 2026 08:00:00 GMT") },
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				set(w.Header())
				if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				w.Write(content)
			})
			c := newClient(t)
			s, err := c.GetSmall(t.Context(), base, "Packages.p7m", 1<<20, Validators{})
			if err != nil || !bytes.Equal(s.Data, content) || s.NotModified {
				t.Fatal(err)
			}
			before := c.Received()
			again, err := c.GetSmall(t.Context(), base, "Packages.p7m", 1<<20, s.Validators)
			if err != nil || !again.NotModified || again.Validators != s.Validators || c.Received() != before {
				t.Errorf("second time: %+v, %v", again, err)
			}
		})
	}
}

// Case 15: what is known by its hash may come from elsewhere, a head may not;
// and credentials go nowhere but below their base.
func TestRedirectsAndCredentials(t *testing.T) {
	var sent sync.Map // path to Authorization
	var elsewhere string
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Host+r.URL.Path, r.Header.Get("Authorization"))
		switch {
		case strings.HasPrefix(r.URL.Path, "/away/"):
			http.Redirect(w, r, elsewhere+"/secret/x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/moved/"):
			http.Redirect(w, r, "/secret/x", http.StatusMovedPermanently)
		default:
			good(w, r)
		}
	})
	elsewhere = otherHost(base)
	c := newClient(t)
	c.Credentials = []Credential{{Base: base, User: "site", Password: "pw"}, {Base: base + "/secret", Bearer: "token"}}

	_, err := c.GetSmall(t.Context(), base+"/away", "Packages.p7m", 1<<20, Validators{})
	wantError(t, err, muster.Unavailable, "another host")
	if _, ok := sent.Load(strings.TrimPrefix(elsewhere, "http://") + "/secret/x"); ok {
		t.Error("the other host was asked for a head")
	}
	if _, err := c.GetSmall(t.Context(), base+"/moved", "Packages.p7m", 1<<20, Validators{}); err != nil {
		t.Errorf("redirect on the same host: %v", err)
	}
	if _, err := c.Get(t.Context(), []string{base + "/away"}, theBlob); err != nil {
		t.Errorf("content from another host: %v", err)
	}
	host := strings.TrimPrefix(base, "http://")
	for path, want := range map[string]string{
		host + "/moved/Packages.p7m":                           "Basic c2l0ZTpwdw==",
		host + "/secret/x":                                     "Bearer token",
		strings.TrimPrefix(elsewhere, "http://") + "/secret/x": "",
	} {
		if got, ok := sent.Load(path); !ok || got != want {
			t.Errorf("to %s went %q, want %q", path, got, want)
		}
	}
}

func TestCredentialCovers(t *testing.T) {
	for _, test := range []struct {
		base, url string
		want      bool
	}{
		{"https://h/a", "https://h/a/b", true},
		{"https://h/a/", "https://h/a/b", true},
		{"https://h", "https://h/a", true},
		{"https://h/a", "https://h/ab", false},
		{"https://h/a", "https://h/a/../b", false},
		{"https://h/a", "http://h/a/b", false},
		{"https://h/a", "https://h:8443/a/b", false},
		{"https://h/a", "https://h.evil/a/b", false},
		{"https://H/a", "https://h/a/b", true},
	} {
		req, err := http.NewRequest("GET", test.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &Client{Credentials: []Credential{{Base: test.base, Bearer: "x"}}}
		c.authorize(req)
		if got := req.Header.Get("Authorization") != ""; got != test.want {
			t.Errorf("base %s, URL %s: %v", test.base, test.url, got)
		}
	}
}

// cutting serves the first n bytes of each answer and then cuts the
// connection, counting the requests.
func cutting(n int, etag func() string, requests *[]string) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		*requests = append(*requests, r.Header.Get("Range")+" "+r.Header.Get("If-Range"))
		w.Header().Set("ETag", etag())
		http.ServeContent(&cutter{w, n}, r, "", time.Time{}, bytes.NewReader(content))
	}
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		c.ResponseWriter.Write(b[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// Case 14: a transfer that breaks off goes on where it stopped.
func TestResume(t *testing.T) {
	var requests []string
	base := serve(t, cutting(120_000, func() string { return `"one"` }, &requests))
	c := newClient(t)
	path, err := c.Get(t.Context(), []string{base}, theBlob)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(path); !bytes.Equal(data, content) {
		t.Error("content differs")
	}
	if len(requests) != 3 || requests[0] != " " || requests[1] != `bytes=120000- "one"` || requests[2] != `bytes=240000- "one"` {
		t.Errorf("requests: %q", requests)
	}
	if n := c.Received(); n != int64(len(content)) {
		t.Errorf("%d bytes came", n)
	}
	if left, _ := filepath.Glob(c.Cache + "/*.*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A server whose file changed sends all of it; another mirror goes on.
func TestResumeElsewhere(t *testing.T) {
	var first, second []string
	n := 0
	changing := serve(t, cutting(120_000, func() string { n++; return fmt.Sprintf(`"%d"`, n) }, &first))
	c := newClient(t)
	if _, err := c.Get(t.Context(), []string{changing}, theBlob); err == nil {
		t.Fatal("a file that always changes cannot be fetched")
	}
	other := serve(t, cutting(1<<20, func() string { return `"x"` }, &second))
	if _, err := c.Get(t.Context(), []string{other}, theBlob); err != nil {
		t.Fatal(err)
	}
	if len(second) != 1 || second[0] != "bytes=120000- " {
		t.Errorf("requests: %q", second)
	}
}

// A part that is not the beginning of the content costs one more transfer.
func TestResumeOnWrongPart(t *testing.T) {
	base := serve(t, good)
	c := newClient(t)
	for _, size := range []int{1000, len(content), len(content) + 1} {
		part := filepath.Join(c.Cache, theBlob.SHA256+".part")
		if err := os.WriteFile(part, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		path, err := c.Get(t.Context(), []string{base}, theBlob)
		if err != nil {
			t.Fatalf("part of %d bytes: %v", size, err)
		}
		os.Remove(path)
	}
}

// Case 1: a flipped bit is refused, and the other mirror asked.
func TestFlippedBit(t *testing.T) {
	bad := bytes.Clone(content)
	bad[len(bad)/2] ^= 1
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(bad) })
	c := newClient(t)
	_, err := c.Get(t.Context(), []string{base}, theBlob)
	var m *Mismatch
	if !errors.As(err, &m) || muster.KindOf(err) != muster.Denied {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(c.Cache + "/*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if _, err := c.Get(t.Context(), []string{base, serve(t, good)}, theBlob); err != nil {
		t.Error(err)
	}
}

func TestCache(t *testing.T) {
	var requests atomic.Int32
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if got := r.URL.EscapedPath(); got != "/repo/pool/a/age/age_1%2B2_linux_amd64.mpk" {
			t.Errorf("path is %q", got)
		}
		good(w, r)
	}) + "/repo/"
	c := newClient(t)
	path, err := c.Get(t.Context(), []string{base}, theBlob)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Get(t.Context(), nil, theBlob); err != nil || again != path {
		t.Errorf("second time, without a server: %v", err)
	}
	if err := os.WriteFile(path, append(bytes.Clone(content[1:]), 0), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Cached(theBlob); ok {
		t.Error("a damaged file counts as cached")
	}
	if _, err := c.Get(t.Context(), []string{base}, theBlob); err != nil || requests.Load() != 2 {
		t.Errorf("after damage: %v, %d requests", err, requests.Load())
	}
}

func TestOneFlight(t *testing.T) {
	var requests atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			close(started)
		}
		<-release
		good(w, r)
	})
	c := newClient(t)
	results := make(chan error, 8)
	get := func() {
		_, err := c.Get(t.Context(), []string{base}, theBlob)
		results <- err
	}
	go get()
	<-started
	for range 7 {
		go get()
	}
	close(release)
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestCancel(t *testing.T) {
	base := serve(t, hang)
	c := newClient(t)
	c.Stall = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := c.Get(ctx, []string{base, base}, theBlob)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestLimitAndProgress(t *testing.T) {
	c := newClient(t)
	c.Limit = rate.NewLimiter(rate.Limit(1<<20), 32<<10)
	var last Progress
	calls := 0
	c.Progress = func(p Progress) { last, calls = p, calls+1 }
	began := time.Now()
	if _, err := c.Get(t.Context(), []string{serve(t, good)}, theBlob); err != nil {
		t.Fatal(err)
	}
	// 300 kB less the burst, at 1 MiB a second
	if took := time.Since(began); took < 240*time.Millisecond {
		t.Errorf("took %v, faster than the limit", took)
	}
	if want := (Progress{theBlob.Name, theBlob.Size, theBlob.Size}); last != want || calls < 9 {
		t.Errorf("last progress %+v after %d calls", last, calls)
	}
}

func TestClean(t *testing.T) {
	c := newClient(t)
	name := func(i int) string { return filepath.Join(c.Cache, fmt.Sprintf("%064d", i)) }
	for i := range 5 {
		if err := os.WriteFile(name(i), make([]byte, 100), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		os.Chtimes(name(i), at, at)
	}
	now, old := time.Now(), time.Now().Add(-8*24*time.Hour)
	for path, at := range map[string]time.Time{name(7) + ".part": now, name(8) + ".part": old, filepath.Join(c.Cache, "notes"): old} {
		if err := os.WriteFile(path, make([]byte, 10), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(path, at, at)
	}
	c.touch(name(0))
	freed, err := c.Clean(250)
	if err != nil || freed != 310 {
		t.Errorf("freed %d, %v", freed, err)
	}
	var left []string
	for _, pattern := range []string{"0*", "notes"} {
		found, _ := filepath.Glob(filepath.Join(c.Cache, pattern))
		left = append(left, found...)
	}
	want := []string{name(0), name(4), name(7) + ".part", filepath.Join(c.Cache, "notes")}
	if fmt.Sprint(left) != fmt.Sprint(want) {
		t.Errorf("left %v\nwant %v", left, want)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, filepath.FromSlash(theBlob.Name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{dir, "file://" + filepath.ToSlash(dir)} {
		c := newClient(t)
		path, err := c.Get(t.Context(), []string{base}, theBlob)
		if err != nil || !strings.HasPrefix(path, c.Cache) {
			t.Fatalf("%q, %v", path, err)
		}
		s, err := c.GetSmall(t.Context(), base, theBlob.Name, 1<<20, Validators{})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.GetSmall(t.Context(), base, theBlob.Name, 1<<20, s.Validators); err != nil || !again.NotModified {
			t.Errorf("second time: %v", err)
		}
		_, err = c.GetSmall(t.Context(), base, theBlob.Name, 10, Validators{})
		wantError(t, err, muster.Unavailable, "more than 10")
		_, err = c.GetSmall(t.Context(), base, "none", 10, Validators{})
		wantError(t, err, muster.NotFound, "none")
		_, err = c.GetSmall(t.Context(), base, "pool", 10, Validators{})
		wantError(t, err, muster.Unavailable, "not a file")
		for _, name := range []string{"../x", "/etc/passwd", "", ".", "a//b", `..\x`, "c:x", "a\x00"} {
			_, err := c.GetSmall(t.Context(), base, name, 10, Validators{})
			wantError(t, err, muster.Invalid, "not the name of a file")
		}
	}
}

func TestCheckBase(t *testing.T) {
	for base, want := range map[string]string{
		"https://host/repo": "", "http://host:8080": "", "file:///srv/repo": "",
		"https://user:secret@host/": "holds credentials", "https://": "not a URL such as", "https://host/?q": "not a URL such as",
		"ftp://host/": "is not a URL of a repository", "relative": "is not a URL of a repository", "file://host/x": "file:///path",
		"http://ho st/": "is not a URL",
	} {
		err := CheckBase(base)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", base, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("error %q tells the password", err)
		}
	}
}
