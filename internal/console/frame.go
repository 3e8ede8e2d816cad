package console

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"net/http"
	"net/url"
	"slices"
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
	Field   string // of the form, that it is about; "": the whole
	Status  int
	Again   string // where to go when there is a session again
}

func problemOf(err error) *problem {
	kind := muster.KindOf(err)
	return &problem{Kind: kind, Code: api.CodeOf(err), Message: err.Error(), Hint: muster.HintOf(err), Field: fieldOf(err), Status: api.StatusOf(kind)}
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

// ValueOf is Value for a page of several forms: of the one with that button.
func (f *frame) ValueOf(do, name string) string {
	if f.Form != nil && f.Form.Get("do") != do {
		return ""
	}
	return f.Value(name)
}

// Typed is what was typed into a field of the form with that button, as it was, or what it
// has to begin with.
func (f *frame) Typed(do, name, begins string) string {
	if f.Form != nil && f.Form.Get("do") == do {
		return f.Form.Get(name)
	}
	return begins
}

// Ticked is Typed for a box.
func (f *frame) Ticked(do, name string, begins bool) bool {
	if f.Form != nil && f.Form.Get("do") == do {
		return f.Form.Get(name) != ""
	}
	return begins
}

// Wrong is what is wrong with a field. Where forms of a page have the same fields, do
// names the buttons of the one that is meant.
func (f *frame) Wrong(field string, do ...string) *problem {
	if f.Problem == nil || !f.Problem.about(field) || len(do) > 0 && !slices.Contains(do, f.Form.Get("do")) {
		return nil
	}
	return f.Problem
}

// wrongAt is [frame.Wrong] for the part that is a field: by its frame, its name, and the
// buttons that it is for, where it says that.
func wrongAt(field map[string]any) *problem {
	f, _ := field["frame"].(*frame)
	if f == nil {
		return nil
	}
	name, _ := field["name"].(string)
	buttons, _ := field["for"].(string)
	return f.Wrong(name, strings.Fields(buttons)...)
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
	if p.Code == api.NoSession && v.Session != "" {
		p.Hint, p.Again = command("login", v.Client.Base()), cmp.Or(v.keepForm(), v.here())
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
	if f.Problem == nil && v.wrong != nil {
		f.Problem = problemOf(v.wrong)
	}
	page, err := v.sets[v.lang].page(name, f)
	if err != nil {
		v.Log.Error("console", "path", v.URL.Path, "error", err.Error())
		http.Error(v.w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Vary", "Accept-Encoding, Accept-Language, Cookie")
	write(v.w, v.Request, status, page)
}

// page is a page as a whole. What is wrong with a field stands beside it or, where the
// page does not show that field, above the page.
func (s set) page(name string, f *frame) ([]byte, error) {
	var page bytes.Buffer
	err := s.pages[name].ExecuteTemplate(&page, "layout", f)
	if err != nil || f.Problem == nil || f.Problem.Field == "" || bytes.Contains(page.Bytes(), []byte(` id="wrong"`)) {
		return page.Bytes(), err
	}
	page.Reset()
	f.Problem.Field = ""
	err = s.pages[name].ExecuteTemplate(&page, "layout", f)
	return page.Bytes(), err
}

// write sends data, compressed for who asks for it. A page holds no secret beside what
// others may have had it show, so that lengths tell nothing (BREACH): sessions are
// cookies, and the numbers of forms are no secret.
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
