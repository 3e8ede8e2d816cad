package api

import (
	"context"
	"net/http"
)

// Routes of references. What is answered is of the sites that the asker may see; a list
// for none of these is not there.
const (
	RouteReferences       = "/api/v1/references"                     // GET, person: [ReferencePage]
	RouteReference        = "/api/v1/references/{name}"              // GET, person: ?revision=N -> [ReferenceDetail]; PUT: [ReferencePut] -> [Reference]; DELETE
	RouteReferenceCompare = "/api/v1/references/{name}/compare"      // GET, person: [ReferenceQuery] -> [ReferenceComparison]
	RouteReferenceHost    = "/api/v1/references/{name}/hosts/{host}" // GET, person: number of a host, ?at=T -> [ReferenceReport]
	RouteReferenceTrend   = "/api/v1/references/{name}/trend"        // GET, person: ?from=T&to=T -> [ReferenceDays]
	RoutePatched          = "/api/v1/patched"                        // GET, person: [PatchedQuery] -> [ReferencePatching]
)

// MaxReference bounds the body of a [ReferencePut].
const MaxReference = 4 << 20

// ReferenceQuery asks how hosts stand to a list. It travels as the query of the URL.
type ReferenceQuery struct {
	By      string  // [ReferenceByHost], [ReferenceBySite] or [ReferenceByPackage]
	Site    *string // "" are hosts under agents; nil: all
	Verdict string  // only what has it; "unfit": what is not as wanted
	Package string  // only the rows of this name, or this unexpected package
	Manager *string // only those rows that say this of their manager; nil: whatever they say
	Arch    *string
	Cursor  string
	Limit   int // 500 where it is 0
}

// PatchedQuery asks how fast a version came to hosts. It travels as the query of the URL.
type PatchedQuery struct {
	Name          string // of a package, or "source:openssl"
	Manager, Arch string
	Want          string // ">= 3.0.17-1~deb12u3"
	Systems       []string
	Sites         []string
	From          int64 // since when the version is there to be had
	Days          int   // 30 where it is 0
}

// References lists the lists of wanted versions.
func (p *PersonClient) References(ctx context.Context) (out ReferencePage, err error) {
	err = p.get(ctx, RouteReferences, nil, &out)
	return out, err
}

// Reference tells all about a list; revision 0 is the newest.
func (p *PersonClient) Reference(ctx context.Context, name string, revision int64) (out ReferenceDetail, err error) {
	err = p.get(ctx, at(RouteReference, name), query("revision", number(revision)), &out)
	return out, err
}

// PutReference makes or changes a list.
func (p *PersonClient) PutReference(ctx context.Context, name string, in ReferencePut) (out Reference, err error) {
	err = p.send(ctx, http.MethodPut, at(RouteReference, name), in, &out)
	return out, err
}

// RemoveReference takes a list away. What it said stays to be read.
func (p *PersonClient) RemoveReference(ctx context.Context, name string) error {
	return p.send(ctx, http.MethodDelete, at(RouteReference, name), nil, nil)
}

// CompareReference tells how hosts stand to a list.
func (p *PersonClient) CompareReference(ctx context.Context, name string, q ReferenceQuery) (out ReferenceComparison, err error) {
	v := query("by", q.By, "verdict", q.Verdict, "package", q.Package, "cursor", q.Cursor, "limit", number(q.Limit))
	for name, value := range map[string]*string{"site": q.Site, "manager": q.Manager, "arch": q.Arch} {
		if value != nil {
			v.Set(name, *value)
		}
	}
	err = p.get(ctx, at(RouteReferenceCompare, name), v, &out)
	return out, err
}

// ReferenceHostReport tells every row about one host, by its number; when 0 is now.
func (p *PersonClient) ReferenceHostReport(ctx context.Context, name string, host, when int64) (out ReferenceReport, err error) {
	err = p.get(ctx, at(RouteReferenceHost, name, number(host)), query("at", number(when)), &out)
	return out, err
}

// ReferenceTrend tells how sites stood to a list over time; to 0 is today.
func (p *PersonClient) ReferenceTrend(ctx context.Context, name string, from, to int64) (out ReferenceDays, err error) {
	err = p.get(ctx, at(RouteReferenceTrend, name), query("from", number(from), "to", number(to)), &out)
	return out, err
}

// Patched tells which share of hosts had a version within so many days.
func (p *PersonClient) Patched(ctx context.Context, q PatchedQuery) (out ReferencePatching, err error) {
	v := query("name", q.Name, "manager", q.Manager, "arch", q.Arch, "want", q.Want, "from", number(q.From), "days", number(q.Days))
	for _, s := range q.Systems {
		v.Add("system", s)
	}
	for _, s := range q.Sites {
		v.Add("site", s)
	}
	err = p.get(ctx, RoutePatched, v, &out)
	return out, err
}
