package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/internal/httpsig"
)

const serverID = "5f0c6a0e-0000-4000-8000-000000000001"

// dial starts a server that says who it is and leaves the rest to h.
func dial(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+RouteServer, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(Server{ID: serverID, Name: "test"})
	})
	mux.HandleFunc("/", h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	c, err := Dial(context.Background(), s.URL, Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newHost(t *testing.T, c *Client) *HostClient {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	counter := uint64(0)
	return &HostClient{Client: c, ID: "h1", Key: key, Next: func() (uint64, error) { counter++; return counter, nil }}
}

// TestHostSigns has a server verify what the client signed, body included.
func TestHostSigns(t *testing.T) {
	var h *HostClient
	var counters []uint64
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		m, err := httpsig.Parse(r, serverID)
		if err == nil {
			err = m.Verify(h.Key.Public(), time.Now(), time.Minute)
		}
		if err != nil {
			t.Error(err)
			return
		}
		counters = append(counters, m.Counter)
		body, err := m.Body(r.Body, MaxCheckIn)
		if err != nil {
			t.Error(err)
		}
		if r.Header.Get("Content-Encoding") == "zstd" {
			d, _ := zstd.NewReader(nil)
			defer d.Close()
			if body, err = d.DecodeAll(body, nil); err != nil {
				t.Error(err)
			}
		}
		var in CheckIn
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		json.NewEncoder(w).Encode(CheckedIn{Etag: in.Etag + "!", Next: len(in.Results)})
	})
	h = newHost(t, c)
	for _, results := range [][]Result{nil, {{ID: "r", Output: strings.Repeat("long ", 1000)}}} {
		out, err := h.CheckIn(context.Background(), CheckIn{Etag: "e", Results: results})
		if err != nil {
			t.Fatal(err)
		}
		if out.Etag != "e!" || out.Next != len(results) {
			t.Errorf("answer %+v", out)
		}
	}
	if len(counters) != 2 || counters[1] <= counters[0] {
		t.Errorf("counters %v", counters)
	}
}

// TestAnswers holds what a caller hears to what a server, a proxy or a captive
// portal answered.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		status           int
		want             muster.ErrorKind
		message, hint    string
		after            int
	}{
		{"ours", "application/json", `{"error":{"kind":"conflict","message":"two machines","hint":"say which","code":"bad-counter"}}`,
			409, muster.Conflict, "two machines", "say which", 0},
		{"unknown kind", "application/json", `{"error":{"kind":"odd","message":"no"}}`, 403, muster.Denied, "no", "", 0},
		{"terminal codes", "application/json", "{\"error\":{\"kind\":\"invalid\",\"message\":\"a\\u001b[2Jb\"}}", 400, muster.Invalid, "a?[2Jb", "", 0},
		{"proxy", "text/html", "<h1>Bad Gateway</h1>", 502, muster.Unavailable, "the server answered 502 Bad Gateway", "", 0},
		{"wait", "text/plain", "", 503, muster.Unavailable, "the server answered 503 Service Unavailable", "", 17},
		{"portal", "text/html", "<h1>Welcome</h1>", 200, muster.Unavailable, "not of muster", "", 0},
		{"redirect", "text/html", "", 302, muster.Unavailable, "302", "", 0},
		{"no JSON", "application/json", "{", 200, muster.Invalid, "cannot understand", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := dial(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.Header().Set("Retry-After", "17")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			_, err := newHost(t, client).CheckIn(context.Background(), CheckIn{})
			if muster.KindOf(err) != c.want || !strings.Contains(err.Error(), c.message) || muster.HintOf(err) != c.hint {
				t.Errorf("error %q of kind %s, hint %q", err, muster.KindOf(err), muster.HintOf(err))
			}
			var se *StatusError
			if c.after > 0 && (!errors.As(err, &se) || se.After != c.after) {
				t.Errorf("to wait: %+v", se)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for addr, want := range map[string]muster.ErrorKind{
		"https://muster.example.org":       "",
		"https://muster.example.org/base/": "",
		"http://127.0.0.1:8080":            "",
		"http://localhost":                 "",
		"http://muster.example.org":        muster.Denied,
		"http://127.0.0.1.example.org":     muster.Denied,
		"ftp://muster.example.org":         muster.Invalid,
		"https://user:pw@example.org":      muster.Invalid,
		"muster.example.org":               muster.Invalid,
		"":                                 muster.Invalid,
	} {
		if _, err := New(addr, Options{}); muster.KindOf(err) != want {
			t.Errorf("%q: %v", addr, err)
		}
	}
	c, _ := New("https://muster.example.org/base/", Options{})
	for ref, want := range map[string]string{"/repo/": "https://muster.example.org/base/repo/", "https://cdn.example.org/r/": "https://cdn.example.org/r/"} {
		if got, err := c.URL(ref); err != nil || got != want {
			t.Errorf("%q: %q, %v", ref, got, err)
		}
	}
}

// TestPlaces holds that a name cannot leave its place in a route.
func TestPlaces(t *testing.T) {
	if got := at(RouteHostDoc, "../x?y"); got != "/api/v1/hosts/..%2Fx%3Fy/inventory" {
		t.Error(got)
	}
}

// FuzzFailure: an answer of whatever bytes is an error that a terminal can show.
func FuzzFailure(f *testing.F) {
	f.Add(409, []byte(`{"error":{"kind":"conflict","message":"two","hint":"x"}}`))
	f.Add(400, []byte(`{"error":{"kind":"invalid","message":"x","errors":[{"detail":"x","pointer":"#/a\u0007/b"},{"parameter":"q"}]}}`))
	f.Add(502, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		err := failure(status, 0, body)
		if muster.KindOf(err) == "" || err.Error() == "" {
			t.Errorf("no error for %d %q", status, body)
		}
		for _, r := range err.Error() + muster.HintOf(err) + muster.FieldOf(err) {
			if r < ' ' && r != '\n' || r == 0x7f {
				t.Errorf("control character in %q", err)
			}
		}
	})
}

// TestAsked: a server does not answer for something else than was asked for.
func TestAsked(t *testing.T) {
	const id, other = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"`+id+`","name":"`+id+`"}`)
	})
	p := &PersonClient{Client: c, Token: "t"}
	for what, get := range map[string]func(string) error{
		"action":  func(id string) error { _, err := p.Action(t.Context(), id); return err },
		"host":    func(id string) error { _, err := p.Host(t.Context(), id); return err },
		"group":   func(id string) error { _, err := p.Group(t.Context(), id); return err },
		"rollout": func(id string) error { _, err := p.Rollout(t.Context(), id); return err },
	} {
		if err := get(id); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := get(other); muster.KindOf(err) != muster.Denied {
			t.Errorf("another %s: %v", what, err)
		}
	}
	if _, err := p.Host(t.Context(), "pc-1"); err != nil {
		t.Errorf("a name: %v", err)
	}
}
