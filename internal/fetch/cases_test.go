package fetch

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster"
)

// The cases of docs/faults.md about bytes on their way.

// hostile answers are the same for a small file and for a package: refused,
// naming what happened, within a second.
var hostile = []struct {
	row     int // of docs/faults.md
	name    string
	handler http.HandlerFunc
	kind    muster.ErrorKind
	want    string
}{
	{15, "403", status(403), muster.Denied, "403 Forbidden"},
	{15, "404", status(404), muster.NotFound, "404 Not Found"},
	{15, "500", status(500), muster.Unavailable, "500 Internal"},
	{15, "204", status(204), muster.Unavailable, "204 No Content"},
	{15, "304 unasked", status(304), muster.Unavailable, "was not asked"},
	{15, "206 unasked", status(206), muster.Unavailable, "another range"},
	{15, "captive portal", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html>please sign in</html>")
	}, muster.Unavailable, "portal"},
	{13, "gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(content[:10])
	}, muster.Unavailable, "encoded"},
	{13, "endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		for r.Context().Err() == nil {
			w.Write(content)
		}
	}, muster.Unavailable, "more than 300000 bytes"},
	{13, "says it is large", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(1<<40))
		w.Write(content)
	}, muster.Unavailable, "1099511627776 bytes"},
	{14, "header never comes", hang, muster.Unavailable, "nothing came for"},
	{14, "body stalls", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "300000")
		w.Write(content[:1000])
		w.(http.Flusher).Flush()
		hang(w, r)
	}, muster.Unavailable, "nothing came for"},
	{15, "redirect loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}, muster.Unavailable, "more than 5 redirects"},
	{15, "redirect to a file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	}, muster.Unavailable, "redirect from http to file"},
	{15, "redirect nowhere", status(302), muster.Unavailable, "302"},
	{15, "connection cut", func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	}, muster.Unavailable, "EOF"},
	{13, "huge header", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		w.Write(content)
	}, muster.Unavailable, "header"},
	{13, "less than it says", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "300000")
		w.Write(content[:299_999])
	}, muster.Unavailable, "EOF"},
	{13, "chunks without end", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Transfer-Encoding", "chunked")
		for r.Context().Err() == nil {
			if _, err := w.Write(content[:1000]); err != nil {
				return
			}
		}
	}, muster.Unavailable, "more than 300000 bytes"},
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(code)
	}
}

func TestCase13EndlessBody(t *testing.T) { testHostile(t, 13) }

// A length that is not the one of the file is not waited for.
func TestCase13LengthLies(t *testing.T) {
	for _, length := range []int{1000, len(content) - 1, len(content) + 1} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(length))
			w.Write(append(bytes.Clone(content), 0)[:length])
		})
		c := newClient(t)
		_, err := c.Get(t.Context(), []string{base}, theBlob)
		wantError(t, err, muster.Unavailable, fmt.Sprintf("the server has %d bytes, not 300000", length))
		if c.Received() > 0 {
			t.Errorf("%d bytes were read", c.Received())
		}
	}
}

func TestCase14StalledServer(t *testing.T) { testHostile(t, 14) }

func TestCase15NotOurAnswer(t *testing.T) { testHostile(t, 15) }

// testHostile runs the answers of one row: each is refused, costs no more than
// one byte beyond what is due, and the next mirror is asked.
func testHostile(t *testing.T, row int) {
	for _, test := range hostile {
		if test.row != row {
			continue
		}
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

// drip serves 10 bytes a second, the first time behind n that come at once.
func drip(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", `"one"`)
		first, n := 0, n
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first); err == nil {
			n = 0
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		at := min(first+n, len(content))
		w.Write(content[first:at])
		w.(http.Flusher).Flush()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ; at < len(content); at++ {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				w.Write(content[at : at+1])
				w.(http.Flusher).Flush()
			}
		}
	}
}

// A server of 10 bytes a second never stalls, but takes too long.
func TestCase14TooSlow(t *testing.T) {
	base := serve(t, drip(0))
	c := newClient(t)
	c.Grace, c.MinRate = 100*time.Millisecond, 1<<20
	_, err := c.GetSmall(t.Context(), base, "Packages.p7m", 1<<19, Validators{})
	wantError(t, err, muster.Unavailable, "slower than 1048576 bytes a second")
}

// The deadline of a large file is far: the rate is looked at all the time.
func TestCase14SlowsDown(t *testing.T) {
	base := serve(t, drip(200_000))
	c := newClient(t)
	c.Grace, c.Stall = time.Hour, 300*time.Millisecond
	began := time.Now()
	_, err := c.Get(t.Context(), []string{base}, theBlob)
	wantError(t, err, muster.Unavailable, "slower than 8192 bytes a second")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	path, err := c.Get(t.Context(), []string{base, serve(t, good)}, theBlob)
	if err != nil {
		t.Fatalf("with a good mirror behind it: %v", err)
	}
	if data, _ := os.ReadFile(path); !bytes.Equal(data, content) {
		t.Error("content differs")
	}
}

// A transfer that was abandoned goes on days later, in another process, where
// it stopped; if the file is another one since, or the part was damaged
// meanwhile, the whole is fetched, and its hash decides in every case.
func TestCase14ResumeLater(t *testing.T) {
	for _, test := range []struct {
		name   string
		etag   string // of the file when the transfer goes on
		damage bool
		want   []string // ranges asked for when it goes on
		came   int      // bytes that came then
	}{
		{"same file", `"one"`, false, []string{`bytes=120000- "one"`}, 180_000},
		{"other file of the same content", `"two"`, false, []string{`bytes=120000- "one"`}, 300_000},
		{"damaged part", `"one"`, true, []string{`bytes=120000- "one"`, " "}, 480_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			etag, n := `"one"`, 120_000
			var requests []string
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				cutting(n, func() string { return etag }, &requests)(w, r)
				if n < len(content) {
					hang(w, r)
				}
			})
			first := newClient(t)
			ctx, cancel := context.WithCancel(t.Context())
			first.Progress = func(p Progress) {
				if p.Done == int64(n) {
					cancel() // the host is switched off
				}
			}
			if _, err := first.Get(ctx, []string{base}, theBlob); !errors.Is(err, context.Canceled) {
				t.Fatalf("first: %v", err)
			}
			etag, n, requests = test.etag, len(content), nil
			if test.damage {
				part := filepath.Join(first.Cache, theBlob.SHA256+".part")
				if err := os.WriteFile(part, make([]byte, 120_000), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			later := newClient(t)
			later.Cache = first.Cache
			path, err := later.Get(t.Context(), []string{base}, theBlob)
			if err != nil {
				t.Fatal(err)
			}
			if data, _ := os.ReadFile(path); !bytes.Equal(data, content) {
				t.Error("content differs")
			}
			if !slices.Equal(requests, test.want) || later.Received() != int64(test.came) {
				t.Errorf("asked for %q, %d bytes came; want %q, %d", requests, later.Received(), test.want, test.came)
			}
			if left, _ := filepath.Glob(later.Cache + "/*.*"); left != nil {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A handshake that stalls.
func TestCase14StalledHandshake(t *testing.T) {
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

// What is known by its hash may come from elsewhere, a head may not;
// and credentials go nowhere but below their base.
func TestCase15RedirectsAndCredentials(t *testing.T) {
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

// A transfer that breaks off goes on where it stopped.
func TestCase14Resume(t *testing.T) {
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

// A part that is not the beginning of the content costs one more transfer.
func TestCase14WholeHashAfterResume(t *testing.T) {
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

// A flipped bit is refused, and the other mirror asked.
func TestCase01FlippedBit(t *testing.T) {
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

// Who asked by https is not led to http.
func TestCase15RedirectToHTTP(t *testing.T) {
	var asked atomic.Bool
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(true)
		good(w, r)
	})
	secure := httptest.NewTLSServer(http.RedirectHandler(plain+"/x", http.StatusFound))
	defer secure.Close()
	c := newClient(t)
	c.Roots = x509.NewCertPool()
	c.Roots.AddCert(secure.Certificate())
	_, err := c.Get(t.Context(), []string{secure.URL}, theBlob)
	wantError(t, err, muster.Unavailable, "redirect from https to http")
	_, err = c.GetSmall(t.Context(), secure.URL, "Packages.p7m", 10, Validators{})
	wantError(t, err, muster.Unavailable, "redirect from https to http")
	if asked.Load() {
		t.Error("http was asked")
	}
}

// Two processes that fetch the same file share one transfer: the second waits,
// and finds it in the cache.
func TestCase27TwoProcesses(t *testing.T) {
	var requests atomic.Int32
	started, release := make(chan struct{}), make(chan struct{})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			close(started)
		}
		<-release
		good(w, r)
	})
	first, second := newClient(t), newClient(t)
	second.Cache = first.Cache
	results := make(chan error, 2)
	get := func(c *Client) {
		_, err := c.Get(t.Context(), []string{base}, theBlob)
		results <- err
	}
	go get(first)
	<-started
	go get(second)
	close(release)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	if left, _ := filepath.Glob(first.Cache + "/*.*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// What a process that was killed left, a lock and a part, keeps nobody waiting.
func TestCase27KilledProcess(t *testing.T) {
	c := newClient(t)
	for suffix, content := range map[string][]byte{".part": content[:1000], ".part.lock": nil, ".part.json": []byte("{")} {
		if err := os.WriteFile(filepath.Join(c.Cache, theBlob.SHA256+suffix), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Get(t.Context(), []string{serve(t, good)}, theBlob); err != nil {
		t.Fatal(err)
	}
	if n := c.Received(); n != int64(len(content)-1000) {
		t.Errorf("%d bytes came", n)
	}
}
