package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// visitTo asks a console of a person's own machine.
func visitTo(l *Local, host, path string, cookies ...*http.Cookie) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	l.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).ServeHTTP(w, r)
	return w.Result()
}

func TestLocal(t *testing.T) {
	const host = "127.0.0.1:4711"
	l := NewLocal(host)
	ticket := strings.TrimPrefix(l.URL(), "http://"+host)
	if got := visitTo(l, host, l.Base()+"/"); got.StatusCode != http.StatusForbidden {
		t.Errorf("without a cookie: %d", got.StatusCode)
	}
	if got := visitTo(l, "evil.example:4711", ticket); got.StatusCode != http.StatusNotFound || len(got.Cookies()) > 0 {
		t.Errorf("by another name: %d", got.StatusCode)
	}
	opened := visitTo(l, host, ticket)
	if opened.StatusCode != http.StatusOK || len(opened.Cookies()) != 1 || opened.Cookies()[0].Path != l.Base()+"/" || !opened.Cookies()[0].HttpOnly {
		t.Fatalf("%d %v", opened.StatusCode, opened.Cookies())
	}
	cookie := opened.Cookies()[0]
	if got := visitTo(l, host, l.Base()+"/hosts", cookie); got.StatusCode != http.StatusTeapot {
		t.Errorf("with the cookie: %d", got.StatusCode)
	}
	if got := visitTo(l, "evil.example", l.Base()+"/hosts", cookie); got.StatusCode != http.StatusNotFound {
		t.Errorf("with the cookie, by another name: %d", got.StatusCode)
	}
	if got := visitTo(l, host, "/hosts", cookie); got.StatusCode != http.StatusNotFound {
		t.Errorf("beside the path: %d", got.StatusCode)
	}
	if got := visitTo(l, host, ticket, cookie); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the same browser again: %d", got.StatusCode)
	}
	l.Owned = func(context.Context) bool { return false }
	if got := visitTo(l, host, ticket); got.StatusCode != http.StatusForbidden || len(got.Cookies()) > 0 {
		t.Errorf("another user: %d", got.StatusCode)
	}
	if got := visitTo(l, host, l.Base()+"/hosts", cookie); got.StatusCode != http.StatusForbidden {
		t.Errorf("another user with the cookie: %d", got.StatusCode)
	}
	l.Owned = func(context.Context) bool { return true }
	if got := visitTo(l, host, l.Base()+"/hosts", cookie); got.StatusCode != http.StatusTeapot {
		t.Errorf("other users close it: %d", got.StatusCode)
	}
	// Somebody else has seen the address.
	if got := visitTo(l, host, ticket); got.StatusCode != http.StatusForbidden || len(got.Cookies()) > 0 {
		t.Errorf("a second browser: %d", got.StatusCode)
	}
	if got := visitTo(l, host, l.Base()+"/hosts", cookie); got.StatusCode != http.StatusForbidden {
		t.Errorf("it is still open for the first one: %d", got.StatusCode)
	}
}
