package version

import (
	"strings"

	"muster"
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

// spellings are the operators that ParseConstraint reads.
var spellings = map[string]Op{
	"<": Less, "<<": Less, "<=": LessEqual, "=": Equal, "==": Equal,
	">=": GreaterEqual, ">": Greater, ">>": Greater,
}

const (
	maxBounds     = 8
	maxConstraint = maxBounds * (MaxLen + len(" >= , ")) // bytes
)

// example is the hint of an unreadable constraint.
const example = `write bounds such as "= 1.2", ">= 1.2" or ">= 1.2, < 2~"`

// ParseConstraint reads bounds separated by commas. The empty string is the
// constraint that matches everything. Bounds that contradict each other, so
// that no version can match, are an error.
func ParseConstraint(s string) (Constraint, error) {
	var c Constraint
	if strings.TrimSpace(s) == "" {
		return c, nil
	}
	if len(s) > maxConstraint || strings.Count(s, ",") >= maxBounds {
		return c, muster.Errorf(muster.Invalid, "constraint of more than %d bounds or %d bytes", maxBounds, maxConstraint)
	}
	for part := range strings.SplitSeq(s, ",") {
		b, err := parseBound(strings.TrimSpace(part))
		if err != nil {
			return Constraint{}, muster.Errorf(muster.Invalid, "constraint %q: %w", s, err)
		}
		c.bounds = append(c.bounds, b)
	}
	if lower, upper, found := c.contradiction(); found {
		return Constraint{}, muster.Errorf(muster.Invalid, "constraint %q: no version is both %q and %q", s, lower, upper)
	}
	return c, nil
}

func parseBound(s string) (bound, error) {
	v := strings.TrimLeft(s, "<>=!~^")
	sign := s[:len(s)-len(v)]
	v = strings.TrimSpace(v)
	op, known := spellings[sign]
	switch {
	case s == "":
		return bound{}, muster.WithHint(muster.Errorf(muster.Invalid, "a bound is empty"), "remove a comma")
	case sign == "" && Check(v) == nil:
		return bound{}, muster.WithHint(muster.Errorf(muster.Invalid, "%q has no operator", s),
			`write "= %[1]s" for this version alone or ">= %[1]s" for it and later`, s)
	case sign == "":
		return bound{}, muster.WithHint(muster.Errorf(muster.Invalid, "%q has no operator", s), example)
	case !known:
		return bound{}, muster.WithHint(muster.Errorf(muster.Invalid, "unknown operator %q", sign), example)
	}
	if err := Check(v); err != nil {
		return bound{}, err
	}
	return bound{op, v}, nil
}

// Exactly is the constraint "= v".
func Exactly(v string) Constraint { return Bound(Equal, v) }

// Bound is the constraint of the one bound "op v". The version is not checked,
// so that versions of other systems can be matched with
// [Constraint.MatchOrder].
func Bound(op Op, v string) Constraint {
	return Constraint{bounds: []bound{{op, v}}}
}

func (c Constraint) String() string {
	parts := make([]string, len(c.bounds))
	for i, b := range c.bounds {
		parts[i] = b.String()
	}
	return strings.Join(parts, ", ")
}

func (b bound) String() string { return string(b.op) + " " + b.version }

// IsZero reports whether c matches every version because it has no bound.
func (c Constraint) IsZero() bool { return len(c.bounds) == 0 }

// Mode is how a constraint is meant when a package is chosen.
type Mode int

// The modes of a constraint. Whatever the mode, the newest version that
// matches is preferred; see [Constraint.Select].
const (
	Any      Mode = iota // no bound
	Fixed                // one version of the software: "= 1.2"
	Floating             // the newest at or above: ">= 1.2" or "> 1.2"
	Ranged               // bounded above: "< 2", ">= 1.2, < 2"
)

func (m Mode) String() string {
	names := [...]string{"any", "fixed", "floating", "ranged"}
	if m < 0 || int(m) >= len(names) {
		return "unknown"
	}
	return names[m]
}

// Mode says how c is meant. A bound "=" outweighs all others.
func (c Constraint) Mode() Mode {
	mode := Any
	for _, b := range c.bounds {
		switch b.op {
		case Equal:
			return Fixed
		case Less, LessEqual:
			mode = Ranged
		default:
			mode = max(mode, Floating)
		}
	}
	return mode
}
