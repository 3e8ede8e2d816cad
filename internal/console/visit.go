package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"muster"
	"muster/api"
)

// A visit is one request of a browser, with who asks.
type visit struct {
	*console
	*http.Request
	w     http.ResponseWriter
	page  *page
	lang  string
	api   *api.PersonClient
	self  api.Self // without a name: nobody is logged in
	title string   // in place of that of the page, as it is
	once  *once    // shown by the answer to a form, in place of another page
	said  string   // what was done, for the next page
	wrong error    // with what was asked for, as far as its page found
}

// visit finds out who asks, unless the page is for everybody.
func (c *console) visit(w http.ResponseWriter, r *http.Request, p *page) (*visit, error) {
	v := &visit{console: c, Request: r, w: w, page: p}
	v.lang = v.language()
	v.api = &api.PersonClient{Client: c.Client, Token: v.token()}
	if v.api.Token == "" {
		return v, nil
	}
	var err error
	if v.self, err = v.api.Self(v.ctx()); api.CodeOf(err) == api.NoSession && v.renewed() {
		v.self, err = v.api.Self(v.ctx())
	}
	if err != nil && p.open {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	c.kept.saw(v.api.Token, v.self.Name, c.Now())
	if p.verb != "" && !v.may(p.verb) {
		return v, muster.Errorf(muster.NotFound, "there is no such page")
	}
	return v, nil
}

// renewed takes the session that the one person has opened since theirs ended.
func (v *visit) renewed() bool {
	if v.Session == "" || v.Renew == nil {
		return false
	}
	token := v.Renew()
	if token == "" || token == v.api.Token {
		return false
	}
	v.session.Store(token)
	v.api.Token = token
	return true
}

// tell has the page say what is wrong with what was asked for. It returns errors that are
// in place of the page.
func (v *visit) tell(err error) error {
	switch muster.KindOf(err) {
	case muster.Invalid, muster.NotFound, muster.Conflict:
		v.wrong, err = err, nil
	}
	return err
}

func (v *visit) ctx() context.Context { return v.Context() }

// known reports whether somebody is logged in.
func (v *visit) known() bool { return v.self.Name != "" }

// may reports whether whoever asks has a verb, over some hosts at least.
func (v *visit) may(verb api.Verb) bool {
	return slices.ContainsFunc(v.self.May, func(r api.Right) bool { return r.Verb == verb && (r.All || len(r.Hosts) > 0) })
}

// mayAll is may over all hosts.
func (v *visit) mayAll(verb api.Verb) bool {
	return slices.ContainsFunc(v.self.May, func(r api.Right) bool { return r.Verb == verb && r.All })
}

// query is a value of the URL.
func (v *visit) query(name string) string { return v.URL.Query().Get(name) }

// link is an address of the console; pairs are names and values of its query, of which
// empty ones are left out.
func (v *visit) link(path string, pairs ...string) string { return v.Base + address(path, pairs...) }

func address(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// here is the address of the page that is shown.
func (v *visit) here() string {
	if v.Method == http.MethodGet {
		return v.URL.RequestURI()
	}
	return cmp.Or(v.URL.Path, v.Base+"/")
}

// seconds is a time of the API.
func seconds(t int64) time.Time { return time.Unix(t, 0) }

// show answers a GET.
func (c *console) show(p *page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := c.visit(w, r, p)
		if v.turnedAway(err) {
			return
		}
		f := &frame{}
		if err == nil {
			f.Problem = v.takeUp()
			f.Form = v.PostForm
			f.Data, err = p.show(v)
		}
		if v.turnedAway(err) {
			return
		}
		if err != nil {
			v.fail(err)
			return
		}
		v.render(p.template, http.StatusOK, f)
	}
}

// act answers a POST: with 303 to where to go, or with the page and what is wrong.
func (c *console) act(p *page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wrong := muster.WithKind(muster.Invalid, r.ParseForm())
		v, err := c.visit(w, r, p)
		if v.turnedAway(err) {
			return
		}
		if err = cmp.Or(err, wrong); err != nil {
			v.fail(err)
			return
		}
		done := v.act()
		if !v.turnedAway(done.err) {
			v.answer(done)
		}
	}
}

// answer says what came of a form.
func (v *visit) answer(done outcome) {
	v.PostForm = typed(v.PostForm)
	v.once = done.once
	switch {
	case done.err != nil:
		v.refuse(done.err)
	case v.once != nil:
		v.showOnce()
	default:
		v.leave(done.said)
		http.Redirect(v.w, v.Request, done.to, http.StatusSeeOther)
	}
}

// refuse shows the form again, with what is wrong.
func (v *visit) refuse(err error) {
	data, gone := v.page.show(v)
	if gone != nil {
		v.fail(err)
		return
	}
	v.render(v.page.template, api.StatusOf(muster.KindOf(err)), &frame{Data: data, Problem: problemOf(err), Form: v.PostForm})
}

// showOnce shows a page with a secret that was made just now: it is in no address, no
// cookie, and no compressed bytes whose length would tell of it (BREACH). Where the page
// cannot be shown the secret is shown alone: nobody could read it again.
func (v *visit) showOnce() {
	v.Request.Header.Del("Accept-Encoding")
	v.PostForm = nil
	data, err := v.page.show(v)
	if err == nil {
		v.render(v.page.template, http.StatusOK, &frame{Data: data})
		return
	}
	v.Log.Warn("console", "path", v.URL.Path, "error", err.Error())
	v.render("secret", http.StatusOK, &frame{Problem: problemOf(err)})
}

// raw answers with what the page writes itself.
func (c *console) raw(p *page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := c.visit(w, r, p)
		if v.turnedAway(err) {
			return
		}
		if err == nil {
			err = p.raw(v, w)
		}
		if err != nil && !v.turnedAway(err) {
			v.fail(err)
		}
	}
}

// turnedAway sends who has no session to log in: whatever page they asked for.
func (v *visit) turnedAway(err error) bool {
	if v.page.open || v.Session != "" || v.api.Token != "" && api.CodeOf(err) != api.NoSession {
		return false
	}
	to := v.keepForm()
	if v.Method == http.MethodGet && v.page.raw == nil && v.here() != v.Base+"/" {
		to = v.here()
	}
	http.Redirect(v.w, v.Request, v.link("/login", "to", to), http.StatusSeeOther)
	return true
}
