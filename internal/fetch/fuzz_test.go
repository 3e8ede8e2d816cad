package fetch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
)

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/10")
	f.Add("bytes 5-9/*")
	f.Add("bytes */10")
	f.Add("bytes 0-9223372036854775807/9223372036854775808")
	f.Add("bytes +1-2/3")
	f.Fuzz(func(t *testing.T, s string) {
		first, total, err := contentRange(s)
		if err != nil {
			return
		}
		if first < 0 || total != -1 && total <= first {
			t.Errorf("%q: %d of %d", s, first, total)
		}
		if total >= 0 {
			again := fmt.Sprintf("bytes %d-%d/%d", first, total-1, total)
			if f2, t2, err := contentRange(again); err != nil || f2 != first || t2 != total {
				t.Errorf("%q: %d, %d, %v", again, f2, t2, err)
			}
		}
	})
}

// A wire answers every request with the same bytes, as far as they are an
// answer, and remembers who was asked and with which credentials.
type wire struct {
	data  []byte
	asked []*http.Request
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked = append(w.asked, r)
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(w.data)), r)
}

// client is one that asks w.
func (w *wire) client(cache string) *Client {
	c := &Client{Cache: cache, Stall: time.Minute, Grace: time.Minute,
		Credentials: []Credential{{Base: "https://one.example/repo", User: "u", Password: "secret"}}}
	c.once.Do(func() {
		c.web = &http.Client{Transport: w, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	})
	return c
}

// wired is a small file, and its hash is known.
const wired = "five!"

// FuzzAnswer: whatever a server answers, byte by byte, no more is taken than
// was asked for, what is taken for a package has its hash, nobody gets the
// credentials of another, and the error is of a kind that callers expect.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\nfive!",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive!\r\n0\r\n\r\n",
		"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/5\r\n\r\nve!",
		"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\n\r\nfive!",
		"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: https://two.example/x\r\n\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: //u:p@one.example/repo/x\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://one.example/x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\n\r\n<html>",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx",
		"HTTP/1.0 503 Wait\r\nRetry-After: 9999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nfive!!!!!!",
	} {
		f.Add([]byte(answer), "fi", "\"a\"")
	}
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\nfive!"), "four", "")
	b := blobOf([]byte(wired))
	f.Fuzz(func(t *testing.T, data []byte, part, etag string) {
		w := &wire{data: data}
		c := w.client(t.TempDir())
		s, err := c.GetSmall(t.Context(), "https://one.example/repo", "Packages.p7m", 8, Validators{ETag: etag})
		wantKinds(t, err)
		if err == nil && (len(s.Data) > 8 || s.NotModified && etag == "") {
			t.Errorf("%d bytes, not modified: %t", len(s.Data), s.NotModified)
		}
		for _, r := range w.asked {
			if r.URL.Scheme != "https" || r.URL.Hostname() != "one.example" {
				t.Errorf("asked %q", r.URL)
			}
		}
		if err := os.WriteFile(c.cachePath(b.SHA256)+".part", []byte(part), 0o644); err != nil {
			t.Fatal(err)
		}
		path, err := c.Get(t.Context(), []string{"https://one.example/repo"}, b)
		wantKinds(t, err)
		if got, rerr := os.ReadFile(path); err == nil && (rerr != nil || string(got) != wired) {
			t.Errorf("got %q, %v", got, rerr)
		}
		noCredentials(t, w)
	})
}

func wantKinds(t *testing.T, err error) {
	t.Helper()
	switch kind := muster.KindOf(err); {
	case err == nil, kind == muster.Unavailable, kind == muster.NotFound, kind == muster.Denied:
	default:
		t.Errorf("kind %s: %v", kind, err)
	}
}

// noCredentials holds that only what lies below the base was asked with its
// password, and nobody over a line that can be listened to.
func noCredentials(t *testing.T, w *wire) {
	t.Helper()
	for _, r := range w.asked {
		inside := r.URL.Scheme == "https" && r.URL.Host == "one.example" && strings.HasPrefix(r.URL.Path, "/repo/")
		if r.Header.Get("Authorization") != "" && !inside {
			t.Errorf("%q was told the password", r.URL)
		}
		if r.URL.Scheme != "https" {
			t.Errorf("led from https to %q", r.URL)
		}
		if r.URL.User != nil {
			t.Errorf("asked %q with a user", r.URL)
		}
	}
}

// FuzzPart: whatever lies in the cache of an earlier transfer, an honest server
// brings the file.
func FuzzPart(f *testing.F) {
	note, err := json.Marshal(origin{"https://one.example/repo", Validators{ETag: `"a"`}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("fi"), note, []byte("four"))
	f.Add([]byte("five!"), note, []byte(""))
	f.Add([]byte("five!six"), []byte("{"), []byte("five!"))
	f.Add([]byte("FI"), bytes.Repeat([]byte(" "), 5000), []byte("five?"))
	b := blobOf([]byte(wired))
	f.Fuzz(func(t *testing.T, part, note, cached []byte) {
		w := &honest{}
		c := (&wire{}).client(t.TempDir())
		c.web.Transport = w
		path := c.cachePath(b.SHA256)
		for name, data := range map[string][]byte{".part": part, ".part.json": note, "": cached} {
			if err := os.WriteFile(path+name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.Get(t.Context(), []string{"https://one.example/repo"}, b)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(got); err != nil || string(data) != wired {
			t.Errorf("%q, %v", data, err)
		}
		if left, _ := os.ReadDir(c.Cache); len(left) != 1 && string(cached) != wired {
			t.Errorf("left in the cache: %v", left)
		}
	})
}

// honest serves the small file, and ranges of it to those who hold the right
// state of it.
type honest struct{}

func (honest) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{"Etag": {`"a"`}}
	body, status, from := wired, http.StatusOK, 0
	n, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	if match := r.Header.Get("If-Range"); n == 1 && err == nil && from < len(wired) && (match == "" || match == `"a"`) {
		body, status = wired[from:], http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(wired)-1, len(wired)))
	} else if n == 1 && from >= len(wired) {
		status = http.StatusRequestedRangeNotSatisfiable
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(body)), Request: r,
		Body: io.NopCloser(strings.NewReader(body))}, nil
}

// FuzzBase: a base that is accepted shows no credentials, and names stay below
// it, on the web and on the disk.
func FuzzBase(f *testing.F) {
	for _, base := range []string{"https://one.example/repo", "http://[::1]:8080", "file:///srv/repo", "/srv/repo", "https://u:p@h/", "https://h/a?b", "https://h/%2e%2e/a+b"} {
		f.Add(base, "pool/a/age/age_1+2_linux_amd64.mpk")
		f.Add(base, "../x")
	}
	f.Add("https://h/a", "trust/1.p7m#?%2e%2e")
	f.Fuzz(func(t *testing.T, base, name string) {
		s, err := new(Client).source(base)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("%q: kind %s: %v", base, muster.KindOf(err), err)
			}
			return
		}
		if checkName(name) != nil {
			return
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			t.Errorf("%q is a name", name)
		}
		w, ok := s.(*web)
		if !ok {
			return
		}
		got, err := url.Parse(w.url(name).String())
		if err != nil {
			t.Fatalf("%q below %q: %v", name, base, err)
		}
		want := strings.TrimSuffix(w.base.Path, "/") + "/" + name
		if got.Path != want || got.Host != w.base.Host || got.User != nil || got.RawQuery != "" || got.Fragment != "" || got.Scheme != w.base.Scheme {
			t.Errorf("%q below %q is %q: path %q, not %q", name, base, got, got.Path, want)
		}
	})
}

// FuzzCovers: a URL gets a credential only below its base, element by element.
func FuzzCovers(f *testing.F) {
	f.Add("https://h/a", "https://h/a/b")
	f.Add("https://h/a", "https://h/ab")
	f.Add("https://h/a", "https://h/a/../b")
	f.Add("https://h/a/", "https://h/a/%2e%2e/b")
	f.Add("https://h", "http://h/")
	f.Fuzz(func(t *testing.T, base, to string) {
		u, err := url.Parse(to)
		b, err2 := url.Parse(base)
		if err != nil || err2 != nil || !(&Credential{Base: base}).covers(u) {
			return
		}
		if u.Scheme != b.Scheme || !strings.EqualFold(u.Host, b.Host) {
			t.Fatalf("%q covers %q", base, to)
		}
		var walk []string // where a server that resolves dots gets to
		for part := range strings.SplitSeq(u.Path, "/") {
			switch part {
			case "", ".":
			case "..":
				walk = walk[:max(0, len(walk)-1)]
			default:
				walk = append(walk, part)
			}
		}
		if dir := strings.Trim(b.Path, "/"); dir != "" && !strings.HasPrefix(strings.Join(walk, "/")+"/", dir+"/") {
			t.Fatalf("%q covers %q", base, to)
		}
	})
}
