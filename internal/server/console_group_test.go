package server

import (
	"testing"

	"muster/api"
)

// A group that is a search stays one when its field is emptied: nobody meant to keep the
// hosts of that moment in it.
func TestConsoleGroupEmptied(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.joined(p, 3)
	must(p.PutGroup(t.Context(), api.Group{Name: "lab", Query: "state:accepted"}))(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	_, page := b.get("/groups/group/lab/edit?query=&note=")
	b.want(page, `name="query" value="" placeholder`, `aria-invalid="true" aria-describedby="wrong"`, "cannot be left without one")
	if at, page := b.post("/groups/group/lab/edit", "query", "", "note", "all of them"); at != "/groups/group/lab/edit" {
		t.Errorf("at %q:\n%s", at, page)
	}
	if g := must(p.Group(t.Context(), "lab"))(t); g.Query != "state:accepted" || g.Note != "" {
		t.Errorf("%+v", g)
	}
	at, page := b.post("/groups/group/lab/edit", "query", "state:accepted", "note", "all of them")
	if g := must(p.Group(t.Context(), "lab"))(t); at != "/groups/group/lab" || g.Note != "all of them" {
		t.Errorf("at %q, %+v:\n%s", at, g, page)
	}
}
