package console

import (
	"strings"

	"muster"
	"muster/api"
)

// A peoplePage lists who has logged in, or was made to.
type peoplePage struct {
	Tabs        []entry
	People      []api.Person
	Filter      string
	First, Next string
}

// perList is how many people, rules or sessions a page has.
const perList = 100

// list asks for the page of a list that the URL names.
func (v *visit) list() api.ListQuery { return api.ListQuery{Cursor: v.query("cursor"), Limit: perList} }

// pager are the first page, where this is another one, and the next.
func (v *visit) pager(path, next string, pairs ...string) (first, then string) {
	if v.query("cursor") != "" {
		first = v.link(path, pairs...)
	}
	if next != "" {
		then = v.link(path, append(pairs, "cursor", next)...)
	}
	return first, then
}

// accessTabs are the pages about who may do what.
func (v *visit) accessTabs(here string) (all []entry) {
	for _, tab := range []struct {
		path, title string
		verb        api.Verb
	}{
		{"/people", "People", api.VerbAdminister}, {"/rights", "Rights", api.VerbAdminister}, {"/sessions", "Sessions", api.VerbAdminister},
		{"/tokens", "Enrolment", api.VerbEnrol}, {"/apitokens", "Tokens of programs", ""}, {"/webhooks", "Webhooks", api.VerbAdminister},
	} {
		if tab.verb == "" || v.may(tab.verb) {
			all = append(all, entry{Title: v.t(tab.title), Href: v.link(tab.path), Here: tab.path == here})
		}
	}
	return all
}

func peopleList(v *visit) (any, error) {
	q := v.list()
	q.Query = strings.TrimSpace(v.query("q"))
	page, err := v.api.FindPeople(v.ctx(), q)
	out := &peoplePage{Tabs: v.accessTabs("/people"), Filter: q.Query, People: page.People}
	out.First, out.Next = v.pager("/people", page.Next, "q", q.Query)
	return out, err
}

var errPasswords = fieldError{"again", muster.Errorf(muster.Invalid, "the two passwords differ")}

// addPerson makes somebody who logs in by a password.
func addPerson(v *visit) (string, error) {
	name, password, again := strings.TrimSpace(v.PostForm.Get("name")), v.PostForm.Get("password"), v.PostForm.Get("again")
	if password != again {
		return "", errPasswords
	}
	if _, err := v.api.AddPerson(v.ctx(), api.PersonNew{Name: name, Password: password}); err != nil {
		return "", err
	}
	v.flash(v.t("%s can log in now, and may do nothing yet: give a right", name))
	return v.link("/rights", "who", "person:"+name), nil
}

// A personPage is one person: rights, sessions and tokens.
type personPage struct {
	api.Person
	Tabs     []entry
	May      []api.Right
	Sessions []api.SessionInfo
	Tokens   []api.APIToken
	Self     bool
}

func personShow(v *visit) (any, error) {
	name := v.asked().Get("name")
	page, err := v.api.FindPeople(v.ctx(), api.ListQuery{Name: name})
	if err != nil {
		return nil, err
	}
	if name == "" || len(page.People) != 1 {
		return nil, muster.Errorf(muster.NotFound, "nobody is called %.100q", name)
	}
	out := &personPage{Tabs: v.accessTabs("/people"), Self: name == v.self.Name, Person: page.People[0]}
	v.title = name
	rights, err := v.api.TestRights(v.ctx(), name, "", "")
	if err != nil {
		return nil, err
	}
	out.May = rights.May
	sessions, err := v.api.SessionsOf(v.ctx(), name)
	if err != nil {
		return nil, err
	}
	out.Sessions = sessions.Sessions
	tokens, err := v.api.APITokens(v.ctx(), true)
	for _, t := range tokens.Tokens {
		if t.Person == name {
			out.Tokens = append(out.Tokens, t)
		}
	}
	return out, err
}

// changePerson does what one of the forms of a person's page asks for.
func changePerson(v *visit) (string, error) {
	form := v.PostForm
	name, yes, no := form.Get("name"), true, false
	var e api.PersonEdit
	done := v.t("Changed")
	switch form.Get("do") {
	case "disable":
		e, done = api.PersonEdit{Disabled: &yes}, v.t("%s cannot log in any more", name)
	case "enable":
		e, done = api.PersonEdit{Disabled: &no}, v.t("%s can log in again", name)
	case "anew":
		e, done = api.PersonEdit{Anew: true}, v.t("The next who comes as %s has the name", name)
	case "password":
		password, again := v.PostForm.Get("password"), v.PostForm.Get("again")
		if password != again {
			return "", errPasswords
		}
		e = api.PersonEdit{Password: &password, RevokeTokens: form.Get("tokens") != ""}
	case "remove":
		if form.Get("confirm") != name {
			return "", fieldError{"confirm", muster.Errorf(muster.Invalid, "type %s to confirm", name)}
		}
		if err := v.api.RemovePerson(v.ctx(), name); err != nil {
			return "", err
		}
		v.flash(v.t("Removed"))
		return v.link("/people"), nil
	case "end":
		return v.link("/people/one", "name", name), v.endSession(form.Get("id"))
	default:
		return "", muster.Errorf(muster.Invalid, "it is not said what to do")
	}
	if _, err := v.api.EditPerson(v.ctx(), name, e); err != nil {
		return "", err
	}
	v.flash(done)
	return v.link("/people/one", "name", name), nil
}

func (v *visit) endSession(id string) error {
	err := v.api.EndSession(v.ctx(), id)
	if err == nil {
		v.flash(v.t("The session has ended"))
	}
	return err
}

// A sessionsPage lists the sessions of everybody.
type sessionsPage struct {
	Tabs        []entry
	Sessions    []api.SessionInfo
	First, Next string
}

func sessionList(v *visit) (any, error) {
	page, err := v.api.FindSessions(v.ctx(), "", v.list())
	out := sessionsPage{Tabs: v.accessTabs("/sessions"), Sessions: page.Sessions}
	out.First, out.Next = v.pager("/sessions", page.Next)
	return out, err
}

func endSession(v *visit) (string, error) {
	return v.link("/sessions"), v.endSession(v.PostForm.Get("id"))
}
