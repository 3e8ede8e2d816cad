package search

import (
	"time"

	"muster/version"
)

// Facts are what is known of one host. A Facts need not copy: callers do not
// change what they are given.
type Facts interface {
	// Texts are the values of a field that is no Count, Size or Time: none where
	// nothing is known.
	Texts(field string) []string
	// Number is the value of a Count, a Size or a Time (Unix seconds).
	Number(field string) (n int64, known bool)
	// Software is what is installed: of "package" by package managers, of "muster"
	// by muster, with what is missing.
	Software(field string) []Software
}

// Match reports whether a host is among those that q means. now is what ages are
// counted from. What is not known of a host compares with nothing.
func (q *Query) Match(f Facts, now time.Time) bool { return q.Root().match(f, now) }

func (e *Expr) match(f Facts, now time.Time) bool {
	switch e.Op {
	case Is:
		return e.Term.match(f, now)
	case Not:
		return !e.Of[0].match(f, now)
	}
	for _, o := range e.Of {
		if o.match(f, now) == (e.Op == Or) {
			return e.Op == Or
		}
	}
	return e.Op == And
}

func (t *Term) match(f Facts, now time.Time) bool {
	if t.Field == nil {
		return t.matchFree(f)
	}
	switch t.Field.Kind {
	case Count, Size, Time:
		n, known := f.Number(t.Field.Name)
		low, high := t.Range(now)
		return known && low <= n && n <= high
	case Package:
		return t.anySoftware(f.Software("package"))
	case Muster, Audit:
		return t.anySoftware(f.Software("muster"))
	case Presence:
		return t.present(f)
	}
	for _, v := range f.Texts(t.Field.Name) {
		if t.MatchText(v) {
			return true
		}
	}
	return false
}

func (t *Term) matchFree(f Facts) bool {
	for _, field := range Free {
		for _, v := range f.Texts(field) {
			if t.MatchText(v) {
				return true
			}
		}
	}
	return false
}

func (t *Term) anySoftware(all []Software) bool {
	for _, s := range all {
		if t.MatchSoftware(s) {
			return true
		}
	}
	return false
}

// MatchText reports whether t, which is a free word, a Word, a Text, a Version or an
// Address, is so of one value. No value is "".
func (t *Term) MatchText(v string) bool {
	switch {
	case v == "":
		return false
	case t.Field != nil && t.Field.Kind == Version:
		return t.holds(t.Cmp, scheme{order: version.Dpkg, packager: "-", first: true}, v)
	case t.network.low.IsValid():
		return t.network.has(v)
	}
	return t.Whole().Match(v)
}

// Whole is the pattern that the whole of a value has to be.
func (t *Term) Whole() Pattern {
	_, literal := t.Pattern.Literal()
	part := t.Field == nil && literal || t.Field != nil && t.Field.Kind == Text && t.Cmp == Has
	if part {
		return t.Pattern.around()
	}
	return t.Pattern
}

func (t *Term) present(f Facts) bool {
	if t.presenceOf == nil {
		for _, s := range f.Software("muster") {
			if s.Audit == t.Status {
				return true
			}
		}
		return false
	}
	switch name := t.presenceOf.Name; t.presenceOf.Kind {
	case Count, Size, Time:
		_, known := f.Number(name)
		return known
	case Package:
		return len(f.Software(name)) > 0
	case Muster, Audit:
		for _, s := range f.Software("muster") {
			if t.presenceOf.Kind == Muster && s.Version != "" || t.presenceOf.Kind == Audit && s.Audit != "" {
				return true
			}
		}
		return false
	default:
		for _, v := range f.Texts(name) {
			if v != "" {
				return true
			}
		}
		return false
	}
}
