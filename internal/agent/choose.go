package agent

import (
	"context"

	"muster/internal/collect"
	"muster/search"
)

// choose finds the packages that apply to this host, by what it last looked like:
// after a look at the machine where the round makes one or there was none yet.
// tell sends what this look found, so that there is no second one.
func (r *round) choose(ctx context.Context) error {
	if r.link == nil {
		return nil
	}
	var err error
	if r.base, err = r.home.base(r.known); err != nil {
		return err
	}
	// Stamps are taken before the look: what changes meanwhile is looked at again.
	if r.stamps, err = collect.Inputs(collectRoot(r.engine)); err != nil {
		return err
	}
	doc := r.base
	if r.Collect || doc == nil {
		if r.found, err = collect.Collect(ctx, collect.Options{Root: collectRoot(r.engine), Now: r.Now()}); err != nil {
			return err
		}
		keepKnown(r.found, r.base, nil)
		doc = r.found.Document
	}
	a := r.assignments(r.home.policy())
	member := search.Membership{ID: r.link.ID, Name: r.link.Identity.Name, Agent: r.Version, Groups: a.Groups, Units: a.Units, Directory: a.Directory}
	return r.engine.Select(search.FactsOf(doc, nil, member))
}
