package plan

import (
	"fmt"
	"slices"
	"strings"

	"muster/control"
)

// absent tells why nothing satisfies r: another version, another platform, or nothing
// at all.
func (u *universe) absent(r control.Relation) string {
	if all := u.barredBy(r); len(all) > 0 {
		return all[0].String() + " " + all[0].Barred
	}
	versions, providers := u.lookup(r.Name)
	var have []string
	for _, id := range versions {
		have = append(have, u.pkg(id).Version)
	}
	switch n := len(have); {
	case n == 1:
		return fmt.Sprintf("only %s %s is available", r.Name, have[0])
	case n > 4:
		return fmt.Sprintf("only %s %s to %s are available", r.Name, have[n-1], have[0])
	case n > 1:
		slices.Reverse(have)
		return fmt.Sprintf("only %s %s are available", r.Name, join(have, "and"))
	case len(providers) > 0:
		return fmt.Sprintf("%s provides %s in no such version", u.pkg(providers[0]), r.Name)
	}
	return "there is no package " + r.Name
}

// barredBy lists the packages that would satisfy r, were they not barred.
func (u *universe) barredBy(r control.Relation) (all []*Package) {
	for _, id := range u.barredOf(r.Name) {
		if p := u.pkg(id); u.rules.Match(r.Constraint, p.Version) {
			all = append(all, p)
		}
	}
	return all
}

func (u *universe) barredOf(name string) []int32 {
	if id, ok := u.pool.names[name]; ok {
		return u.pool.barred[id]
	}
	return nil
}

// show prints d as it is said: "bar >= 2 or baz".
func show(d control.Dependency) string {
	parts := make([]string, len(d))
	for i, r := range d {
		parts[i] = strings.TrimSpace(r.Name + " " + r.Constraint.String())
	}
	return join(parts, "or")
}

// join is "a", "a and b", "a, b and c".
func join(parts []string, word string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " " + word + " " + parts[n-1]
	}
	return strings.Join(parts, "")
}
