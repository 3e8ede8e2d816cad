package plan

import (
	"fmt"
	"slices"

	"muster/control"
)

// maxSentences bounds an explanation.
const maxSentences = 12

// A story tells a minimal set of contradicting rules in sentences: first
// what is asked for, then what that needs, then what stands in the way.
type story struct {
	e         *encoder
	u         *universe
	rules     []rule
	bars      map[int32]rule // by package: why it may not be chosen
	told      map[string]bool
	sentences []string
	subjects  map[int32]bool // packages that a sentence begins with
	missing   bool           // something is not available
	barred    []int          // what would be, were it not barred
	quiet     bool           // leave out what is asked for: the reader asked it
}

func newStory(e *encoder, rules []rule) *story {
	t := &story{e: e, u: e.u, rules: rules, bars: map[int32]rule{}, told: map[string]bool{}, subjects: map[int32]bool{}}
	for _, r := range rules {
		switch r.kind {
		case ruleRemove, ruleHold, rulePin, ruleDown:
			t.bars[r.pkg] = r
		case ruleDepends:
			t.subjects[r.pkg] = true
		case ruleClash:
			t.subjects[r.pkg], t.subjects[r.other] = true, true
		}
	}
	return t
}

func (t *story) tell() *Unsatisfiable {
	for _, r := range t.rules {
		switch r.kind {
		case ruleInstall, ruleWanted, ruleKeep:
			t.tellDemand(r)
		}
	}
	t.tellNeeds()
	for _, r := range t.rules {
		switch r.kind {
		case ruleClash:
			t.tellClash(r)
		case ruleSame:
			t.say("only one version of " + t.u.pkg(r.pkg).Name + " can be installed at a time")
		case ruleRemove, ruleHold, rulePin, ruleDown:
			t.say(t.bar(r))
		}
	}
	if n := len(t.sentences); n > maxSentences {
		t.sentences = append(t.sentences[:maxSentences], fmt.Sprintf("and for %d more reasons", n-maxSentences))
	}
	return &Unsatisfiable{Sentences: t.sentences, Hints: t.hints(), Barred: t.barred}
}

func (t *story) say(s string) {
	if !t.told[s] {
		t.told[s] = true
		t.sentences = append(t.sentences, s)
	}
}

// tellDemand tells what the request, an assignment or an installed package demands.
func (t *story) tellDemand(r rule) {
	switch r.kind {
	case ruleKeep:
		t.say(t.keep(r))
	case ruleInstall:
		ids := t.u.asked(r.dep[0])
		if t.quiet {
			return // what bars it is told by itself
		}
		if rest := t.obstacle(r.dep, ids); rest != "" || !t.covered(ids) {
			t.say(show(r.dep) + " is asked for" + rest)
		}
	case ruleWanted:
		t.say(show(r.dep) + " is assigned by " + r.by + t.obstacle(r.dep, t.u.asked(r.dep[0])))
	}
}

// covered reports whether each of ids begins another sentence.
func (t *story) covered(ids []int32) bool {
	return !slices.ContainsFunc(ids, func(id int32) bool { return !t.subjects[id] })
}

// keep tells why an installed package may not go.
func (t *story) keep(r rule) string {
	in := t.u.present(t.u.pkg(r.pkg).Name)
	s := in.Package.String()
	switch {
	case in.Held:
		return s + " is held"
	case in.Essential:
		return s + " is essential"
	case in.How == Explicit:
		return s + " is installed on request"
	case in.How == Assigned:
		return s + " is assigned by " + in.By
	}
	return s + " is installed"
}

// tellNeeds tells the dependencies, those of the versions of one name
// in one sentence where they are the same.
func (t *story) tellNeeds() {
	type key struct{ name, dep string }
	groups := map[key][]rule{}
	var order []key
	for _, r := range t.rules {
		if r.kind == ruleDepends {
			k := key{t.u.pkg(r.pkg).Name, r.dep.String()}
			if groups[k] == nil {
				order = append(order, k)
			}
			groups[k] = append(groups[k], r)
		}
	}
	for _, k := range order {
		list := groups[k]
		verb := " needs "
		if len(list) > 1 {
			verb = " need "
		}
		d := list[0].dep
		t.say(t.versions(list) + verb + show(d) + t.obstacle(d, t.matching(d)))
	}
}

func (t *story) matching(d control.Dependency) []int32 {
	var ids []int32
	for _, r := range d {
		ids = append(ids, t.u.matching(r)...)
	}
	return ids
}

// versions is such as "foo 1, 2 and 3", oldest first.
func (t *story) versions(list []rule) string {
	p := t.u.pkg(list[0].pkg)
	names := make([]string, 0, len(list))
	for _, r := range list {
		names = append(names, t.u.pkg(r.pkg).Version)
	}
	slices.SortFunc(names, t.u.rules.Order)
	if n := len(names); n > 4 {
		return fmt.Sprintf("%s %s to %s (%d versions)", p.Name, names[0], names[n-1], n)
	}
	return p.Name + " " + join(names, "and")
}

// obstacle is what is wrong with every one of ids, which would satisfy d, as the
// end of a sentence; empty if that is told elsewhere.
func (t *story) obstacle(d control.Dependency, ids []int32) string {
	if len(ids) == 0 {
		return ", but " + t.absent(d)
	}
	var why []string
	for _, id := range ids {
		r, barred := t.bars[id]
		if !barred {
			return ""
		}
		if s := t.bar(r); !slices.Contains(why, s) {
			why = append(why, s)
		}
	}
	for _, s := range why {
		t.told[s] = true
	}
	return ", but " + join(why, "and")
}

// bar tells why one version may not be chosen.
func (t *story) bar(r rule) string {
	p := t.u.pkg(r.pkg)
	switch r.kind {
	case ruleRemove:
		return p.Name + " is to be removed"
	case ruleHold:
		return fmt.Sprintf("%s is held", &t.u.present(p.Name).Package)
	case rulePin:
		return fmt.Sprintf("%s is pinned to %s", p.Name, t.u.pins[p.Name])
	}
	return fmt.Sprintf("%s is installed and goes down only if one version is asked for", &t.u.present(p.Name).Package)
}

func (t *story) tellClash(r rule) {
	a, b := t.u.pkg(r.pkg), t.u.pkg(r.other)
	s := fmt.Sprintf("%s and %s cannot be installed together: %s conflicts with %s", a, b, a, show(r.dep))
	if !t.u.rules.names(r.dep[0], b) {
		s += ", which " + b.Name + " provides"
	}
	t.say(s)
}

// absent tells why nothing satisfies d.
func (t *story) absent(d control.Dependency) string {
	t.missing = true
	var parts []string
	for _, r := range d {
		parts = append(parts, t.u.absent(r))
		for _, p := range t.u.barredBy(r) {
			t.barred = append(t.barred, p.Index)
		}
	}
	return join(parts, "and")
}
