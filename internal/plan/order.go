package plan

import (
	"errors"
	"slices"
)

// An Answered is a problem with its plan; without one where nobody has
// solved it as it stands. To solve is most of what planning costs, and the same
// problem has the same plan.
type Answered struct {
	Problem
	Plan *Plan
}

// Answer solves a problem.
func (p Problem) Answer() (Answered, error) {
	made, err := Solve(p)
	return Answered{p, made}, err
}

// InOrder makes of a problem that contradicts itself one that does not: in an
// upgrade what people chose gives way to assignments, and assignments to those
// before them. It returns the assignments that are left out, and why.
func InOrder(p Problem) (Answered, []Unmet, error) {
	all := p.Request.Wanted
	if len(all) == 0 {
		return Answered{Problem: p}, nil, nil
	}
	if a, err := p.Answer(); err == nil {
		return a, nil, nil
	}
	asked, chosen := p.Request, p.State
	switch {
	case asked.UpgradeAll:
		p.State = yielding(chosen, nil)
	case !asked.Force:
		// What is assigned holds against what a person asks for now: without the request
		// only those are left out that could not be had anyway.
		p.Request = Request{}
	}
	p.Request.Wanted = nil
	if _, err := Solve(p); err != nil {
		return Answered{Problem: p}, nil, err // it is not for the assignments
	}
	p, unmet, err := admit(p, all)
	asked.Wanted = p.Request.Wanted
	p.Request = asked
	if err == nil && asked.UpgradeAll {
		return keepChosen(p, chosen), unmet, nil
	}
	return Answered{Problem: p}, unmet, err
}

// admit adds assignments, each unless it cannot be had beside those before it.
func admit(p Problem, all []Wanted) (Problem, []Unmet, error) {
	var unmet []Unmet
	for n := 0; len(all) > 0; all = all[n:] {
		w := all[0]
		for n = 1; n < len(all) && all[n].By == w.By; {
			n++ // what goes down for it
		}
		q := p
		q.Request.Wanted = append(slices.Clip(p.Request.Wanted), all[:n]...)
		_, err := Solve(q)
		var why *Unsatisfiable
		switch {
		case err == nil:
			p = q
		case errors.As(err, &why):
			unmet = append(unmet, Unmet{Wanted: w, Err: why})
		default:
			return p, nil, err
		}
	}
	return p, unmet, nil
}

// yielding is s with what people chose, but for those names, as if something else
// had needed it: it may go.
func yielding(s State, but []string) State {
	s.Installed = slices.Clone(s.Installed)
	for i := range s.Installed {
		in := &s.Installed[i]
		if in.How == Explicit && !slices.Contains(but, in.Name) {
			in.How = Implicit
		}
	}
	return s
}

// keepChosen protects what people chose again, as far as the assignments that p
// has let it.
func keepChosen(p Problem, chosen State) Answered {
	q := p
	q.State = chosen
	if a, err := q.Answer(); err == nil {
		return a
	}
	var kept []string
	for _, in := range chosen.Installed {
		if in.How != Explicit {
			continue
		}
		more := append(slices.Clip(kept), in.Name)
		q.State = yielding(chosen, more)
		if _, err := Solve(q); err == nil {
			kept = more
		}
	}
	p.State = yielding(chosen, kept)
	return Answered{Problem: p}
}
