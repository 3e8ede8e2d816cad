package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
)

// A Local guards a console on a person's own machine, whose other users reach it too,
// and so do pages of the web in the person's browser.
//
// Only requests for the address itself count: a name of somebody else's that leads to
// loopback (DNS rebinding) does not. Everything is under a path that nobody can guess,
// so that the cookie is sent nowhere else, not to another port of this machine either.
// The cookie is given once, for the address that [Local.URL] has: who comes second with
// it finds everything closed, and so does who came first. The browser is led to that
// address by a file that only the person reads, as what programs are started with is for
// everybody to see.
type Local struct {
	address string // host and port
	base    string
	ticket  string // good once
	name    string // of the cookie: other servers of this machine cannot set it
	cookie  string

	mu    sync.Mutex
	given bool // the cookie
	shut  bool // the ticket came twice

	// Owned reports whether the person's own program asks; nil: nobody can say.
	Owned func(context.Context) bool
}

// NewLocal guards what listens at address, such as 127.0.0.1:4711.
func NewLocal(address string) *Local {
	return &Local{address: address, base: "/" + strings.ToLower(rand.Text()), ticket: rand.Text(),
		name: "muster-console-" + strings.ToLower(rand.Text()), cookie: rand.Text()}
}

// Base is the path of the console: see [Options].
func (l *Local) Base() string { return l.base }

// URL is what the person opens, once.
func (l *Local) URL() string { return "http://" + l.address + l.base + "/open/" + l.ticket }

// Guard lets only the person's browser through to next.
func (l *Local) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("Cache-Control", "no-store")
		if !l.own(r.Host) || !strings.HasPrefix(r.URL.Path, l.base+"/") {
			http.NotFound(w, r)
			return
		}
		if l.Owned != nil && !l.Owned(r.Context()) {
			http.Error(w, "This console is another user's.", http.StatusForbidden)
			return
		}
		if ticket, ok := strings.CutPrefix(r.URL.Path, l.base+"/open/"); ok {
			l.open(w, r, ticket)
			return
		}
		if !l.knows(r) {
			http.Error(w, "This console is open in another browser, or was closed. Run 'muster console' again.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// own reports whether a browser asked for this machine by its own address.
func (l *Local) own(host string) bool {
	_, port, err := net.SplitHostPort(l.address)
	return host == l.address || err == nil && host == net.JoinHostPort("localhost", port)
}

// knows reports whether a request has the cookie.
func (l *Local) knows(r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := r.CookiesNamed(l.name)
	return l.given && !l.shut && len(all) == 1 && same(all[0].Value, l.cookie)
}

// open gives the cookie for the ticket, once. The page that answers leads on by itself: a
// redirect that another page began, such as a file, would be followed without the cookie.
func (l *Local) open(w http.ResponseWriter, r *http.Request, ticket string) {
	if !same(ticket, l.ticket) || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	if l.knows(r) { // the same browser, by the address that it remembers
		http.Redirect(w, r, l.base+"/", http.StatusSeeOther)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given {
		l.shut = true
		http.Error(w, "Somebody has opened this address before. Nobody can use it any more: run 'muster console' again.", http.StatusForbidden)
		return
	}
	l.given = true
	http.SetCookie(w, &http.Cookie{Name: l.name, Value: l.cookie, Path: l.base + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><title>muster</title><meta http-equiv=\"refresh\" content=\"0; url=%[1]s/\"><p><a href=\"%[1]s/\">muster</a></p></html>\n", l.base)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
