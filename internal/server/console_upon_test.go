package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"muster/control"
	"muster/internal/steer"
)

// What is signed is made on top of what was verified, whatever the index says of it: the
// page shows that, and the command that signs is told which one it is.
func TestConsoleUpon(t *testing.T) {
	w, _ := newSite(t)
	p := w.person()
	s, ask := w.ofForms(p)
	// The server's index says that lab has age; its file says something else.
	said := steer.Draft("group", "lab", "")
	said.Version = "7"
	for _, name := range []string{"shfmt", "jq"} {
		said.Depends = append(said.Depends, control.Dependency{{Name: name}})
	}
	s.bases = map[string]steer.Basis{"lab": {Control: &said, Sum: strings.Repeat("ab", 32)}}
	const path = "/groups/group/lab/edit"
	form := url.Values{"query": {""}, "note": {""}, "install": {"age"}, "forbid": {"telnet"}}
	page := ask(http.MethodGet, path, form).Body.String()
	for _, want := range []string{"<div>shfmt</div>", "<div>jq</div>", "<ins>age</ins>", "<ins>telnet</ins>", "after 7"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	form.Set("plan", planOf(page))
	if r := ask(http.MethodPost, path, form); r.Code != http.StatusSeeOther || len(s.ran) != 1 || !strings.Contains(strings.Join(s.ran[0], " "), "--upon "+strings.Repeat("ab", 32)+" ") {
		t.Fatalf("%d, signed %q", r.Code, s.ran)
	}
	// Somebody signs another one between the page and its form.
	next := said
	next.Depends = slices.Clone(said.Depends)[:1]
	s.bases = map[string]steer.Basis{"lab": {Control: &next, Sum: strings.Repeat("cd", 32)}}
	if r := ask(http.MethodPost, path, form); r.Code != http.StatusConflict || len(s.ran) != 1 {
		t.Errorf("another one: %d, signed %q", r.Code, s.ran)
	}
	// What the verified one does not say cannot be taken back from it.
	form.Del("install")
	form.Set("remove", "age")
	r := ask(http.MethodPost, path, form)
	if r.Code < 400 || len(s.ran) != 1 {
		t.Errorf("%d, signed %q", r.Code, s.ran)
	}
}
