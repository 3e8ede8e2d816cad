package search

import "time"

// A Scope is a set of hosts that somebody may see, change or choose from. The zero
// value has no host in it.
type Scope struct {
	expr *Expr // nil: none, or all
	all  bool
}

// Everything is the scope with every host.
func Everything() Scope { return Scope{all: true} }

// Within is the scope with the hosts that any of the queries means.
func Within(queries ...*Query) Scope {
	var s Scope
	for _, q := range queries {
		if q.All() {
			return Everything()
		}
		s = s.Or(Scope{expr: q.Root()})
	}
	return s
}

// All reports whether every host is in s, because nothing is asked of them.
func (s Scope) All() bool { return s.all }

// None reports whether no host can be in s.
func (s Scope) None() bool { return !s.all && s.expr == nil }

// Expr is what is asked of a host; nil where s is None, or All.
func (s Scope) Expr() *Expr { return s.expr }

// And is the scope with the hosts that are in both.
func (s Scope) And(o Scope) Scope {
	switch {
	case s.None() || o.All():
		return s
	case o.None() || s.All():
		return o
	}
	return Scope{expr: &Expr{Op: And, Of: []*Expr{s.expr, o.expr}}}
}

// Or is the scope with the hosts that are in either.
func (s Scope) Or(o Scope) Scope {
	switch {
	case s.All() || o.None():
		return s
	case o.All() || s.None():
		return o
	}
	return Scope{expr: &Expr{Op: Or, Of: []*Expr{s.expr, o.expr}}}
}

// Match reports whether a host is in s.
func (s Scope) Match(f Facts, now time.Time) bool {
	return s.all || s.expr != nil && s.expr.match(f, now)
}
