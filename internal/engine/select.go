package engine

import (
	"errors"
	"fmt"
	"slices"

	"muster"
	"muster/internal/plan"
	"muster/search"
	"muster/version"
)

// A selector is an applies-to of a candidate.
type selector struct {
	at   int // number of the candidate
	text string
}

// selecting are the kinds whose applies-to counts, in the order of precedence.
var selecting = []muster.Kind{muster.Profile, muster.Group, muster.Config, muster.SelfService, muster.WSUS}

// Applying lists the packages that the last [Engine.Select] found to apply.
func (e *Engine) Applying() []string { return slices.Clone(e.applies) }

// Select looks which packages apply to a host of which these facts are known, by
// the applies-to of their newest version that may be installed, and has them
// assigned from now on. It keeps their names, so that every command plans as the
// agent does. What is unknown matches nothing: whoever calls this has looked at the
// whole machine before. Of those whose applies-to cannot be read, as by an agent that is
// older than they are, what was found before holds; the error names them. The
// caller has begun.
func (e *Engine) Select(facts search.Facts) error {
	recs, err := e.Root.Installed()
	if err != nil {
		return err
	}
	o, err := e.offered(nil, e.settings(recs))
	if err != nil {
		return err
	}
	var names []string
	var wrong []error
	for _, s := range o.selectors {
		p := &o.packages[s.at]
		if p.Barred != "" || p != o.newest(p.Kind, p.Name) || slices.Contains(names, p.Name) {
			continue
		}
		q, err := search.Parse(s.text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: applies-to: %w", p, err))
		}
		if err == nil && q.Match(facts, e.clock()) || err != nil && slices.Contains(e.applies, p.Name) {
			names = append(names, p.Name)
		}
	}
	if err := e.selectRings(facts, e.clock()); err != nil {
		return err
	}
	slices.Sort(names)
	if !slices.Equal(names, e.applies) {
		if err := save(e.Root, assignedFile{e.assigned, names}); err != nil {
			return err
		}
		e.applies = names
	}
	return muster.WithKind(muster.Invalid, errors.Join(wrong...))
}

// newest is the newest package of that kind and name that may be installed, nil
// where there is none.
func (o *offer) newest(kind muster.Kind, name string) (best *plan.Package) {
	for i := range o.packages {
		p := &o.packages[i]
		if p.Name == name && p.Kind == kind && p.Barred == "" && (best == nil || version.Compare(p.Version, best.Version) > 0) {
			best = p
		}
	}
	return best
}
