package access

import (
	"slices"
	"time"

	"muster/api"
	"muster/search"
)

// A Caller is who asks.
type Caller struct {
	Name   string   // of the person
	Groups []string // as rules name them: "ldap:admins"
	Rights []string // of the certificate that they logged in by
	Token  string   // number of the token, where it is a program's request
}

// whos calls f for each of the names by which rules may mean the person.
func (c *Caller) whos(f func(who)) {
	f(who{'p', c.Name})
	for _, g := range c.Groups {
		f(who{'g', g})
	}
	for _, r := range c.Rights {
		f(who{'r', r})
	}
}

// Rules are rules, prepared for questions. They never change.
type Rules struct {
	list []Rule
	by   map[who][]*given
}

// A who is the one of a rule: the first letter of the kind, and the name.
type who struct {
	kind byte
	name string
}

// A given is a rule in the form that is fast to ask.
type given struct {
	verbs   set
	expires int64
	scope   search.Scope
}

// A set is one of verbs.
type set uint16

func (s set) has(v set) bool { return s&v != 0 }

// bit is the set of one verb; none for what is no verb of rules.
func bit(v api.Verb) set {
	switch v {
	case api.VerbView:
		return 1 << 0
	case api.VerbReport:
		return 1 << 1
	case api.VerbEdit:
		return 1 << 2
	case api.VerbAssign:
		return 1 << 3
	case api.VerbDeploy:
		return 1 << 4
	case api.VerbAct:
		return 1 << 5
	case api.VerbPublish:
		return 1 << 6
	case api.VerbEnrol:
		return 1 << 7
	case api.VerbAdminister:
		return 1 << 8
	}
	return 0
}

// NewRules prepares rules. One whose who or search cannot be read gives nothing:
// a newer server may have written it.
func NewRules(list []Rule) *Rules {
	r := &Rules{list: slices.Clone(list), by: map[who][]*given{}}
	for i := range list {
		w, g, err := prepare(&list[i])
		if err != nil || g.verbs == 0 {
			continue
		}
		r.by[w] = append(r.by[w], g)
	}
	return r
}

// prepare reads a rule.
func prepare(r *Rule) (who, *given, error) {
	w, err := parseWho(r.Who)
	if err != nil {
		return who{}, nil, err
	}
	q, err := search.Parse(r.Hosts)
	if err != nil {
		return who{}, nil, err
	}
	g := &given{expires: r.Expires, scope: search.Within(q)}
	for _, v := range r.Verbs {
		if v.Whole() && !g.scope.All() {
			continue
		}
		g.verbs |= bit(v)
	}
	return w, g, nil
}

// May answers over which hosts the caller has a verb, at a time: the heart of it.
// For verbs that concern no host the answer is all or none.
func May(r *Rules, c *Caller, v api.Verb, now time.Time) search.Scope {
	if v == api.VerbSelf {
		return search.Everything()
	}
	var own search.Scope
	verb, at := bit(v), now.Unix()
	c.whos(func(w who) { own = own.Or(r.scope(w, verb, at)) })
	if c.Token == "" || own.None() {
		return own
	}
	return own.And(r.scope(who{'t', c.Token}, verb, at))
}

// scope is what the rules of one who give.
func (r *Rules) scope(w who, verb set, at int64) (s search.Scope) {
	for _, g := range r.by[w] {
		if g.verbs.has(verb) && (g.expires == 0 || at < g.expires) {
			s = s.Or(g.scope)
		}
	}
	return s
}

// Whose are those who have a verb over all hosts now, as rules name them: whom to
// ask for it. Tokens are left out.
func (r *Rules) Whose(v api.Verb, now time.Time) (all []string) {
	for i := range r.list {
		l := &r.list[i]
		w, g, err := prepare(l)
		if err == nil && w.kind != 't' && g.verbs.has(bit(v)) && g.scope.All() && (l.Expires == 0 || now.Unix() < l.Expires) && !slices.Contains(all, l.Who) {
			all = append(all, l.Who)
		}
	}
	slices.Sort(all)
	return all
}
