package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/api"
)

// People, sessions and rules come a page after the other, each of them once, and whole to
// who asks for no pages.
func TestAccessPages(t *testing.T) {
	w := newWorld(t, pages)
	p := w.person()
	var made []string
	for i := range 5 {
		name := fmt.Sprintf("Dora_%d%%", i)
		must(p.AddPerson(t.Context(), api.PersonNew{Name: name, Password: consolePassword}))(t)
		must(p.AddRule(t.Context(), api.Rule{Who: "person:" + name, Verbs: []api.Verb{api.VerbView}}))(t)
		must(w.dial().LoginPassword(t.Context(), api.PasswordLogin{Name: name, Password: consolePassword}))(t)
		made = append(made, name)
	}
	pages := func(what string, whole []string, page func(api.ListQuery) ([]string, string)) {
		t.Helper()
		var got []string
		for q := (api.ListQuery{Limit: 2}); ; {
			some, next := page(q)
			if got = append(got, some...); len(some) > 2 {
				t.Errorf("%s: a page of %d", what, len(some))
			}
			if q.Cursor = next; next == "" {
				break
			}
		}
		if len(whole) < 5 || !slices.Equal(got, whole) {
			t.Errorf("%s: %q, not %q", what, got, whole)
		}
	}
	people := func(page api.PersonPage) (names []string, next string) {
		for _, one := range page.People {
			names = append(names, one.Name)
		}
		return names, page.Next
	}
	sessions := func(page api.SessionPage) (ids []string, next string) {
		for _, one := range page.Sessions {
			ids = append(ids, one.ID)
		}
		return ids, page.Next
	}
	rules := func(page api.RulePage) (ids []string, next string) {
		for _, one := range page.Rules {
			ids = append(ids, fmt.Sprint(one.ID))
		}
		return ids, page.Next
	}
	whole, _ := people(must(p.People(t.Context()))(t))
	pages("people", whole, func(q api.ListQuery) ([]string, string) { return people(must(p.FindPeople(t.Context(), q))(t)) })
	whole, _ = sessions(must(p.SessionsOf(t.Context(), ""))(t))
	pages("sessions", whole, func(q api.ListQuery) ([]string, string) {
		return sessions(must(p.FindSessions(t.Context(), "", q))(t))
	})
	whole, _ = rules(must(p.Rules(t.Context()))(t))
	pages("rules", whole, func(q api.ListQuery) ([]string, string) { return rules(must(p.FindRules(t.Context(), q))(t)) })
	for query, want := range map[string][]string{"dora": made, "DORA_3": made[3:4], "_%": nil, "4%": made[4:], "doraX": nil} {
		if got, _ := people(must(p.FindPeople(t.Context(), api.ListQuery{Query: query}))(t)); !slices.Equal(got, want) {
			t.Errorf("%q finds %q", query, got)
		}
	}
	if got, _ := people(must(p.FindPeople(t.Context(), api.ListQuery{Name: made[1]}))(t)); !slices.Equal(got, made[1:2]) {
		t.Errorf("one person: %q", got)
	}
	for _, cursor := range []string{"x", "1-", "1-zz", "-1-0011223344556677"} {
		_, err := p.FindSessions(t.Context(), "", api.ListQuery{Cursor: cursor})
		wantKind(t, err, muster.Invalid)
	}
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	_, page := b.get("/people?q=dora_2")
	if !strings.Contains(page, made[2][:6]) || strings.Contains(page, made[3][:6]) {
		t.Errorf("people that are looked for:\n%s", page)
	}
	if status, page := b.get("/people/one?name=Dora_2%25"); status != 200 || !strings.Contains(page, "Dora_2%") {
		t.Errorf("%d\n%s", status, page)
	}
}
