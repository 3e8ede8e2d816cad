package access

import (
	"time"

	"muster/api"
	"muster/search"
)

// Named are the verbs that rules give now over hosts which they find by a term: by a
// group, a unit, a name. Whoever changes which hosts those are changes what people may
// do, themselves among them, and so has to have these verbs there as well.
func (r *Rules) Named(is func(*search.Term) bool, now time.Time) (all []api.Verb) {
	var found set
	for i := range r.list {
		_, g, err := prepare(&r.list[i])
		if err != nil || g.expires != 0 && now.Unix() >= g.expires {
			continue // it gives nothing
		}
		q, err := search.Parse(r.list[i].Hosts)
		if err != nil {
			continue
		}
		q.Terms(func(t *search.Term) {
			if is(t) {
				found |= g.verbs
			}
		})
	}
	for _, v := range api.Verbs() {
		if found.has(bit(v)) {
			all = append(all, v)
		}
	}
	return all
}
