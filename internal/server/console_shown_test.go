package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"muster/api"
	"muster/internal/console"
)

// ofForms is a console with a key, and what asks it.
func (w *world) ofForms(p *api.PersonClient) (*signer, func(method, path string, form url.Values) *httptest.ResponseRecorder) {
	s := newSigner(p.Client)
	h := must(console.New(console.Options{Client: p.Client, Session: p.Token, Signer: s}))(w.t)
	return s, func(method, path string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://127.0.0.1"+path+"?"+form.Encode(), nil)
		if method == http.MethodPost {
			r = httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		out := httptest.NewRecorder()
		h.ServeHTTP(out, r)
		return out
	}
}

// What a search found when the page was shown is signed for: hosts that it finds since
// are not.
func TestConsolePackagesShown(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	all := w.joined(p, 3)
	must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{all[0].ID}}))(t)
	s, ask := w.ofForms(p)
	form := url.Values{"q": {"group:lab"}, "all": {"1"}, "forbid": {"telnet"}}
	page := ask(http.MethodGet, "/hosts/packages", form).Body.String()
	if !strings.Contains(page, `name="host" value="`+all[0].ID+`"`) || strings.Contains(page, `name="all"`) {
		t.Errorf("the page does not name its hosts:\n%s", page)
	}
	must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{all[0].ID, all[1].ID, all[2].ID}}))(t)
	form.Set("plan", planOf(page))
	if r := ask(http.MethodPost, "/hosts/packages", form); r.Code != http.StatusConflict || len(s.ran) > 0 {
		t.Errorf("searched anew: %d, signed %q", r.Code, s.ran)
	}
	form.Del("all")
	form["host"] = []string{all[0].ID}
	if r := ask(http.MethodPost, "/hosts/packages", form); r.Code != http.StatusSeeOther || len(s.ran) != 1 || s.ran[0][len(s.ran[0])-1] != all[0].ID {
		t.Errorf("%d, signed %q:\n%s", r.Code, s.ran, r.Body)
	}
}

// What hosts of a group should have is signed while the group is as it was shown: with as
// many hosts, and the same.
func TestConsoleGroupShown(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	all := w.joined(p, 3)
	const path = "/groups/group/lab/edit"
	form := url.Values{"query": {""}, "note": {""}, "forbid": {"telnet"}}
	for name, members := range map[string][]string{"more": {all[0].ID, all[1].ID, all[2].ID}, "another": {all[2].ID}} {
		must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{all[0].ID}}))(t)
		s, ask := w.ofForms(p)
		form.Set("plan", planOf(ask(http.MethodGet, path, form).Body.String()))
		must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: members}))(t)
		r := ask(http.MethodPost, path, form)
		if r.Code != http.StatusConflict || len(s.ran) > 0 {
			t.Errorf("%s: %d, signed %q", name, r.Code, s.ran)
		}
		// The answer shows it as it is now, to be signed.
		form.Set("plan", planOf(r.Body.String()))
		if r := ask(http.MethodPost, path, form); r.Code != http.StatusSeeOther || len(s.ran) != 1 {
			t.Errorf("%s: %d, signed %q", name, r.Code, s.ran)
		}
	}
}

// A rollout begins as its page showed it: with those hosts in its rings.
func TestConsoleRolloutShown(t *testing.T) {
	w, ones := newSite(t)
	p := w.person()
	s, ask := w.ofForms(p)
	form := url.Values{"package": {"age"}, "version": {"1.3"}, "rings": {"ring: pilot\ngroup: lab\nsoak: 12h\n\nring: all\npercent: 100\n"}}
	page := ask(http.MethodGet, "/rollouts/start", form).Body.String()
	form.Set("plan", planOf(page))
	must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{ones[1].ID}}))(t)
	r := ask(http.MethodPost, "/rollouts/start", form)
	if r.Code != http.StatusConflict || len(s.ran) > 0 {
		t.Fatalf("%d, signed %q:\n%s", r.Code, s.ran, page)
	}
	form.Set("plan", planOf(r.Body.String()))
	if r := ask(http.MethodPost, "/rollouts/start", form); r.Code != http.StatusSeeOther || len(s.ran) != 1 {
		t.Errorf("%d, signed %q", r.Code, s.ran)
	}
}
