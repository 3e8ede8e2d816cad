package plan

import (
	"fmt"
	"slices"
	"strings"

	"muster/control"
	"muster/version"
)

// maxRefused bounds the versions that [WhyNot] looks into.
const maxRefused = 5

// An Answer says why a package is not there, or not newer.
type Answer struct {
	// Possible reports that a plan exists: nothing stands in the way but asking.
	Possible  bool
	Sentences []string
	Hints     []string
}

// WhyNot says why nothing that r names is installed or, where something is,
// why not a newer version. It takes p's pool, state and assignments, and asks what
// an installation would come up against.
func WhyNot(p Problem, r control.Relation) (*Answer, error) {
	p.Request = Request{Wanted: p.Request.Wanted, Install: []control.Relation{r}}
	u, err := newUniverse(&p)
	if err != nil {
		return nil, err
	}
	a := &Answer{}
	in := p.State.find(r.Name)
	if in != nil && !u.rules.Match(r.Constraint, in.Version) {
		a.Sentences = append(a.Sentences, in.Package.String()+" is installed")
	}
	ids := u.wished(r, in)
	if len(ids) == 0 {
		a.none(u, r, in)
		return a, nil
	}
	for _, id := range ids[:min(len(ids), maxRefused)] {
		if a.weigh(&p, u.pkg(id)); a.Possible {
			break
		}
	}
	return a, nil
}

// wished lists the versions that r means and that are not there, newest first,
// barred ones too; only newer ones where what is installed matches r.
func (u *universe) wished(r control.Relation, in *Installed) []int32 {
	ids := slices.Concat(u.barredOf(r.Name), u.asked(r))
	fine := in != nil && u.rules.Match(r.Constraint, in.Version)
	ids = slices.DeleteFunc(ids, func(id int32) bool {
		p := u.pkg(id)
		return p.Name == r.Name && !u.rules.Match(r.Constraint, p.Version) || u.isCurrent(id) ||
			fine && u.rules.Order(p.Version, in.Version) <= 0
	})
	u.sort(ids)
	return ids
}

// none says that there is nothing better than what is installed, or nothing at all.
func (a *Answer) none(u *universe, r control.Relation, in *Installed) {
	if in != nil && u.rules.Match(r.Constraint, in.Version) {
		a.Possible = true
		a.Sentences = append(a.Sentences, fmt.Sprintf("%s is installed, and no newer version is available", &in.Package))
		return
	}
	for _, id := range u.asked(r) {
		if u.isCurrent(id) {
			a.Possible = true
			a.Sentences = append(a.Sentences, fmt.Sprintf("%s is installed and provides %s", u.pkg(id), r.Name))
			return
		}
	}
	a.Sentences = append(a.Sentences, u.absent(r))
	a.Hints = append(a.Hints, "look for news with 'muster update'")
}

// weigh finds what stands against the version that want is.
func (a *Answer) weigh(p *Problem, want *Package) {
	if want.Barred != "" {
		a.add(nil, want.String()+" "+want.Barred)
		return
	}
	q := *p
	q.Request.Install = []control.Relation{{Name: want.Name, Constraint: version.Exactly(want.Version)}}
	why := contradiction(&q, true)
	if why == nil {
		a.Possible = true
		a.add([]string{fmt.Sprintf("install it with 'muster install %s=%s'", want.Name, want.Version)},
			want.String()+" can be installed")
		return
	}
	a.add(why.Hints, fmt.Sprintf("%s cannot be installed: %s", want, strings.Join(why.Sentences, "; ")))
}

func (a *Answer) add(hints []string, sentence string) {
	a.Sentences = append(a.Sentences, sentence)
	for _, h := range hints {
		if !slices.Contains(a.Hints, h) {
			a.Hints = append(a.Hints, h)
		}
	}
}
