package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"muster"
	"muster/api"
)

// A loginForm is what the page that asks who one is shows.
type loginForm struct {
	Ways   api.LoginWays
	Server string // its address, for the command line
	To     string // where to go then
}

func loginPage(v *visit) (any, error) {
	ways, err := v.Client.LoginWays(v.ctx())
	if err != nil {
		return nil, err
	}
	to := v.query("to")
	if v.PostForm != nil {
		to = v.PostForm.Get("to")
	}
	return loginForm{Ways: ways, Server: v.outside(), To: v.own(to)}, nil
}

// outside is the address of the server, as the browser knows it.
func (v *visit) outside() string {
	if v.Session != "" {
		return v.Client.Base()
	}
	if v.plain() {
		return "http://" + v.Host + v.Base
	}
	return "https://" + v.Host + v.Base
}

// login opens a session by a password.
func login(v *visit) (string, error) {
	name, password := strings.TrimSpace(v.PostForm.Get("name")), v.PostForm.Get("password")
	v.PostForm.Set("name", name)
	s, err := v.Client.LoginPassword(v.ctx(), api.PasswordLogin{Name: name, Password: password, LDAP: v.PostForm.Get("ldap") != ""})
	return v.welcome(s, err, v.PostForm.Get("to"))
}

// loginTLS opens a session by the client certificate of the connection.
func loginTLS(v *visit) (string, error) {
	s, err := v.Client.LoginTLS(v.ctx(), api.TLSLogin{})
	return v.welcome(s, err, v.PostForm.Get("to"))
}

func (v *visit) welcome(s api.Session, err error, to string) (string, error) {
	if err != nil {
		return "", err
	}
	// The cookie outlives the session: whose it was is how a form finds who typed it.
	v.setCookie(sessionCookie, s.Token, seconds(s.Expires).Add(keepWho))
	return v.own(to), nil
}

// oidcLast is how long somebody has at the provider of OpenID Connect.
const oidcLast = 10 * time.Minute

// A journey is what the browser keeps while it is at the provider: only the one that
// left may come back.
type journey struct{ Secret, State, To string }

// beginOIDC sends the browser to the provider. It is a link, not a form: a form may
// lead nowhere but here.
func beginOIDC(v *visit, w http.ResponseWriter) error {
	begun, err := v.Client.BeginOIDC(v.ctx(), api.OIDCBegin{Redirect: v.outside() + "/login/oidc/end"})
	if err != nil {
		return err
	}
	if !strings.HasPrefix(begun.URL, "https://") && !strings.HasPrefix(begun.URL, "http://") {
		return muster.Errorf(muster.Invalid, "the provider's address %.100q is none", begun.URL)
	}
	data, err := json.Marshal(journey{begun.Secret, begun.State, v.own(v.query("to"))})
	if err != nil {
		return err
	}
	v.setCookie(oidcCookie, encode(data), v.Now().Add(oidcLast))
	http.Redirect(w, v.Request, begun.URL, http.StatusSeeOther)
	return nil
}

// endOIDC opens a session with what the browser brought back.
func endOIDC(v *visit, w http.ResponseWriter) error {
	var j journey
	data, err := decode(v.cookie(oidcCookie))
	if err != nil || json.Unmarshal(data, &j) != nil || j.State == "" || j.State != v.query("state") {
		return muster.WithHint(muster.Errorf(muster.Denied, "this browser did not begin to log in, or long ago"), "begin again on the page that asks who you are")
	}
	v.forget(oidcCookie)
	s, err := v.Client.EndOIDC(v.ctx(), api.OIDCEnd{Secret: j.Secret, State: j.State, Code: v.query("code")})
	to, err := v.welcome(s, err, j.To)
	if err != nil {
		return err
	}
	http.Redirect(w, v.Request, to, http.StatusSeeOther)
	return nil
}

func logoutPage(*visit) (any, error) { return nil, nil }

// logout ends the session. One that has ended already is as good.
func logout(v *visit) (string, error) {
	if v.Session != "" {
		return "", muster.WithHint(muster.Errorf(muster.Conflict, "this console is yours alone"), "interrupt 'muster console' to end it")
	}
	if v.api.Token != "" {
		if err := v.api.Logout(v.ctx()); err != nil && api.CodeOf(err) != api.NoSession {
			return "", err
		}
	}
	v.forget(sessionCookie)
	return v.link("/login"), nil
}
