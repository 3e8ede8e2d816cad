package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/api"
	"muster/search"
)

// Whatever is written as a rule, it reads as itself, and gives its verbs to whom it
// names and to nobody else.
func FuzzRule(f *testing.F) {
	for _, s := range []string{"person:bob|view edit|os:linux", "group:ldap:lab|view|", "right:code|publish|", "token:7|act|(name:a* or -group:b) seen<1d", "person:ldap:bob|administer|x", "x|y|z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts := strings.SplitN(s, "|", 3)
		if len(parts) != 3 {
			return
		}
		var verbs []api.Verb
		for _, v := range strings.Fields(parts[1]) {
			verbs = append(verbs, api.Verb(v))
		}
		r, err := checkRule(Rule{Who: parts[0], Verbs: verbs, Hosts: parts[2]})
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		again, err := checkRule(r)
		if err != nil || again.Who != r.Who || again.Hosts != r.Hosts || !slices.Equal(again.Verbs, r.Verbs) {
			t.Fatalf("%+v became %+v: %v", r, again, err)
		}
		rules := NewRules([]Rule{r})
		w, err := parseWho(r.Who)
		if err != nil {
			t.Fatal(err)
		}
		mallory := &Caller{Name: "mallory " + w.name, Groups: []string{"ldap:" + w.name + "x"}}
		c := *mallory
		switch w.kind {
		case 'p':
			c.Name = w.name
		case 'g':
			c.Groups = []string{w.name}
		case 'r':
			c.Rights = []string{w.name}
		case 't':
			return // alone it gives nothing: TestMay
		}
		for _, v := range api.Verbs() {
			if !May(rules, mallory, v, start).None() {
				t.Errorf("%+v gives %s to somebody else", r, v)
			}
			if got := May(rules, &c, v, start); got.None() == slices.Contains(r.Verbs, v) {
				t.Errorf("%+v gives %s: %v", r, v, !got.None())
			}
		}
	})
}

// A hash that can be read prints as it was, and asks for bounded work.
func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err != nil {
			return
		}
		if h.String() != s || h.memory > maxMemory || h.turns > maxTurns || h.turns == 0 || h.threads == 0 {
			t.Errorf("%q was read as %+v", s, h)
		}
	})
}

// A token may what rules give both it and its owner; nobody names somebody else.
func TestMay(t *testing.T) {
	rule := func(who, verbs, hosts string) Rule {
		r := Rule{Who: who, Hosts: hosts}
		for _, v := range strings.Fields(verbs) {
			r.Verbs = append(r.Verbs, api.Verb(v))
		}
		return r
	}
	rules := NewRules([]Rule{
		rule("person:bob", "view edit", "os:linux"), rule("group:ldap:lab", "view", "group:lab"), rule("right:deploy", "deploy", ""),
		rule("token:7", "view publish", "name:a*"), rule("token:8", "view", ""), rule("person:carol", "publish enrol view", "os:linux"),
		rule("person:dave", "nonsense", ""), rule("person:eve", "view", "(("), rule("nobody", "view", ""),
	})
	for name, test := range map[string]struct {
		c    Caller
		verb api.Verb
		want string // print of the scope
	}{
		"person":                 {Caller{Name: "bob"}, api.VerbView, "os:linux"},
		"person and group":       {Caller{Name: "bob", Groups: []string{"ldap:lab"}}, api.VerbView, "(os:linux | group:lab)"},
		"other verb":             {Caller{Name: "bob"}, api.VerbAct, "none"},
		"right":                  {Caller{Name: "x", Rights: []string{"code", "deploy"}}, api.VerbDeploy, "all"},
		"token":                  {Caller{Name: "bob", Token: "7"}, api.VerbView, "(os:linux & name:a*)"},
		"token, all of its own":  {Caller{Name: "bob", Token: "8"}, api.VerbView, "os:linux"},
		"token, not its owner's": {Caller{Name: "bob", Token: "7"}, api.VerbPublish, "none"},
		"owner's, not its own":   {Caller{Name: "bob", Token: "7"}, api.VerbEdit, "none"},
		"token without a rule":   {Caller{Name: "bob", Token: "9"}, api.VerbView, "none"},
		"person named as token":  {Caller{Name: "7"}, api.VerbView, "none"},
		"person named as group":  {Caller{Name: "ldap:lab"}, api.VerbView, "none"},
		"whole, for some hosts":  {Caller{Name: "carol"}, api.VerbPublish, "none"},
		"its other verbs":        {Caller{Name: "carol"}, api.VerbView, "os:linux"},
		"verb of the future":     {Caller{Name: "dave"}, "nonsense", "none"},
		"search of the future":   {Caller{Name: "eve"}, api.VerbView, "none"},
		"oneself":                {Caller{Name: "nobody"}, api.VerbSelf, "all"},
		"nobody":                 {Caller{}, api.VerbView, "none"},
	} {
		if got := printScope(May(rules, &test.c, test.verb, start)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func printScope(s search.Scope) string {
	switch {
	case s.All():
		return "all"
	case s.None():
		return "none"
	}
	return printExpr(s.Expr())
}

func printExpr(e *search.Expr) string {
	if e.Op == search.Is {
		return e.Term.String()
	}
	parts := make([]string, len(e.Of))
	for i, o := range e.Of {
		parts[i] = printExpr(o)
	}
	return "(" + strings.Join(parts, map[search.Op]string{search.And: " & ", search.Or: " | "}[e.Op]) + ")"
}

// What looking at a thousand rules costs a request.
func BenchmarkMay(b *testing.B) {
	var list []Rule
	for i := range 1000 {
		list = append(list, Rule{Who: fmt.Sprintf("person:p%d", i), Verbs: []api.Verb{api.VerbView}, Hosts: "os:linux"})
	}
	list = append(list, Rule{Who: "right:deploy", Verbs: api.Verbs()[:6]}, Rule{Who: "group:ldap:lab", Verbs: []api.Verb{api.VerbView}, Hosts: "group:lab"})
	rules := NewRules(list)
	for name, c := range map[string]Caller{
		"right":      {Name: "alice", Rights: []string{"code", "deploy"}},
		"some hosts": {Name: "p7"},
		"30 groups":  {Name: "p7", Groups: slices.Repeat([]string{"ldap:x"}, 30)},
		"token":      {Name: "p7", Token: "7"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				May(rules, &c, api.VerbView, start)
			}
		})
	}
}
