package search

// Site reports whether every host of a site is in s. Of a host that reports without an
// agent its site alone decides who may see it: what else a query asks for is not
// certain, and what is not certain, such as that it is not in a group, gives nothing.
func (s Scope) Site(site string) bool {
	if s.expr == nil {
		return s.all
	}
	always, _ := s.expr.ofSite(site)
	return always
}

// ofSite reports whether e is so of every host of a site, and whether it may be of any.
func (e *Expr) ofSite(site string) (always, ever bool) {
	switch e.Op {
	case Is:
		return e.Term.ofSite(site)
	case Not:
		always, ever = e.Of[0].ofSite(site)
		return !ever, !always
	}
	always, ever = e.Op == And, e.Op == And
	for _, o := range e.Of {
		a, b := o.ofSite(site)
		if e.Op == And {
			always, ever = always && a, ever && b
		} else {
			always, ever = always || a, ever || b
		}
	}
	return always, ever
}

func (t *Term) ofSite(site string) (always, ever bool) {
	if t.Field == nil || t.Field.Name != "site" {
		return false, true
	}
	is := t.MatchText(site)
	return is, is
}
