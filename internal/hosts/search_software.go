package hosts

import (
	"cmp"
	"slices"
	"strings"

	"muster/search"
)

// software adds the hosts that have software which is what a term says.
func (q *inquiry) software(found hostSet, t *search.Term) {
	if t.Source == "" && t.AnyVersion() && t.Pattern.Like() == "%" {
		found.or(q.stock.any)
		return
	}
	q.stock.matching(t, func(w *ware) { w.find(found) })
}

// matching calls f for the software that a term means.
func (s *stock) matching(t *search.Term, f func(*ware)) {
	is := finder(t.Pattern)
	for _, w := range s.wares {
		if is(w.Name) && t.MatchSoftware(w.Software) {
			f(w)
		}
	}
}

// A shelf is software on a list, and how many hosts have it.
type shelf struct {
	name  string
	num   int64
	hosts int
}

func (s shelf) compare(o shelf) int {
	return cmp.Or(strings.Compare(s.name, o.name), cmp.Compare(s.num, o.num))
}

// shelves are the first software, by name, after a place in the list, of which hosts in
// a scope have any.
func (q *inquiry) shelves(t *search.Term, see search.Scope, after shelf, limit int) []shelf {
	seen := q.scope(see)
	first := leading[shelf]{limit: limit, compare: shelf.compare}
	q.stock.matching(t, func(w *ware) {
		s := shelf{w.Name, w.num, w.n}
		if s.compare(after) <= 0 || first.late(s) {
			return
		}
		if !see.All() {
			s.hosts = w.within(seen)
		}
		if s.hosts > 0 {
			first.add(s)
		}
	})
	return first.sorted()
}

// A leading list keeps the first of what comes in any order.
type leading[T any] struct {
	limit   int
	compare func(a, b T) int
	all     []T
	full    bool // all[limit-1] is the last that counts
}

// late reports whether v is none of them.
func (l *leading[T]) late(v T) bool { return l.full && l.compare(v, l.all[l.limit-1]) >= 0 }

// add adds one that is not late. It sorts now and then only.
func (l *leading[T]) add(v T) {
	if l.all = append(l.all, v); len(l.all) >= 2*l.limit {
		l.sorted()
	}
}

func (l *leading[T]) sorted() []T {
	slices.SortFunc(l.all, l.compare)
	if l.full = len(l.all) >= l.limit; l.full {
		l.all = l.all[:l.limit]
	}
	return l.all
}
