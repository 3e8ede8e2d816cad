package agent

import (
	"context"
	"reflect"

	"muster"
	"muster/api"
	"muster/internal/engine"
	"muster/settings"
)

// assignments are what the host is counted among after the policy p.
func (r *round) assignments(p *api.Policy) engine.Assignments {
	a := engine.Assignments{Host: r.link.ID}
	if !r.NoMemberships {
		a.Units, a.Groups, a.Directory = p.Units, p.Groups, p.Directory
	}
	return a
}

// news looks for news in the repositories: also for the packages of a unit that
// the host has just come into.
func (r *round) news(ctx context.Context) {
	if r.link != nil {
		// Who types a command has not read the settings.
		if layers, err := r.engine.Layers(); err == nil {
			s, _, _ := settings.Resolve(layers)
			r.NoMemberships = r.NoMemberships || s.Memberships == "none"
		}
		if a := r.assignments(r.home.policy()); !reflect.DeepEqual(a, r.engine.Assignments()) {
			all, err := r.engine.Assign(ctx, a)
			r.heard(all, err)
			// Where the server says something that names nothing, the rest goes on.
			if muster.KindOf(err) != muster.Invalid {
				return
			}
		}
	}
	if r.Update {
		r.heard(r.engine.Update(ctx))
	}
}

func (r *round) heard(all []engine.Updated, err error) {
	r.fail(err)
	for _, u := range all {
		r.out.Stale = r.out.Stale || u.Stale
	}
}
