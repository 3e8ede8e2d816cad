package console

import (
	"encoding/base64"
	"net"
	"net/http"
	"time"

	"muster/api"
)

// What cookies are called, behind the name of the session's.
const (
	sessionCookie = ""
	langCookie    = "-lang"
	themeCookie   = "-theme"
	flashCookie   = "-flash"
	oidcCookie    = "-oidc"
)

// plain reports whether the browser speaks to this machine without TLS, so that no
// cookie can be one that TLS guards.
func (v *visit) plain() bool {
	host, _, err := net.SplitHostPort(v.Host)
	if err != nil {
		host = v.Host
	}
	ip := net.ParseIP(host)
	return v.TLS == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// cookieName begins with __Host- where browsers take it only from this server over TLS
// (RFC 6265bis 4.1.3.2). On loopback, and under a base, the name is another.
func (v *visit) cookieName(name string) string {
	if v.plain() || v.Base != "" {
		return "muster" + name
	}
	return api.Cookie + name
}

// cookie is the value of a cookie. Of two with one name none counts: one of them is
// somebody else's.
func (v *visit) cookie(name string) string {
	all := v.CookiesNamed(v.cookieName(name))
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

func (v *visit) setCookie(name, value string, until time.Time) {
	http.SetCookie(v.w, &http.Cookie{Name: v.cookieName(name), Value: value, Path: v.Base + "/", Expires: until,
		Secure: !v.plain(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (v *visit) forget(name string) {
	http.SetCookie(v.w, &http.Cookie{Name: v.cookieName(name), Path: v.Base + "/", MaxAge: -1,
		Secure: !v.plain(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// token is that of who asks, "" for nobody.
func (v *visit) token() string {
	if v.Session != "" {
		return v.Session
	}
	return v.cookie(sessionCookie)
}

// flash says on the next page what was done.
func (v *visit) flash(text string) {
	v.setCookie(flashCookie, encode([]byte(text)), v.Now().Add(time.Minute))
}

func (v *visit) takeFlash() string {
	text, err := decode(v.cookie(flashCookie))
	if err != nil || len(text) == 0 || len(text) > 1000 {
		return ""
	}
	v.forget(flashCookie)
	return string(text)
}

// encode writes what a cookie may not hold as it is.
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func decode(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
