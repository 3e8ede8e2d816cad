package version

import (
	"fmt"
	"strings"
)

// A Constraint is a conjunction of bounds, printed as ">= 1.2, < 2". The zero
// value matches every version.
type Constraint struct {
	bounds []bound
}

type bound struct {
	op      Op
	version string
}

// Op is a comparison operator.
type Op string

// The operators. [ParseConstraint] also reads the Debian spellings << and >>
// and the spelling == of WAPT.
const (
	Less         Op = "<"
	LessEqual    Op = "<="
	Equal        Op = "="
	GreaterEqual Op = ">="
	Greater      Op = ">"
)

// Mode is how a constraint is meant when a package is chosen.
type Mode int

// The modes of a constraint. Whatever the mode, the newest version that
// matches is preferred.
const (
	Any      Mode = iota // no bound
	Fixed                // exactly one version: "= 1.2"
	Floating             // the newest at or above: ">= 1.2" or "> 1.2"
	Ranged               // bounded above: "< 2", ">= 1.2, < 2"
)

// maxBounds limits the bounds of one constraint.
const maxBounds = 8

// ParseConstraint reads bounds separated by commas. The empty string is the
// constraint that matches everything.
func ParseConstraint(s string) (Constraint, error) {
	var c Constraint
	if strings.TrimSpace(s) == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		b, err := parseBound(strings.TrimSpace(part))
		if err != nil {
			return Constraint{}, fmt.Errorf("constraint %q: %w", s, err)
		}
		if c.bounds = append(c.bounds, b); len(c.bounds) > maxBounds {
			return Constraint{}, fmt.Errorf("constraint of more than %d bounds", maxBounds)
		}
	}
	return c, nil
}

func parseBound(s string) (bound, error) {
	n := 0
	for n < len(s) && strings.IndexByte("<>=", s[n]) >= 0 {
		n++
	}
	v := strings.TrimSpace(s[n:])
	var op Op
	switch s[:n] {
	case "<", "<<":
		op = Less
	case "<=":
		op = LessEqual
	case "=", "==":
		op = Equal
	case ">=":
		op = GreaterEqual
	case ">", ">>":
		op = Greater
	case "":
		return bound{}, fmt.Errorf("%q has no operator; write one of = < <= > >=", s)
	default:
		return bound{}, fmt.Errorf("unknown operator %q; write one of = < <= > >=", s[:n])
	}
	if err := Check(v); err != nil {
		return bound{}, err
	}
	return bound{op, v}, nil
}

// Exactly is the constraint "= v".
func Exactly(v string) Constraint { return Bound(Equal, v) }

// Bound is the constraint of the one bound "op v".
func Bound(op Op, v string) Constraint {
	return Constraint{bounds: []bound{{op, v}}}
}

func (c Constraint) String() string {
	parts := make([]string, len(c.bounds))
	for i, b := range c.bounds {
		parts[i] = string(b.op) + " " + b.version
	}
	return strings.Join(parts, ", ")
}

// IsZero reports whether c matches every version because it has no bound.
func (c Constraint) IsZero() bool { return len(c.bounds) == 0 }

// Mode says how c is meant.
func (c Constraint) Mode() Mode {
	mode := Any
	for _, b := range c.bounds {
		switch b.op {
		case Equal:
			return Fixed
		case Less, LessEqual:
			mode = Ranged
		default:
			if mode == Any {
				mode = Floating
			}
		}
	}
	return mode
}

// Match reports whether v satisfies every bound in muster's own order. A bound
// without a packaging part is compared without that of v: "= 1.2.1" and
// "<= 1.2.1" match 1.2.1-3, "> 1.2.1" does not.
func (c Constraint) Match(v string) bool {
	for _, b := range c.bounds {
		w := v
		if !strings.Contains(b.version, "-") {
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
