package selfservice

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// cookieName is the same for all pages: their folders tell them apart.
const cookieName = "muster-self-service"

// policy lets pages have nothing but what lies beside them.
const policy = "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// handler answers those who may come in, from the outside to the inside: the program
// that connects, the host that is meant, the origin of forms, the cookie.
func (s *Site) handler(ctx context.Context) http.Handler {
	inside := http.NewServeMux()
	for pattern, h := range s.routes(ctx) {
		method, path, _ := strings.Cut(pattern, " ")
		inside.HandleFunc(method+" "+strings.TrimSuffix(s.folder, "/")+path, h)
	}
	outside := http.NewServeMux()
	outside.HandleFunc("GET /enter/{secret}", s.enter)
	outside.Handle(s.folder, s.known(inside))
	safe := http.NewCrossOriginProtection().Handler(outside)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Host != s.host || !Owned(r.Context()) {
			http.Error(w, "this page is not for you", http.StatusForbidden)
			return
		}
		safe.ServeHTTP(w, r)
	})
}

// known lets in who has the cookie.
func (s *Site) known(inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(cookieName)
		if err != nil || !same(c.Value, s.cookie) {
			s.refuse(w, r)
			return
		}
		inside.ServeHTTP(w, r)
	})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// enter begins the session. The page that answers leads on by itself: a redirect that a
// foreign page began, such as a file, would be followed without the cookie.
func (s *Site) enter(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	right := !s.begun && same(r.PathValue("secret"), s.secret)
	s.begun = s.begun || right
	s.mu.Unlock()
	if !right {
		s.refuse(w, r)
		return
	}
	s.use()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.cookie, Path: s.folder, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	v := s.viewerOf(r)
	v.send(w, http.StatusOK, document(v.lang, v.t("Software"), "", []node{
		el("meta", at("http-equiv", "refresh", "content", "0; url="+s.folder)),
	}, el("main", at("class", "narrow"), el("p", nil, el("a", at("href", s.folder), text(v.t("Go on")))))))
}

func (s *Site) refuse(w http.ResponseWriter, r *http.Request) {
	v := s.viewerOf(r)
	v.send(w, http.StatusForbidden, document(v.lang, v.t("Software"), "", nil, el("main", at("class", "narrow"),
		el("h1", nil, text(v.t("This page is over"))),
		el("p", nil, text(v.t("Its address is good once, for one browser. Open it again from the menu of your system."))))))
}

type ownerKey struct{}

// WithOwner notes whether another user's program is at the other end: see
// [http.Server.ConnContext].
func WithOwner(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, ownerKey{}, !foreign(c))
}

// Owned reports whether a request comes from a program of the user who runs this one, as
// far as the system says. Without [WithOwner] it does not.
func Owned(ctx context.Context) bool {
	own, _ := ctx.Value(ownerKey{}).(bool)
	return own
}
