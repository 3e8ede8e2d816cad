package access

import (
	"slices"
	"time"

	"muster/api"
)

// Overview says what [May] answers for every verb, for people: over which hosts, and
// by which rules.
func Overview(r *Rules, c *Caller, now time.Time) []api.Right {
	all := []api.Right{}
	for _, v := range api.Verbs() {
		if May(r, c, v, now).None() {
			continue
		}
		var whos []who
		c.whos(func(w who) { whos = append(whos, w) })
		right := r.right(v, whos, now)
		if c.Token != "" {
			right = both(right, r.right(v, []who{{'t', c.Token}}, now))
		}
		all = append(all, right)
	}
	return all
}

// right is what some names have together of a verb.
func (r *Rules) right(v api.Verb, whos []who, now time.Time) api.Right {
	out := api.Right{Verb: v}
	for i := range r.list {
		l := &r.list[i]
		w, g, err := prepare(l)
		if err != nil || !g.verbs.has(bit(v)) || !slices.Contains(whos, w) || l.Expires != 0 && now.Unix() >= l.Expires {
			continue
		}
		out.Rules = append(out.Rules, l.ID)
		if out.All = out.All || g.scope.All(); !g.scope.All() {
			out.Hosts = append(out.Hosts, l.Hosts)
		}
	}
	if out.All {
		out.Hosts = nil
	}
	return out
}

// both is what is in two rights of one verb.
func both(a, b api.Right) api.Right {
	out := api.Right{Verb: a.Verb, All: a.All && b.All, Rules: slices.Concat(a.Rules, b.Rules)}
	switch {
	case a.All:
		out.Hosts = b.Hosts
	case b.All:
		out.Hosts = a.Hosts
	default:
		for _, x := range a.Hosts {
			for _, y := range b.Hosts {
				out.Hosts = append(out.Hosts, "("+x+") ("+y+")")
			}
		}
	}
	return out
}
