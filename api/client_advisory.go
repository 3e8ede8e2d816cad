package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
)

// Routes of advisories. What is answered is of the sites that the asker may see.
const (
	RouteAdvisories      = "/api/v1/advisories"                  // GET, person: [AdvisoryQuery] -> [AdvisoryPage]
	RouteAdvisory        = "/api/v1/advisories/{id}"             // GET, person: [AdvisoryDetail]
	RouteAdvisoryHosts   = "/api/v1/advisories/{id}/hosts"       // GET, person: [AdvisoryHostPage]
	RouteAdvisoryCounts  = "/api/v1/advisories/counts"           // GET, person: [SiteCountsPage]
	RouteAdvisoryTrend   = "/api/v1/advisories/trend"            // GET, person: [AdvisoryTrend]
	RouteAdvisorySources = "/api/v1/advisories/sources"          // GET, person: [AdvisorySourcePage]
	RouteAdvisorySource  = "/api/v1/advisories/sources/{name}"   // DELETE, person
	RouteAdvisoryImport  = "/api/v1/advisories/import"           // POST, person: a document -> [AdvisoryImport]
	RouteIgnored         = "/api/v1/advisories/ignored"          // GET, person: [AdvisoryIgnorePage]; POST: [AdvisoryIgnore]
	RouteIgnoredList     = "/api/v1/advisories/ignored/list"     // POST, person: a list -> [AdvisoryIgnoreImport]
	RouteSupport         = "/api/v1/advisories/support"          // GET, person: [SupportPage]
	RouteSupportHosts    = "/api/v1/advisories/support/hosts"    // GET, person: [SupportQuery] -> [SupportHostPage]
	RouteUnignore        = "/api/v1/advisories/ignored/{number}" // DELETE, person
	RoutePackageFindings = "/api/v1/findings/{name}"             // GET, person: [FindingPage]
	RouteSiteFindings    = "/api/v1/sites/{name}/findings"       // GET, person: [FindingQuery] -> [AdvisoryPage]
	RouteSiteHostFound   = "/api/v1/sites/{name}/hosts/{host}/findings"
	RouteHostFindings    = "/api/v1/hosts/{id}/findings" // GET, person: [FindingQuery] -> [FindingPage]
)

// AdvisoryQuery asks for advisories. It travels as the query of the URL.
type AdvisoryQuery struct {
	FindingQuery
	All bool // also those that concern no host: then the newest come first
}

func (q *FindingQuery) pairs() []string {
	return []string{"severity", q.Severity, "exploited", flag(q.Exploited), "fixable", flag(q.Fixable), "ignored", flag(q.Ignored), "text", q.Text, "epss", score(q.EPSS), "sort", q.Sort, "cursor", q.Cursor, "limit", number(q.Limit)}
}

func score(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// Advisories lists advisories that concern hosts, the worst first, or all there are.
func (p *PersonClient) Advisories(ctx context.Context, q AdvisoryQuery) (out AdvisoryPage, err error) {
	err = p.get(ctx, RouteAdvisories, query(append(q.pairs(), "all", flag(q.All))...), &out)
	return out, err
}

// Advisory tells all about an advisory, by its ID or any of its aliases.
func (p *PersonClient) Advisory(ctx context.Context, id string) (out AdvisoryDetail, err error) {
	err = p.get(ctx, at(RouteAdvisory, id), nil, &out)
	return out, err
}

// AdvisoryHosts lists the hosts of sites that an advisory concerns.
func (p *PersonClient) AdvisoryHosts(ctx context.Context, id, cursor string, limit int) (out AdvisoryHostPage, err error) {
	err = p.get(ctx, at(RouteAdvisoryHosts, id), query("cursor", cursor, "limit", number(limit)), &out)
	return out, err
}

// AdvisoryCounts counts hosts and advisories of each site.
func (p *PersonClient) AdvisoryCounts(ctx context.Context) (out SiteCountsPage, err error) {
	err = p.get(ctx, RouteAdvisoryCounts, nil, &out)
	return out, err
}

// AdvisoryTrend says how a site, or with "" all of them, stood at the end of each day since a time.
func (p *PersonClient) AdvisoryTrend(ctx context.Context, site string, from int64) (out AdvisoryTrend, err error) {
	err = p.get(ctx, RouteAdvisoryTrend, query("site", site, "from", number(from)), &out)
	return out, err
}

// AdvisorySources says where advisories come from, and how that goes.
func (p *PersonClient) AdvisorySources(ctx context.Context) (out AdvisorySourcePage, err error) {
	err = p.get(ctx, RouteAdvisorySources, nil, &out)
	return out, err
}

// RemoveAdvisorySource forgets a source and all that it said. One of the server's
// configuration is a Conflict.
func (p *PersonClient) RemoveAdvisorySource(ctx context.Context, name string) error {
	r := request{method: http.MethodDelete, path: at(RouteAdvisorySource, name), authorize: p.bearer, timeout: -1}
	return p.do(ctx, r, nil)
}

// ImportAdvisories replaces what a source says by a document of size bytes. platform is
// of what is affected where the form does not say it: "rocky 9". Shrinking lets it become
// less than half of what it was.
func (p *PersonClient) ImportAdvisories(ctx context.Context, source, form, platform string, shrink bool, document io.Reader, size int64) (out AdvisoryImport, err error) {
	r := request{method: http.MethodPost, path: RouteAdvisoryImport, query: query("source", source, "form", form, "platform", platform, "shrink", flag(shrink)), kind: "application/octet-stream",
		stream: document, size: size, authorize: p.bearer, timeout: -1}
	err = p.do(ctx, r, &out)
	return out, err
}

// IgnoredAdvisories lists what is left out of what counts, and why.
func (p *PersonClient) IgnoredAdvisories(ctx context.Context) (out AdvisoryIgnorePage, err error) {
	err = p.get(ctx, RouteIgnored, nil, &out)
	return out, err
}

// IgnoreAdvisory leaves findings out of what counts.
func (p *PersonClient) IgnoreAdvisory(ctx context.Context, in AdvisoryIgnore) (out AdvisoryIgnore, err error) {
	err = p.send(ctx, http.MethodPost, RouteIgnored, in, &out)
	return out, err
}

// IgnoreAdvisories takes a list of what is ignored, in YAML or CSV, as a whole or not at
// all: docs/formats/advisories.md.
func (p *PersonClient) IgnoreAdvisories(ctx context.Context, list []byte) (out AdvisoryIgnoreImport, err error) {
	r := request{method: http.MethodPost, path: RouteIgnoredList, kind: "text/plain; charset=utf-8", body: list, authorize: p.bearer}
	err = p.do(ctx, r, &out)
	return out, err
}

// UnignoreAdvisory has findings count again.
func (p *PersonClient) UnignoreAdvisory(ctx context.Context, number string) error {
	return p.send(ctx, http.MethodDelete, at(RouteUnignore, number), nil, nil)
}

// PackageFindings lists what is found in a package, or in all of a source package.
func (p *PersonClient) PackageFindings(ctx context.Context, name string, q FindingQuery) (out FindingPage, err error) {
	err = p.get(ctx, at(RoutePackageFindings, name), query(q.pairs()...), &out)
	return out, err
}

// SiteFindings lists advisories that concern hosts of a site, the worst first.
func (p *PersonClient) SiteFindings(ctx context.Context, site string, q FindingQuery) (out AdvisoryPage, err error) {
	err = p.get(ctx, at(RouteSiteFindings, site), query(q.pairs()...), &out)
	return out, err
}

// SiteHostFindings lists what is found on a host of a site, by the name that it gives itself.
func (p *PersonClient) SiteHostFindings(ctx context.Context, site, host string, q FindingQuery) (out FindingPage, err error) {
	err = p.get(ctx, at(RouteSiteHostFound, site, host), query(q.pairs()...), &out)
	return out, err
}

// HostFindings lists what is found on a host under an agent.
func (p *PersonClient) HostFindings(ctx context.Context, host string, q FindingQuery) (out FindingPage, err error) {
	err = p.get(ctx, at(RouteHostFindings, host), query(q.pairs()...), &out)
	return out, err
}
