package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// visitWith is a request of a browser that has cookies.
func visitWith(c *console, host string, cookies ...*http.Cookie) (*visit, *httptest.ResponseRecorder) {
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	r.Host = host
	for _, one := range cookies {
		r.AddCookie(one)
	}
	return &visit{console: c, Request: r, w: w}, w
}

// What a page says was done was said by this console, to this session, and is as long as
// a cookie may be.
func TestFlash(t *testing.T) {
	c := &console{Options: Options{Now: time.Now}, key: [32]byte{1}}
	const host = "muster.example.org"
	session := &http.Cookie{Name: "__Host-muster", Value: "alice"}
	say := func(text string) *http.Cookie {
		v, w := visitWith(c, host, session)
		session.Name = v.cookieName(sessionCookie)
		v.Request.Header.Set("Cookie", session.Name+"="+session.Value)
		v.leave(text)
		all := w.Result().Cookies()
		if len(all) != 1 {
			t.Fatalf("%d cookies", len(all))
		}
		return all[0]
	}
	hear := func(c *console, cookies ...*http.Cookie) string {
		v, _ := visitWith(c, host, cookies...)
		return v.takeFlash()
	}
	said := say("Saved as “lab”")
	if got := hear(c, session, said); got != "Saved as “lab”" {
		t.Errorf("heard %q", got)
	}
	other := *session
	other.Value = "bob"
	forged := *said
	forged.Value = encode(append(make([]byte, 32), "Call 555-0100 at once"...))
	for what, got := range map[string]string{"another session": hear(c, &other, said), "another process": hear(&console{Options: c.Options, key: [32]byte{2}}, session, said),
		"made up": hear(c, session, &forged), "two of them": hear(c, session, said, &forged)} {
		if got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
	long := say(strings.Repeat("é", 5000))
	if got := hear(c, session, long); len(long.String()) > 2048 || !strings.HasSuffix(got, "é…") || len(got) > maxFlash {
		t.Errorf("a cookie of %d bytes, %d of them heard", len(long.String()), len(got))
	}
}

// Servers of one machine share its cookies: names are of the port, or of the base.
func TestCookieNames(t *testing.T) {
	names := map[string]string{}
	for what, c := range map[string]struct{ base, host string }{"loopback": {"", "127.0.0.1:4711"}, "another port": {"", "127.0.0.1:4712"},
		"no port": {"", "localhost"}, "a base": {"/a1b2", "127.0.0.1:4711"}, "a name": {"", "muster.example.org"}} {
		v, _ := visitWith(&console{Options: Options{Base: c.base}}, c.host)
		name := v.cookieName(sessionCookie)
		if was, twice := names[name]; twice {
			t.Errorf("%s and %s: %s", what, was, name)
		}
		names[name] = what
	}
	for _, want := range []string{"muster-4711", "muster-4712", "muster", "muster-a1b2", "__Host-muster"} {
		if names[want] == "" {
			t.Errorf("no %s among %v", want, names)
		}
	}
}

// Nobody else can set the cookie of a console on a person's own machine.
func TestLocalCookie(t *testing.T) {
	const host = "127.0.0.1:4711"
	l := NewLocal(host)
	cookie := visitTo(l, host, strings.TrimPrefix(l.URL(), "http://"+host)).Cookies()[0]
	foreign := &http.Cookie{Name: "muster-console", Value: "x"}
	if got := visitTo(l, host, l.Base()+"/hosts", cookie, foreign); got.StatusCode != http.StatusTeapot {
		t.Errorf("another server's cookie locks out: %d", got.StatusCode)
	}
	if other := NewLocal(host); other.name == l.name || !strings.HasPrefix(cookie.Name, "muster-console-") {
		t.Errorf("the cookie is called %q", cookie.Name)
	}
}
