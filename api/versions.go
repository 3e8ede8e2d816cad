package api

import (
	"context"
	"net/http"
)

// A Spread is on how many hosts the versions of packages of muster were: of those that
// people chose, of rollouts that went on, and of those that most hosts have, in this order.
type Spread struct {
	Packages []PackageSpread `json:"packages"`
	Chosen   []string        `json:"chosen"` // by people
}

// A PackageSpread is that of one package, by hours of the last two days and by days of the
// last year, the oldest first. A day is as its last hour was. What no server was there to
// count is left out, and so is the time when the package was not among those counted.
type PackageSpread struct {
	Package string        `json:"package"`
	Hours   []SpreadPoint `json:"hours"`
	Days    []SpreadPoint `json:"days"`
}

// A SpreadPoint counts the hosts of a package at one time. A host that has two versions, in
// two places, counts for both.
type SpreadPoint struct {
	Time     int64          `json:"time"`
	Hosts    int            `json:"hosts"`            // that have any version
	Versions map[string]int `json:"versions"`         // those that most hosts have
	Others   int            `json:"others,omitempty"` // hosts of other versions
}

// A SpreadQuery is what GET [RouteVersions] takes.
type SpreadQuery struct {
	Packages []string // none: all that are counted now
	From     int64    // since then
	Limit    int      // so many of all; 0: no limit
}

// Versions says on how many hosts the versions of packages were. Only who may view all
// hosts is told.
func (p *PersonClient) Versions(ctx context.Context, q SpreadQuery) (out Spread, err error) {
	v := query("from", number(q.From), "limit", number(q.Limit))
	if len(q.Packages) > 0 {
		v["package"] = q.Packages
	}
	err = p.get(ctx, RouteVersions, v, &out)
	return out, err
}

// CountVersions has the server count the versions of a package, every day from now on.
func (p *PersonClient) CountVersions(ctx context.Context, name string) error {
	return p.send(ctx, http.MethodPut, at(RouteVersion, name), nil, nil)
}

// LeaveVersions has the server count the versions of a package no more, unless it is in a
// rollout or on many hosts. What was counted stays for its year.
func (p *PersonClient) LeaveVersions(ctx context.Context, name string) error {
	return p.send(ctx, http.MethodDelete, at(RouteVersion, name), nil, nil)
}
