package script

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"muster/version"
)

// A Version is a version that scripts compare with < and ==. Its order is that
// of package version, except that missing parts count as zero: 1.2 == 1.2.0.
type Version struct {
	text string
	key  string // text without trailing zero parts
}

var _ starlark.Comparable = (*Version)(nil)

// newVersion takes the first members parts of text; all of them if members is 0.
func newVersion(text string, members int) *Version {
	text = strings.TrimSpace(text)
	upstream := version.Software(text)
	packaging := text[len(upstream):]
	parts := strings.Split(upstream, ".")
	if members > 0 {
		parts, packaging = fit(parts, members), ""
		upstream = strings.Join(parts, ".")
	}
	for len(parts) > 1 && strings.Trim(parts[len(parts)-1], "0") == "" {
		parts = parts[:len(parts)-1]
	}
	return &Version{text: upstream + packaging, key: strings.Join(parts, ".") + packaging}
}

// fit cuts or fills parts to n.
func fit(parts []string, n int) []string {
	for len(parts) < n {
		parts = append(parts, "0")
	}
	return parts[:n]
}

func (v *Version) String() string        { return v.text }
func (v *Version) Type() string          { return "Version" }
func (v *Version) Freeze()               {}
func (v *Version) Truth() starlark.Bool  { return v.text != "" }
func (v *Version) Hash() (uint32, error) { return starlark.String(v.key).Hash() }

// CompareSameType implements starlark.Comparable.
func (v *Version) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	c := version.Compare(v.key, other.(*Version).key)
	switch op {
	case syntax.EQL:
		return c == 0, nil
	case syntax.NEQ:
		return c != 0, nil
	case syntax.LT:
		return c < 0, nil
	case syntax.LE:
		return c <= 0, nil
	case syntax.GT:
		return c > 0, nil
	case syntax.GE:
		return c >= 0, nil
	}
	return false, fmt.Errorf("Version %s Version is not possible", op)
}

func makeVersion(c *invocation) (starlark.Value, error) {
	var text starlark.Value
	var members int
	if err := c.unpack(&text, &members); err != nil {
		return nil, err
	}
	if v, ok := text.(*Version); ok {
		text = starlark.String(v.text)
	}
	s, ok := starlark.AsString(text)
	if !ok || len(s) > version.MaxLen || members < 0 || members > 32 {
		return nil, fmt.Errorf("Version: %s with %d parts is no version", shorten(text.String(), 80), members)
	}
	return newVersion(s, members), nil
}

func (v *Version) less(other *Version) bool { return version.Compare(v.key, other.key) < 0 }
