package selfservice

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"muster"
	"muster/internal/agent"
)

// A visit is one request of the person.
type visit struct {
	site    *Site
	request *http.Request
	lang    string
}

// routes is every page below the folder.
func (s *Site) routes(ctx context.Context) map[string]http.HandlerFunc {
	page := func(show func(*visit, http.ResponseWriter) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s.use()
			v := s.viewerOf(r)
			if err := show(v, w); err != nil {
				v.failed(w, err)
			}
		}
	}
	return map[string]http.HandlerFunc{
		"GET /{$}":            page((*visit).catalogue),
		"GET /package/{name}": page((*visit).onePackage),
		"GET /updates":        page((*visit).updates),
		"GET /history":        page((*visit).history),
		"GET /icon/{sha256}":  page((*visit).icon),
		"GET /tile/{name}":    page((*visit).tile),
		"GET /static/{name}":  static,
		"GET /live":           func(w http.ResponseWriter, r *http.Request) { s.viewerOf(r).live(w) },
		"POST /do":            page(func(v *visit, w http.ResponseWriter) error { return v.do(ctx, w) }),
		"POST /postpone":      page((*visit).postpone),
		"POST /language":      page((*visit).language),
	}
}

// path is the address of a page.
func (v *visit) path(name string) string { return v.site.folder + name }

func (v *visit) send(w http.ResponseWriter, status int, page node) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, render(page)) //nolint:errcheck // who went away reads nothing
}

// back sends a browser to the page that a form was on: one of these, and no other.
func (v *visit) back(w http.ResponseWriter) error {
	to := v.request.PostFormValue("back")
	if u, err := url.Parse(to); err != nil || u.IsAbs() || u.Host != "" || strings.ContainsAny(to, "\\\r\n") || strings.HasPrefix(to, "/") || strings.Contains(to, "..") {
		to = ""
	}
	http.Redirect(w, v.request, v.path(to), http.StatusSeeOther)
	return nil
}

// maxForm bounds a form, in bytes.
const maxForm = 8 << 10

// form reads the form of a request.
func (v *visit) form(w http.ResponseWriter) error {
	v.request.Body = http.MaxBytesReader(w, v.request.Body, maxForm)
	if err := v.request.ParseForm(); err != nil {
		return muster.Errorf(muster.Invalid, "cannot understand the form: %w", err)
	}
	return nil
}

// do begins what a button says.
func (v *visit) do(ctx context.Context, w http.ResponseWriter) error {
	if err := v.form(w); err != nil {
		return err
	}
	op, name := v.request.PostFormValue("op"), v.request.PostFormValue("name")
	wishes := map[string]agent.Wish{"install": {Install: []string{name}}, "update": {Upgrade: true, Only: []string{name}}, "remove": {Remove: []string{name}}, "upgrade": {Upgrade: true}}
	wish, ok := wishes[op]
	if !ok {
		return muster.Errorf(muster.Invalid, "nothing is called %q here", op)
	}
	if op == "upgrade" {
		name = ""
	}
	if err := v.site.begin(ctx, op, name, wish); err != nil {
		v.tell(message{err: err})
	}
	return v.back(w)
}

// tell keeps a message for the page that follows.
func (v *visit) tell(m message) {
	v.site.mu.Lock()
	defer v.site.mu.Unlock()
	v.site.say(m)
}

// language keeps the choice for as long as the page lasts.
func (v *visit) language(w http.ResponseWriter) error {
	if err := v.form(w); err != nil {
		return err
	}
	if lang := v.request.PostFormValue("lang"); lang == "en" || lang == "fr" {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: lang, Path: v.site.folder, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	return v.back(w)
}
