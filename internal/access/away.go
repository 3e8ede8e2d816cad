package access

import (
	"context"

	"muster"
	"muster/api"
	"muster/search"
)

// Away says over which hosts somebody who is away has all of some verbs, for what goes
// on in their name: as [Access.Still] does, Denied where they were disabled or removed.
func (a *Access) Away(ctx context.Context, name string, verbs ...api.Verb) (search.Scope, error) {
	scope := search.Everything()
	p, err := a.Person(ctx, name)
	if muster.KindOf(err) == muster.NotFound || err == nil && p.Disabled {
		return scope, muster.Errorf(muster.Denied, "%q may do nothing here any more", name)
	}
	if err != nil {
		return scope, err
	}
	rules, err := a.Rules(ctx)
	if err != nil {
		return scope, err
	}
	now, c := a.Now(), Caller{Name: p.Name}
	if p.Seen+int64(a.Told.Seconds()) > now.Unix() {
		c.Groups, c.Rights = p.Groups, p.Rights
	}
	for _, v := range verbs {
		may := May(rules, &c, v, now)
		if may.None() {
			return scope, muster.WithHint(muster.Errorf(muster.Denied, "%q has no right to %s any more", name, v), "muster rights test %s %s", name, v)
		}
		scope = scope.And(may)
	}
	return scope, nil
}
