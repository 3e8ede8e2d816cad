package server

import (
	"slices"

	"muster/api"
	"muster/search"
)

// Rules find hosts by what people give them: groups, units, names. Who could put a
// server into the group over which they have a verb would have it over the server: so
// such a change takes, beside its own verb, every verb that a rule gives by it, over the
// hosts that are changed. Who administers may give themselves what they like anyhow.

// byGroup are the verbs that rules give by one of some groups.
func (r *request) byGroup(groups ...string) []api.Verb {
	return r.given("group", func(t *search.Term) bool { return slices.ContainsFunc(groups, t.Whole().Match) })
}

// byEdit are the verbs that rules give by what an edit changes of a host.
func (r *request) byEdit(in *api.HostEdit) []api.Verb {
	any := func(*search.Term) bool { return true }
	all := r.byGroup(slices.Concat(in.AddGroups, in.RemoveGroups)...)
	if in.Unit != nil {
		all = append(all, r.given("unit", any)...)
	}
	if in.Name != nil {
		all = append(all, r.given("name", any)...)
	}
	return all
}

// given are the verbs of rules that look at a field, and see what they look for.
func (r *request) given(field string, sees func(*search.Term) bool) []api.Verb {
	if r.person.may(api.VerbAdminister).All() {
		return nil
	}
	return r.person.visit.Rules.Named(func(t *search.Term) bool {
		switch {
		case t.Field == nil: // a word is looked for in names too
			return field == "name"
		case t.Of() != nil:
			return t.Of().Name == field
		}
		return t.Field.Name == field && sees(t)
	}, r.person.now)
}
