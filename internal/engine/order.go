package engine

import (
	"errors"
	"slices"

	"muster/control"
	"muster/internal/plan"
)

// inOrder makes of a problem that contradicts itself one that does not: in an
// upgrade what people chose gives way to assignments, and assignments to those
// before them. It returns the assignments that are left out, and why.
func inOrder(p plan.Problem) (plan.Problem, []plan.Unmet, error) {
	all := p.Request.Wanted
	if len(all) == 0 || solvable(p) {
		return p, nil, nil
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
		return p, nil, err // it is not for the assignments
	}
	p, unmet, err := admit(p, all)
	asked.Wanted = p.Request.Wanted
	p.Request = asked
	if err == nil && asked.UpgradeAll {
		p = keepChosen(p, chosen)
	}
	return p, unmet, err
}

func solvable(p plan.Problem) bool {
	p.Request.SkipUnmet = false
	_, err := plan.Solve(p)
	return err == nil
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
func keepChosen(p plan.Problem, chosen plan.State) plan.Problem {
	q := p
	if q.State = chosen; solvable(q) {
		return q
	}
	var kept []string
	for _, in := range chosen.Installed {
		if in.How != plan.Explicit {
			continue
		}
		more := append(slices.Clip(kept), in.Name)
		if q.State = yielding(chosen, more); solvable(q) {
			kept = more
		}
	}
	p.State = yielding(chosen, kept)
	return p
}

// again adds what people asked for and is missing, as far as it can be had beside
// the rest, and returns sentences about what cannot.
func again(p plan.Problem, missing []control.Relation) (_ plan.Problem, skipped []error) {
	q := p
	q.Request.Install = append(slices.Clip(p.Request.Install), missing...)
	if solvable(q) {
		return q, nil
	}
	for _, rel := range missing {
		q.Request.Install = append(slices.Clip(p.Request.Install), rel)
		if _, err := plan.Solve(q); err != nil {
			skipped = append(skipped, err)
			continue
		}
		p = q
	}
	return p, skipped
}
