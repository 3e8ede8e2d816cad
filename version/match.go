package version

import (
	"cmp"
	"strings"
)

// Match reports whether v satisfies every bound in muster's own order. A bound
// without a packaging part speaks of the software alone and is compared
// without the packaging part of v: "= 1.2.1" and "<= 1.2.1" match 1.2.1-3,
// "> 1.2.1" and "< 1.2.1" do not.
//
// Pre-releases take part: "< 2" matches 2~rc1, "< 2~" does not.
func (c Constraint) Match(v string) bool {
	for _, b := range c.bounds {
		w := v
		if b.softwareOnly() {
			w = Software(v)
		}
		if !b.op.holds(Compare(w, b.version)) {
			return false
		}
	}
	return true
}

// MatchOrder reports whether v satisfies every bound in the order given,
// without the leniency of [Constraint.Match].
func (c Constraint) MatchOrder(order Order, v string) bool {
	for _, b := range c.bounds {
		if !b.op.holds(order(v, b.version)) {
			return false
		}
	}
	return true
}

// Select returns the newest of the versions that match, or false where none
// does. Of versions that are equal in the order but differ as strings (1.0 and
// 1.00) it takes the last in byte order, so that the answer does not depend on
// the order of the list.
func (c Constraint) Select(versions []string) (newest string, found bool) {
	for _, v := range versions {
		if !c.Match(v) {
			continue
		}
		if !found || cmp.Or(Compare(v, newest), strings.Compare(v, newest)) > 0 {
			newest, found = v, true
		}
	}
	return newest, found
}

// softwareOnly reports whether b has no packaging part.
func (b bound) softwareOnly() bool { return !strings.Contains(b.version, "-") }

func (op Op) holds(c int) bool {
	switch op {
	case Less:
		return c < 0
	case LessEqual:
		return c <= 0
	case Equal:
		return c == 0
	case GreaterEqual:
		return c >= 0
	}
	return c > 0
}

// contradiction returns two bounds that no version satisfies together. Each
// bound is a half-line of one total order, or for "=" two of them, and between
// two different versions there is always a third; so the bounds of c have a
// version in common exactly when every two of them do.
func (c Constraint) contradiction() (lower, upper bound, found bool) {
	for _, l := range c.bounds {
		for _, u := range c.bounds {
			if l.isLower() && u.isUpper() && disjoint(l, u) {
				return l, u, true
			}
		}
	}
	return bound{}, bound{}, false
}

func (b bound) isLower() bool { return b.op == Equal || b.op == GreaterEqual || b.op == Greater }
func (b bound) isUpper() bool { return b.op == Equal || b.op == LessEqual || b.op == Less }

// disjoint reports whether no version is above lower and below upper.
func disjoint(lower, upper bound) bool {
	l, u := lower.version, upper.version
	if lower.softwareOnly() || upper.softwareOnly() {
		l, u = Software(l), Software(u)
	}
	if c := Compare(l, u); c != 0 {
		return c > 0
	}
	// At the same version a strict bound excludes it; but of ">= 1.2, < 1.2-3"
	// only a strict bound on the whole software would.
	switch {
	case lower.softwareOnly() == upper.softwareOnly():
		return lower.op == Greater || upper.op == Less
	case lower.softwareOnly():
		return lower.op == Greater
	}
	return upper.op == Less
}
