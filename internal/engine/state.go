package engine

import (
	"slices"

	"muster/control"
	"muster/index"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/internal/repo"
	"muster/version"
)

// state is what planning sees of the root, of which recs are all records.
func (e *Engine) state(recs []*install.Record) (plan.State, *install.Wishes, error) {
	wishes, err := e.Root.Wishes()
	if err != nil {
		return plan.State{}, nil, err
	}
	s := plan.State{Pins: map[string]version.Constraint{}}
	for _, rec := range recs {
		in := plan.Installed{Package: plan.FromControl(&rec.Control, e.Root.Config.Platform), How: plan.Implicit}
		in.Barred = "" // it is there
		in.Repo = rec.Repo
		if wishes.IsWanted(rec.Control.Name) {
			in.How = plan.Explicit
		} else if by := wishes.AssignedBy(rec.Control.Name); by != "" {
			in.How, in.By = plan.Assigned, by
		}
		s.Installed = append(s.Installed, in)
	}
	for _, pin := range wishes.Pins {
		s.Pins[pin.Name] = pin.Constraint
	}
	return s, wishes, nil
}

// missing lists what was asked for and is not there: a change of it failed.
func missing(s plan.State, w *install.Wishes) []control.Relation {
	there := map[string]bool{}
	for _, in := range s.Installed {
		there[in.Name] = true
	}
	var all []control.Relation
	for _, rel := range w.Wanted {
		if !there[rel.Name] {
			all = append(all, rel)
		}
	}
	return all
}

// Names lists the names of all available packages, sorted.
func (e *Engine) Names() (all []string, err error) {
	err = e.eachIndex(func(_ *repo.Client, x *index.Index) {
		for _, outline := range x.Outlines() {
			all = append(all, outline.Name)
		}
	})
	slices.Sort(all)
	return slices.Compact(all), err
}
