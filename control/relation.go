package control

import (
	"fmt"
	"strings"

	"muster/version"
)

// MaxName bounds the length of a package name in bytes.
const MaxName = 128

// maxAlternatives bounds the alternatives of one dependency.
const maxAlternatives = 64

// A Relation names packages: one name and the versions meant, printed as
// "age" or "age (>= 1.2, < 2)".
type Relation struct {
	Name       string
	Constraint version.Constraint
}

// ParseRelation reads "name" or "name (bounds)". On command lines "name=1.2",
// "name>=1.2" and so on are read too.
func ParseRelation(s string) (Relation, error) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, "(<>= ")
	if i < 0 {
		return Relation{Name: s}, CheckName(s)
	}
	name, bounds := s[:i], strings.TrimSpace(s[i:])
	if strings.HasPrefix(bounds, "(") {
		inner, ok := strings.CutSuffix(bounds[1:], ")")
		if !ok {
			return Relation{}, fmt.Errorf("relation %q: no closing parenthesis", s)
		}
		if bounds = inner; strings.TrimSpace(bounds) == "" {
			return Relation{}, fmt.Errorf("relation %q: nothing between the parentheses", s)
		}
	}
	if err := CheckName(name); err != nil {
		return Relation{}, fmt.Errorf("relation %q: %w", s, err)
	}
	c, err := version.ParseConstraint(bounds)
	if err != nil {
		return Relation{}, fmt.Errorf("relation %q: %w", s, err)
	}
	return Relation{Name: name, Constraint: c}, nil
}

func (r Relation) String() string {
	if r.Constraint.IsZero() {
		return r.Name
	}
	return r.Name + " (" + r.Constraint.String() + ")"
}

// MarshalText prints r for JSON.
func (r Relation) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText printed.
func (r *Relation) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRelation(string(text))
	return err
}

// A Dependency is satisfied by any one of its alternatives; earlier ones are
// preferred. It is printed as "a | b (>= 2)".
type Dependency []Relation

// ParseDependency reads alternatives separated by bars.
func ParseDependency(s string) (Dependency, error) {
	var d Dependency
	for part := range strings.SplitSeq(s, "|") {
		r, err := ParseRelation(part)
		if err != nil {
			return nil, err
		}
		if d = append(d, r); len(d) > maxAlternatives {
			return nil, fmt.Errorf("dependency of more than %d alternatives", maxAlternatives)
		}
	}
	return d, nil
}

func (d Dependency) String() string {
	parts := make([]string, len(d))
	for i, r := range d {
		parts[i] = r.String()
	}
	return strings.Join(parts, " | ")
}

// MarshalText prints d for JSON.
func (d Dependency) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText printed.
func (d *Dependency) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDependency(string(text))
	return err
}

// CheckName reports why s is not a package name, or nil. A name is of 1 to 128
// characters of [a-z0-9+.~-] and starts with a letter or digit.
func CheckName(s string) error {
	if s == "" {
		return fmt.Errorf("empty package name")
	}
	if len(s) > MaxName {
		return fmt.Errorf("package name of %d bytes is longer than %d", len(s), MaxName)
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || i > 0 && strings.IndexByte("+.~-", c) >= 0 {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			return fmt.Errorf("package name %q has a capital letter; write it in lower case", s)
		}
		return fmt.Errorf("package name %q: character %q is not allowed at position %d", s, c, i+1)
	}
	return nil
}

// splitList splits at commas that are not inside parentheses.
func splitList(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(s[start:]))
}
