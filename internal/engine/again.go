package engine

import (
	"slices"

	"muster/control"
	"muster/internal/plan"
)

// again adds what people asked for and is missing, as far as it can be had beside
// the rest, and returns sentences about what cannot.
func again(p plan.Answered, missing []control.Relation) (_ plan.Answered, skipped []error) {
	if len(missing) == 0 {
		return p, nil
	}
	q := p.Problem
	q.Request.Install = append(slices.Clip(p.Request.Install), missing...)
	if a, err := q.Answer(); err == nil {
		return a, nil
	}
	for _, rel := range missing {
		q.Request.Install = append(slices.Clip(p.Request.Install), rel)
		a, err := q.Answer()
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		p = a
	}
	return p, skipped
}
