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
