package settings

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"muster"
)

// An Op is what a person may do with a package without being an administrator.
type Op string

// The operations.
const (
	Install Op = "install"
	Remove  Op = "remove"
	Upgrade Op = "upgrade"
)

// A Rule lets people do something with packages. Rules only ever give: where none
// does, an administrator must.
type Rule struct {
	Who      []string      // accounts, "@group", or "*"
	Packages []string      // names with * and ?; "!name" takes out of those before
	Kinds    []muster.Kind // that the rule is about
	May      []Op
	From     string // the package that has it
}

// Rules are those of all packages of kind self-service.
type Rules []Rule

// A Person is a local account, as the operating system knows it: never as the
// person says.
type Person struct {
	User   string   // "alice", `CORP\alice`
	Also   []string // other names of the same account, such as its SID
	Groups []string // without the @
	Fold   bool     // capitals do not count, as on Windows
}

var ruleFields = []string{"who", "packages", "kinds", "may", "comment"}

// readRule reads a stanza.
func readRule(stanza map[string]string) (r Rule, err error) {
	r.Kinds = []muster.Kind{muster.Base, muster.Group}
	r.May = []Op{Install, Remove, Upgrade}
	for name, value := range ordered(stanza) {
		if err := r.set(name, value); err != nil {
			return r, err
		}
	}
	for _, name := range []string{"who", "packages"} {
		if stanza[name] == "" {
			return r, &Error{Field: name, Err: errors.New("missing")}
		}
	}
	return r, nil
}

func (r *Rule) set(name, value string) (err error) {
	if name == "comment" {
		return nil
	}
	if !slices.Contains(ruleFields, name) {
		return unknown(name, ruleFields)
	}
	all, err := list(value)
	switch name {
	case "who":
		r.Who = all
	case "packages":
		r.Packages = all
		err = errors.Join(err, checkGlobs(all))
	case "kinds":
		r.Kinds, err = chosen(all, err, []muster.Kind{muster.Base, muster.Group})
	case "may":
		r.May, err = chosen(all, err, []Op{Install, Remove, Upgrade})
	}
	if err != nil {
		return &Error{Field: name, Err: err}
	}
	return nil
}

// chosen holds a list to what may stand in it.
func chosen[T ~string](texts []string, err error, from []T) (all []T, _ error) {
	for _, s := range texts {
		if !slices.Contains(from, T(s)) {
			return nil, fmt.Errorf("%q is none of %v", s, from)
		}
		all = append(all, T(s))
	}
	return all, err
}

func checkGlobs(list []string) error {
	for _, g := range list {
		g = strings.TrimPrefix(g, "!")
		if strings.Trim(g, "abcdefghijklmnopqrstuvwxyz0123456789+.~-*?") != "" || g == "" {
			return fmt.Errorf("%q is no package name, with * and ? for what is left open", g)
		}
	}
	return nil
}

// ReadRules reads the document of a package of kind self-service; from names it.
// Stanzas that are wrong are skipped and told.
func ReadRules(doc Document, from string) (Rules, []Problem) {
	return readAll(doc, from, func(s map[string]string) (Rule, error) {
		r, err := readRule(s)
		r.From = from
		return r, err
	})
}

func readAll[T any](doc Document, from string, read func(map[string]string) (T, error)) (all []T, problems []Problem) {
	for i, stanza := range doc {
		v, err := read(stanza)
		if err != nil {
			problems = append(problems, Problem{from, err, fmt.Sprintf("%s: stanza %d: %v", from, i+1, err)})
			continue
		}
		all = append(all, v)
	}
	return all, problems
}

// Allow returns the first rule that lets p do op with the package, or nil.
func (rules Rules) Allow(p Person, op Op, name string, kind muster.Kind) *Rule {
	for i := range rules {
		r := &rules[i]
		if slices.Contains(r.May, op) && slices.Contains(r.Kinds, kind) && r.names(name) && r.means(p) {
			return r
		}
	}
	return nil
}

// names reports whether the rule is about the package: the last pattern that
// matches decides.
func (r *Rule) names(name string) (yes bool) {
	for _, g := range r.Packages {
		glob, not := strings.CutPrefix(g, "!")
		if ok, _ := path.Match(glob, name); ok {
			yes = !not
		}
	}
	return yes
}

func (r *Rule) means(p Person) bool { return p.isAmong(r.Who) }

// Covers reports whether some rule lets somebody do something with the package.
func (rules Rules) Covers(name string, kind muster.Kind) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return slices.Contains(r.Kinds, kind) && r.names(name) })
}

// postponeBy reads who may put an upgrade off.
func postponeBy(a *Agent, s string) (err error) {
	if s == "none" {
		a.Postpone = nil
		return nil
	}
	a.Postpone, err = list(s)
	return err
}

// MayPostpone reports whether p may put an upgrade off.
func (a *Agent) MayPostpone(p Person) bool { return p.isAmong(a.Postpone) }

// isAmong reports whether p is meant by accounts, "@group" or "*".
func (p *Person) isAmong(list []string) bool {
	return slices.ContainsFunc(list, func(who string) bool {
		if who == "*" {
			return true
		}
		if group, ok := strings.CutPrefix(who, "@"); ok {
			return slices.ContainsFunc(p.Groups, func(g string) bool { return p.same(g, group) })
		}
		return p.same(p.User, who) || slices.ContainsFunc(p.Also, func(name string) bool { return p.same(name, who) })
	})
}

func (p *Person) same(a, b string) bool { return a == b || p.Fold && strings.EqualFold(a, b) }
