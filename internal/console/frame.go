package console

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A frame is what the layout shows around a page, and what the page shows.
type frame struct {
	*visit
	Title   string
	Nav     []entry
	Flash   string   // what was done just now
	Problem *problem // what is wrong with the form
	Form    url.Values
	Data    any
}

// An entry is one of the navigation.
type entry struct {
	Title, Href, Key string
	Here             bool
}

// A problem is an error as people see it.
type problem struct {
	Kind    muster.ErrorKind
	Code    api.Code
	Message string
	Hint    string
	Status  int
}

func problemOf(err error) *problem {
	kind := muster.KindOf(err)
	return &problem{Kind: kind, Code: api.CodeOf(err), Message: err.Error(), Hint: muster.HintOf(err), Status: api.StatusOf(kind)}
}

// Lang, Theme, Path, Who, Here and CanSign are for the layout.
func (f *frame) Lang() string  { return f.lang }
func (f *frame) Theme() string { return f.theme() }
func (f *frame) Path() string  { return f.Base }
func (f *frame) Who() string   { return f.self.Name }
func (f *frame) Here() string  { return f.here() }

// Secret is what is shown once.
func (f *frame) Secret() *once { return f.once }

// Alone reports whether the console is that of one person, who cannot log out.
func (f *frame) Alone() bool { return f.Session != "" }

// CanSign reports whether the console can sign.
func (f *frame) CanSign() bool { return f.Signer != nil }

// May reports whether whoever looks has a verb.
func (f *frame) May(verb api.Verb) bool { return f.may(verb) }

// Value is what was typed into a field of a form that was refused, or else what the
// URL says.
func (f *frame) Value(name string) string {
	if f.Form != nil {
		return f.Form.Get(name)
	}
	return f.query(name)
}

// navigation lists the pages that whoever looks may open.
func (v *visit) navigation() (all []entry) {
	if !v.known() {
		return nil
	}
	for i := range v.pages {
		p := &v.pages[i]
		if !p.nav || p.verb != "" && !v.may(p.verb) {
			continue
		}
		path := strings.TrimSuffix(p.path, "{$}")
		at := strings.TrimPrefix(v.URL.Path, v.Base)
		all = append(all, entry{Title: v.t(p.title), Href: v.link(path), Key: p.key, Here: at == path || path != "/" && strings.HasPrefix(at, path+"/")})
	}
	return all
}

// fail shows an error in place of the page.
func (v *visit) fail(err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		v.Log.Warn("console", "path", v.URL.Path, "error", err.Error())
	}
	v.title = v.t("Not found")
	if p.Kind != muster.NotFound {
		v.title = v.t("This did not work")
	}
	v.render("error", p.Status, &frame{Data: p})
}

// render writes a page. It is made as a whole first: one that breaks off in the middle
// is an error instead.
func (v *visit) render(name string, status int, f *frame) {
	f.visit, f.Nav, f.Flash = v, v.navigation(), v.takeFlash()
	if f.Title = v.title; f.Title == "" {
		f.Title = v.t(v.page.title)
	}
	var page bytes.Buffer
	if err := v.sets[v.lang].pages[name].ExecuteTemplate(&page, "layout", f); err != nil {
		v.Log.Error("console", "path", v.URL.Path, "error", err.Error())
		http.Error(v.w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Vary", "Accept-Encoding, Accept-Language, Cookie")
	write(v.w, v.Request, status, page.Bytes())
}

// write sends data, compressed for who asks for it. A page holds no secret beside what
// others may have had it show, so that lengths tell nothing (BREACH): sessions are
// cookies, and forms have no tokens.
func write(w http.ResponseWriter, r *http.Request, status int, data []byte) {
	h := w.Header()
	if len(data) >= 1400 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var small bytes.Buffer
		z, err := gzip.NewWriterLevel(&small, gzip.BestSpeed)
		if err == nil {
			z.Write(data) //nolint:errcheck // into memory
			z.Close()     //nolint:errcheck // into memory
			h.Set("Content-Encoding", "gzip")
			data = small.Bytes()
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	w.Write(data) //nolint:errcheck // the browser has gone
}
