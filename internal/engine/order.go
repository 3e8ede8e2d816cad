package engine

import (
	"errors"
	"slices"

	"muster/control"
	"muster/internal/plan"
)

// An answered problem is a problem with its plan; without one where nobody has
// solved it as it stands. To solve is most of what planning costs, and the same
// problem has the same plan.
type answered struct {
	plan.Problem
	plan *plan.Plan
}

func answer(p plan.Problem) (answered, error) {
	made, err := plan.Solve(p)
	return answered{p, made}, err
}

// inOrder makes of a problem that contradicts itself one that does not: in an
// upgrade what people chose gives way to assignments, and assignments to those
// before them. It returns the assignments that are left out, and why.
func inOrder(p plan.Problem) (answered, []plan.Unmet, error) {
	all := p.Request.Wanted
	if len(all) == 0 {
		return answered{Problem: p}, nil, nil
	}
	if a, err := answer(p); err == nil {
		return a, nil, nil
	}
	asked, chosen := p.Request, p.State
	switch {
	case asked.UpgradeAll:
		p.State = yielding(chosen, nil)
	case !asked.Force:
		// What is assigned holds against what a person asks for now: without the request
		// only those are left out that could not be had anyway.
		p.Request = plan.Request{}
	}
	p.Request.Wanted = nil
	if _, err := plan.Solve(p); err != nil {
		return answered{Problem: p}, nil, err // it is not for the assignments
	}
	p, unmet, err := admit(p, all)
	asked.Wanted = p.Request.Wanted
	p.Request = asked
	if err == nil && asked.UpgradeAll {
		return keepChosen(p, chosen), unmet, nil
	}
	return answered{Problem: p}, unmet, err
}

// admit adds assignments, each unless it cannot be had beside those before it.
func admit(p plan.Problem, all []plan.Wanted) (plan.Problem, []plan.Unmet, error) {
	var unmet []plan.Unmet
	for n := 0; len(all) > 0; all = all[n:] {
		w := all[0]
		for n = 1; n < len(all) && all[n].By == w.By; {
			n++ // what goes down for it
		}
		q := p
		q.Request.Wanted = append(slices.Clip(p.Request.Wanted), all[:n]...)
		_, err := plan.Solve(q)
		var why *plan.Unsatisfiable
		switch {
		case err == nil:
			p = q
		case errors.As(err, &why):
			unmet = append(unmet, plan.Unmet{Wanted: w, Err: why})
		default:
			return p, nil, err
		}
	}
	return p, unmet, nil
}

// yielding is s with what people chose, but for those names, as if something else
// had needed it: it may go.
func yielding(s plan.State, but []string) plan.State {
	s.Installed = slices.Clone(s.Installed)
	for i := range s.Installed {
		in := &s.Installed[i]
		if in.How == plan.Explicit && !slices.Contains(but, in.Name) {
			in.How = plan.Implicit
		}
	}
	return s
}

// keepChosen protects what people chose again, as far as the assignments that p
// has let it.
func keepChosen(p plan.Problem, chosen plan.State) answered {
	q := p
	q.State = chosen
	if a, err := answer(q); err == nil {
		return a
	}
	var kept []string
	for _, in := range chosen.Installed {
		if in.How != plan.Explicit {
			continue
		}
		more := append(slices.Clip(kept), in.Name)
		q.State = yielding(chosen, more)
		if _, err := plan.Solve(q); err == nil {
			kept = more
		}
	}
	p.State = yielding(chosen, kept)
	return answered{Problem: p}
}

// again adds what people asked for and is missing, as far as it can be had beside
// the rest, and returns sentences about what cannot.
func again(p answered, missing []control.Relation) (_ answered, skipped []error) {
	if len(missing) == 0 {
		return p, nil
	}
	q := p.Problem
	q.Request.Install = append(slices.Clip(p.Request.Install), missing...)
	if a, err := answer(q); err == nil {
		return a, nil
	}
	for _, rel := range missing {
		q.Request.Install = append(slices.Clip(p.Request.Install), rel)
		a, err := answer(q)
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		p = a
	}
	return p, skipped
}
