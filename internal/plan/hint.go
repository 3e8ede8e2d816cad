package plan

import (
	"fmt"
	"slices"
	"strings"

	"muster/control"
	"muster/version"
)

// hints lists what a person can do about the story, each a sentence
// with a command to type where there is one.
func (t *story) hints() []string {
	var hints []string
	for _, r := range t.rules {
		h := t.hint(r)
		if h != "" && !slices.Contains(hints, h) {
			hints = append(hints, h)
		}
	}
	if len(hints) == 0 && t.missing {
		hints = append(hints, "look for news with 'muster update'")
	}
	return hints
}

func (t *story) hint(r rule) string {
	name := ""
	if r.pkg >= 0 && int(r.pkg) < t.u.size() { // a request concerns no package of its own
		name = t.u.pkg(r.pkg).Name
	}
	switch r.kind {
	case ruleInstall:
		if t.quiet {
			return ""
		}
		return t.hintOther(r.dep[0])
	case ruleKeep:
		return t.hintKeep(t.u.present(name))
	case rulePin:
		return fmt.Sprintf("lift the pin with 'muster unpin %s'", name)
	case ruleHold:
		return fmt.Sprintf("release the hold on %s", name)
	case ruleDown:
		return fmt.Sprintf("go down with 'muster install %s=%s'", name, t.u.pkg(r.pkg).Version)
	case ruleRemove:
		return fmt.Sprintf("do not remove %s", name)
	case ruleWanted:
		return fmt.Sprintf("change what %s assigns", r.by)
	}
	return ""
}

func (t *story) hintKeep(in *Installed) string {
	if in.Held || in.Essential || in.How == Assigned {
		return ""
	}
	return fmt.Sprintf("make way with 'muster remove %s'", in.Name)
}

// hintOther finds whether another version than the one asked for, or none, would do.
func (t *story) hintOther(r control.Relation) string {
	versions, providers := t.u.lookup(r.Name)
	if len(versions)+len(providers) == 0 {
		return "look for news with 'muster update', or for the name with 'muster search " + r.Name + "'"
	}
	if v := t.u.other(r); v != "" && !t.u.isThere(r.Name, v) {
		return fmt.Sprintf("ask for another version with 'muster install %s=%s'", r.Name, v)
	}
	if len(t.u.request.Install) > 1 && len(t.u.asked(r)) > 0 {
		return fmt.Sprintf("do not ask for %s", strings.TrimSpace(r.Name+" "+r.Constraint.String()))
	}
	return ""
}

// isThere reports whether that version is installed.
func (u *universe) isThere(name, v string) bool {
	in := u.present(name)
	return in != nil && in.Version == v
}

// other returns the version that r's name gets if any version of it will do, or
// "" if none will.
func (u *universe) other(r control.Relation) string {
	if r.Constraint.IsZero() {
		return ""
	}
	q := *u.request
	q.Install = slices.Clone(q.Install)
	for i := range q.Install {
		if q.Install[i].Name == r.Name {
			q.Install[i].Constraint = version.Constraint{}
		}
	}
	v := *u
	v.request = &q
	e := newEncoder(&v)
	e.demand()
	if !e.s.run((&policy{e: e}).pick, budget) {
		return ""
	}
	sel := e.selected(e.values())
	for _, id := range v.asked(control.Relation{Name: r.Name}) {
		if sel.has(id) {
			return v.pkg(id).Version
		}
	}
	return ""
}
