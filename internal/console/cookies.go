package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
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
// (RFC 6265bis 4.1.3.2). Servers at other ports of a machine share its cookies (RFC 6265
// 8.5): on loopback the name has the port, and under a base that.
func (v *visit) cookieName(name string) string {
	switch {
	case v.Base != "":
		return "muster-" + strings.ReplaceAll(v.Base[1:], "/", "-") + name
	case v.plain():
		_, port, _ := net.SplitHostPort(v.Host)
		return strings.TrimSuffix("muster-"+port, "-") + name
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
		return v.session.Load().(string)
	}
	return v.cookie(sessionCookie)
}

// flash says on the next page what was done.
func (v *visit) flash(text string) { v.said = text }

// maxFlash bounds what a cookie carries to the next page, in bytes: with its name and
// the sum it stays far below what browsers take of one (4096, RFC 6265 6.1) and proxies
// of all headers.
const maxFlash = 1000

// leave keeps what was said for the next page.
func (v *visit) leave(text string) {
	if text == "" {
		return
	}
	if len(text) > maxFlash {
		text = strings.ToValidUTF8(text[:maxFlash-len("…")], "") + "…"
	}
	v.setCookie(flashCookie, encode(append(v.seal(text), text...)), v.Now().Add(time.Minute))
}

// seal is of a text for one session, by this process: others on the machine can set
// cookies, and would put words into the page.
func (v *visit) seal(text string) []byte {
	mac := hmac.New(sha256.New, v.key[:])
	mac.Write([]byte(v.token() + "\x00" + text))
	return mac.Sum(nil)
}

func (v *visit) takeFlash() string {
	data, err := decode(v.cookie(flashCookie))
	if err != nil || len(data) <= sha256.Size || len(data) > sha256.Size+maxFlash {
		return ""
	}
	v.forget(flashCookie)
	sum, text := data[:sha256.Size], string(data[sha256.Size:])
	if !hmac.Equal(sum, v.seal(text)) {
		return ""
	}
	return text
}

// encode writes what a cookie may not hold as it is.
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func decode(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
