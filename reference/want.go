package reference

import (
	"slices"
	"strings"

	"muster"
	"muster/version"
)

// A Mode is the kind of a wish.
type Mode int

// Modes. A wish of mode There without bounds is content with any version.
const (
	There    Mode = iota // a version within the bounds
	Absent               // no version within the bounds
	NewestIn             // the newest of the list that [List.NewestOf] names, within the bounds
)

// A Want is the wish for one package.
type Want struct {
	Mode   Mode
	Bounds []Bound // all hold
}

// A Bound is one bound on versions.
type Bound struct {
	Op      version.Op
	Version string
}

func (b Bound) String() string { return string(b.Op) + " " + b.Version }

// MaxBounds bounds the bounds of a wish.
const MaxBounds = 8

var modeWords = [...]string{There: "any", Absent: "absent", NewestIn: "newest"}

// spellings are the operators that are read: ours, and those of Debian and C.
var spellings = map[string]version.Op{
	"<": version.Less, "<<": version.Less, "<=": version.LessEqual, "=": version.Equal, "==": version.Equal,
	">=": version.GreaterEqual, ">": version.Greater, ">>": version.Greater,
}

const operators = "<>="

// ParseWant reads a wish. The empty text is "any".
func ParseWant(s string) (Want, error) {
	var w Want
	if len(s) > MaxBounds*(MaxWord+8) {
		return w, muster.Errorf(muster.Invalid, "a wish of %d bytes", len(s))
	}
	rest := strings.TrimSpace(s)
	for mode, word := range modeWords {
		if after, ok := strings.CutPrefix(rest, word); ok && (after == "" || strings.ContainsAny(after[:1], " "+operators)) {
			w.Mode, rest = Mode(mode), strings.TrimSpace(after)
			if w.Mode == There && rest != "" {
				return Want{}, muster.Errorf(muster.Invalid, "wish %q: any version, and yet bounds", s)
			}
			break
		}
	}
	for rest != "" {
		var part string
		part, rest = cutBound(rest)
		b, err := parseBound(part)
		if err != nil {
			return Want{}, err
		}
		if w.Bounds = append(w.Bounds, b); len(w.Bounds) > MaxBounds {
			return Want{}, muster.Errorf(muster.Invalid, "wish %.60q has more than %d bounds", s, MaxBounds)
		}
	}
	return w, nil
}

// cutBound cuts at the first comma that an operator follows: others belong to
// versions, such as 1.2_1,1 of FreeBSD and "1, 0, 0, 1" of Windows.
func cutBound(s string) (bound, rest string) {
	for i := 0; i < len(s); i++ {
		if s[i] != ',' {
			continue
		}
		after := strings.TrimSpace(s[i+1:])
		if after != "" && strings.Contains(operators, after[:1]) {
			return s[:i], after
		}
	}
	return s, ""
}

func parseBound(s string) (Bound, error) {
	v := strings.TrimLeft(s, operators)
	sign := s[:len(s)-len(v)]
	v = strings.TrimSpace(v)
	op, known := spellings[sign]
	switch {
	case sign == "":
		err := muster.Errorf(muster.Invalid, "wish %.60q has no operator", v)
		return Bound{}, muster.WithHint(err, `write "= %[1]s" for this version alone or ">= %[1]s" for it and later`, v)
	case !known:
		return Bound{}, muster.WithHint(muster.Errorf(muster.Invalid, "unknown operator %.20q", sign), "use <, <=, =, >= or >")
	}
	return Bound{op, v}, checkVersion(v)
}

// checkVersion refuses a version that would not be read back from a wish.
func checkVersion(v string) error {
	if err := checkWord("version", v); err != nil {
		return err
	}
	if _, rest := cutBound(v); rest != "" || strings.Contains(operators, v[:1]) || strings.HasSuffix(v, ",") {
		return muster.Errorf(muster.Invalid, "%q is no version", v)
	}
	return nil
}

func (w Want) String() string {
	var parts []string
	for _, b := range w.Bounds {
		parts = append(parts, b.String())
	}
	bounds := strings.Join(parts, ", ")
	switch {
	case bounds == "":
		return modeWords[w.Mode]
	case w.Mode == There:
		return bounds
	}
	return modeWords[w.Mode] + " " + bounds
}

// check refuses bounds that no version satisfies, where the order is known.
func (w Want) check(order version.Order) error {
	if w.Mode < There || w.Mode > NewestIn || len(w.Bounds) > MaxBounds {
		return muster.Errorf(muster.Invalid, "no such wish")
	}
	for _, b := range w.Bounds {
		if err := checkVersion(b.Version); err != nil {
			return err
		}
		if spellings[string(b.Op)] != b.Op {
			return muster.Errorf(muster.Invalid, "unknown operator %.20q", b.Op)
		}
	}
	for _, l := range w.Bounds {
		for _, u := range w.Bounds {
			if order != nil && l.isLower() && u.isUpper() && l.apart(u, order) {
				return muster.Errorf(muster.Invalid, "no version is both %q and %q", l, u)
			}
		}
	}
	return nil
}

func (b Bound) isLower() bool {
	return b.Op == version.Equal || b.Op == version.GreaterEqual || b.Op == version.Greater
}

func (b Bound) isUpper() bool {
	return b.Op == version.Equal || b.Op == version.LessEqual || b.Op == version.Less
}

// apart reports whether nothing is at or above b and at or below upper.
func (b Bound) apart(upper Bound, order version.Order) bool {
	c := order(b.Version, upper.Version)
	return c > 0 || c == 0 && (b.Op == version.Greater || upper.Op == version.Less)
}

// below reports whether v is older than what b asks for, above whether it is newer.
func (b Bound) below(v string, order version.Order) bool {
	c := order(v, b.Version)
	return b.isLower() && (c < 0 || c == 0 && b.Op == version.Greater)
}

func (b Bound) above(v string, order version.Order) bool {
	c := order(v, b.Version)
	return b.isUpper() && (c > 0 || c == 0 && b.Op == version.Less)
}

// Holds reports whether v is within the bounds.
func (w Want) holds(v string, order version.Order) bool {
	return !slices.ContainsFunc(w.Bounds, func(b Bound) bool { return b.below(v, order) || b.above(v, order) })
}

// judge says how v stands to the wish, and whether it fulfils it. What is above a
// lowest version is ahead and fits; between two bounds it is equal.
func (w Want) judge(v string, order version.Order) (Verdict, bool) {
	if w.Mode == Absent {
		if w.holds(v, order) {
			return Unexpected, false
		}
		return Equal, true
	}
	upper, beyond := false, false
	for _, b := range w.Bounds {
		if b.below(v, order) {
			return Behind, false
		}
	}
	for _, b := range w.Bounds {
		if b.above(v, order) {
			return Ahead, false
		}
		upper = upper || b.isUpper()
		beyond = beyond || order(v, b.Version) > 0
	}
	if beyond && !upper {
		return Ahead, true
	}
	return Equal, true
}
