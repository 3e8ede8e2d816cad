package console

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"muster/api"
)

// asked is a console that a test asks, on a server that only says how one logs in.
func asked(t *testing.T, base string) http.Handler {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != api.RouteLoginWays {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":{"kind":"denied","message":"no session","code":"no-session"}}`)
			return
		}
		io.WriteString(w, `{"certificate":true,"password":true,"ldap":true,"oidc":true,"tls":true}`)
	}))
	t.Cleanup(s.Close)
	client, err := api.New(s.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Options{Client: client, Base: base})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "https://muster.example.org"+path, nil)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Who has no session learns nothing: each path leads to the login, also those that are
// not there.
func TestHidden(t *testing.T) {
	h := asked(t, "")
	for _, path := range []string{"/", "/hosts", "/hosts/0000", "/nothing", "/hosts.csv", "/live", "/hosts/change?op=forget"} {
		for _, cookie := range []string{"", "stolen"} {
			w := get(h, path, func(r *http.Request) {
				if cookie != "" {
					r.AddCookie(&http.Cookie{Name: api.Cookie, Value: cookie})
				}
			})
			if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/login") {
				t.Errorf("%s: %d to %q", path, w.Code, to)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	h := asked(t, "")
	for _, path := range []string{"/login", "/", "/static/console.css", "/static/none"} {
		head := get(h, path).Header()
		if csp := head.Get("Content-Security-Policy"); csp != "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" {
			t.Errorf("%s: %q", path, csp)
		}
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cache-Control"} {
			if head.Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
	}
	foreign := httptest.NewRequest(http.MethodPost, "https://muster.example.org/look", strings.NewReader("lang=fr"))
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, foreign); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", w.Code)
	}
}

// Nothing is inline: a strict policy would keep it from working.
func TestNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\sstyle=|\son[a-z]+=|javascript:|https?://`)
	err := fs.WalkDir(sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sources, name)
		if at := inline.FindString(string(data)); at != "" {
			t.Errorf("%s has %q", name, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What every page loads is small.
func TestWeight(t *testing.T) {
	all, err := readFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, most := range map[string]int{"console.js": 40 << 10, "console.css": 30 << 10, "icons.svg": 8 << 10} {
		if n := len(all[name].whole); n > most || n == 0 {
			t.Errorf("%s has %d bytes, more than %d", name, n, most)
		}
	}
}

// Files are kept for a year at the address of their hash, and found unchanged elsewhere.
func TestStatic(t *testing.T) {
	h := asked(t, "")
	page := get(h, "/login").Body.String()
	at := regexp.MustCompile(`/static/console\.css\?v=[0-9a-f]+`).FindString(page)
	w := get(h, at)
	if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Fatalf("%s: %d %q", at, w.Code, w.Header())
	}
	again := get(h, "/static/console.css", func(r *http.Request) { r.Header.Set("If-None-Match", w.Header().Get("ETag")) })
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 || strings.Contains(again.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%d %q", again.Code, again.Header())
	}
	small := get(h, at, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
	if small.Header().Get("Content-Encoding") != "gzip" || small.Body.Len() >= w.Body.Len() {
		t.Errorf("%q", small.Header())
	}
}

func TestLook(t *testing.T) {
	h := asked(t, "")
	if page := get(h, "/login", func(r *http.Request) { r.Header.Set("Accept-Language", "fr-CA,en;q=0.5") }).Body.String(); !strings.Contains(page, `lang="fr"`) || !strings.Contains(page, "Se connecter") {
		t.Error("who asks for French gets something else")
	}
	post := func(form string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "https://muster.example.org/look", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := post("lang=fr&theme=dark&back=/login%3Fto%3D%252F")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?to=%2F" {
		t.Fatalf("%d %q", w.Code, w.Header())
	}
	page := get(h, "/login", func(r *http.Request) {
		for _, c := range w.Result().Cookies() {
			if !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
				t.Errorf("cookie %v", c)
			}
			r.AddCookie(c)
		}
	}).Body.String()
	if !strings.Contains(page, `lang="fr"`) || !strings.Contains(page, `data-theme="dark"`) {
		t.Error("the page forgot language or colours")
	}
	if w := post("theme=%22%3E"); w.Code != http.StatusBadRequest {
		t.Errorf("colours that are none: %d", w.Code)
	}
}

// No address that somebody made up leads away.
func TestOwn(t *testing.T) {
	for _, base := range []string{"", "/abc"} {
		c := &console{Options: Options{Base: base}}
		for _, to := range []string{"", "https://evil.example/", "//evil.example", base + "//evil.example", base + `/\evil.example`, "javascript:alert(1)", base + "/x\nSet-Cookie: a", "evil"} {
			if got := c.own(to); got != base+"/" {
				t.Errorf("own(%q) = %q", to, got)
			}
		}
		if to := base + "/hosts?q=" + url.QueryEscape("//x"); c.own(to) != to {
			t.Errorf("own(%q) = %q", to, c.own(to))
		}
	}
	if c := (&console{Options: Options{Base: "/abc"}}); c.own("/other/") != "/abc/" {
		t.Error("a page beside the console counts")
	}
}

// Under a base every address of a page is under it.
func TestBase(t *testing.T) {
	page := get(asked(t, "/abc"), "/abc/login").Body.String()
	for _, m := range regexp.MustCompile(`="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "/abc/") && m[1] != "/abc" {
			t.Errorf("%q is not under the base", m[1])
		}
	}
}
