package plan

import (
	"strings"

	"muster"
)

// Unsatisfiable says why a request cannot be met: sentences of which
// none can be left out, from the request down to what stands in the way.
type Unsatisfiable struct {
	Sentences []string
	Hints     []string // what a person can do, best first
	Barred    []int    // [Package.Index] of packages that would do, were they not barred
}

func (u *Unsatisfiable) Error() string { return strings.Join(u.Sentences, "; ") }

// explain turns the contradiction that the solver ended at into an error.
func (e *encoder) explain() error {
	why := e.why()
	err := muster.WithKind(muster.Conflict, why)
	if len(why.Hints) > 0 {
		err = muster.WithHint(err, "%s", strings.Join(why.Hints, "; or "))
	}
	return err
}

// contradiction explains why p has no plan, or returns nil where it has one.
// Quiet leaves out that the request asks for what it asks for.
func contradiction(p *Problem, quiet bool) *Unsatisfiable {
	u, err := newUniverse(p)
	if err != nil {
		return &Unsatisfiable{Sentences: []string{err.Error()}}
	}
	e := newEncoder(u)
	e.demand()
	if e.s.run((&policy{e: e, hasty: true}).pick, 0) {
		return nil
	}
	t := e.story()
	t.quiet = quiet
	return t.tell()
}
