package api

import (
	"context"
	"net/http"
)

// Routes of sites, whose hosts report without an agent. What is answered is of the sites
// that the asker may see: of others there is nothing.
const (
	RouteSites         = "/api/v1/sites"                              // GET, person: [SitePage]
	RouteSite          = "/api/v1/sites/{name}"                       // GET, person: [SiteDetail]; PUT: [SitePut] -> [Site]; DELETE
	RouteSiteKeys      = "/api/v1/sites/{name}/keys"                  // POST, person: [NewSiteKey] -> [SiteKeyMade]
	RouteSiteKey       = "/api/v1/sites/{name}/keys/{key}"            // DELETE, person
	RouteSiteHosts     = "/api/v1/sites/{name}/hosts"                 // GET, person: [SiteHostQuery] -> [SiteHostPage]
	RouteSiteHost      = "/api/v1/sites/{name}/hosts/{host}"          // GET, person: [SiteHostDetail]; DELETE
	RouteSiteHostHas   = "/api/v1/sites/{name}/hosts/{host}/packages" // GET, person: ?at=T -> [SitePackages]
	RouteSiteHostDiff  = "/api/v1/sites/{name}/hosts/{host}/diff"     // GET, person: ?from=T&to=T -> [SiteDiff]
	RouteSiteHas       = "/api/v1/sites/{name}/packages"              // GET, person: ?at=T&text=&limit=N -> [SitePackages]
	RouteSiteDiff      = "/api/v1/sites/{name}/diff"                  // GET, person: ?from=T&to=T -> [SiteDiff]
	RouteSightings     = "/api/v1/sightings"                          // GET, person: ?name=&version= -> [SightingPage]
	RouteSightingHosts = "/api/v1/sightings/hosts"                    // GET, person: [SightedQuery] -> [SightedPage]
)

// A Site is a place whose hosts report without an agent.
type Site struct {
	Name    string `json:"name"`
	Note    string `json:"note,omitempty"`
	Created int64  `json:"created"`
	Hosts   int64  `json:"hosts"`
	Silent  int64  `json:"silent,omitempty"` // hosts that did not report for [SilentAfter]
	Last    int64  `json:"last,omitempty"`   // when one of them last did; 0: none has
	// Open lets in reports that prove nothing.
	Open bool `json:"open,omitempty"`
}

// SilentAfter is how many seconds after its last report a host counts as silent: most
// report once a day.
const SilentAfter = 2 * 24 * 60 * 60

// SitePage answers the sites, by name.
type SitePage struct {
	Sites []Site `json:"sites"`
}

// A SitePut is the record of a site. Seconds of 0 are "never" and "for ever", bounds of
// 0 those of the server.
type SitePut struct {
	Note      string    `json:"note,omitempty"`
	Open      bool      `json:"open,omitempty"`
	Addresses []string  `json:"addresses,omitempty"` // networks, of an open site; none: from anywhere
	Forget    int64     `json:"forget,omitempty"`    // after so many seconds without a report a host is forgotten
	Past      int64     `json:"past,omitempty"`      // for so many seconds history is kept that is over
	Quota     SiteQuota `json:"quota"`
}

// A SiteQuota bounds what a site may store.
type SiteQuota struct {
	Hosts    int64 `json:"hosts,omitempty"`
	Reports  int64 `json:"reports,omitempty"`  // a day
	Bytes    int64 `json:"bytes,omitempty"`    // a day
	Packages int64 `json:"packages,omitempty"` // a day, that no host had before
}

// SiteDetail is all about a site.
type SiteDetail struct {
	Site
	Addresses []string  `json:"addresses,omitempty"`
	Forget    int64     `json:"forget,omitempty"`
	Past      int64     `json:"past,omitempty"`
	Quota     SiteQuota `json:"quota"`
	Keys      []SiteKey `json:"keys,omitempty"` // for those who may administer
}

// Record is what [PersonClient.PutSite] made it.
func (d *SiteDetail) Record() SitePut {
	return SitePut{Note: d.Note, Open: d.Open, Addresses: d.Addresses, Forget: d.Forget, Past: d.Past, Quota: d.Quota}
}

// A SiteKey proves that a report is of a site: a secret that its hosts share, or a
// certificate.
type SiteKey struct {
	ID          string `json:"id"`
	Note        string `json:"note,omitempty"`
	Created     int64  `json:"created"`
	By          string `json:"by"`
	Expires     int64  `json:"expires,omitempty"`
	Certificate string `json:"certificate,omitempty"` // whose it is; "" of a secret
}

// NewSiteKey asks for a key: a secret, or with Certificate (PEM) none.
type NewSiteKey struct {
	Note        string `json:"note,omitempty"`
	Expires     int64  `json:"expires,omitempty"`
	Certificate string `json:"certificate,omitempty"`
}

// SiteKeyMade answers with the line for the key file of the hosts, which is told once.
type SiteKeyMade struct {
	SiteKey
	Line string `json:"line,omitempty"`
}

// SiteHostQuery says which hosts of a site are meant. It travels as the query of the URL.
type SiteHostQuery struct {
	Text   string // in the name
	Tag    string
	System string // "debian" or "debian 12"
	Silent int64  // heard of last before that, Unix seconds
	Gone   bool   // those that were forgotten, too
	Cursor string
	Limit  int // 500 where it is 0, at most 5,000
}

// A SiteHost is a host that reports.
type SiteHost struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Site     string `json:"site"`
	Tag      string `json:"tag,omitempty"`
	System   string `json:"system,omitempty"`  // "debian 12"; "" where only its name is known
	OSName   string `json:"osname,omitempty"`  // for people
	Arch     string `json:"arch,omitempty"`    // as uname -m
	Kernel   string `json:"kernel,omitempty"`  // that runs
	Form     string `json:"form"`              // of its last report: native, pakiti5, pakiti4, glpi
	Address  string `json:"address,omitempty"` // from which that came
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	Changed  int64  `json:"changed"`
	Gone     int64  `json:"gone,omitempty"` // since when it is forgotten
	Reports  int64  `json:"reports"`
	Packages int    `json:"packages"`
}

// SiteHostPage answers hosts, in the order in which they came.
type SiteHostPage struct {
	Hosts []SiteHost `json:"hosts"`
	Next  string     `json:"next,omitempty"`
}

// SiteHostDetail is a host with what it was.
type SiteHostDetail struct {
	SiteHost
	States []SiteState `json:"states"` // the newest first
}

// A SiteState is what a host was for some time.
type SiteState struct {
	From   int64  `json:"from"`
	Until  int64  `json:"until,omitempty"` // 0: it is so now
	Seen   int64  `json:"seen"`
	System string `json:"system,omitempty"`
	Kernel string `json:"kernel,omitempty"`
}

// A SitePackage is an installed package.
type SitePackage struct {
	Manager       string `json:"manager"`
	Name          string `json:"name"`
	Version       string `json:"version"`
	Arch          string `json:"arch,omitempty"`
	Source        string `json:"source,omitempty"` // where it has another name
	SourceVersion string `json:"source-version,omitempty"`
	Origin        string `json:"origin,omitempty"`
	System        string `json:"system,omitempty"`
	Hosts         int    `json:"hosts,omitempty"` // that have it; of a difference by how many more or fewer
}

// SitePackages answers what is, or was, installed.
type SitePackages struct {
	Time     int64         `json:"time,omitempty"`  // asked for; 0: now
	Hosts    int           `json:"hosts"`           // there were
	Total    int           `json:"total,omitempty"` // of a site: how many there are, also where a limit was asked for
	Packages []SitePackage `json:"packages"`
}

// SiteDiff answers what changed. A package in another version is in both lists.
type SiteDiff struct {
	From    int64         `json:"from"`
	To      int64         `json:"to"`
	Removed []SitePackage `json:"removed"`
	Added   []SitePackage `json:"added"`
}

// A Sighting is when a version of a package was there, on hosts that the asker may see.
type Sighting struct {
	SitePackage
	Appeared int64 `json:"appeared"`
	Vanished int64 `json:"vanished,omitempty"` // 0: some have it
	Now      int   `json:"now"`                // hosts that have it; Hosts counts those that ever had it
}

// SightingPage answers when versions appeared and vanished, the oldest first.
type SightingPage struct {
	Sightings []Sighting `json:"sightings"`
}

// SightedQuery asks which hosts have a package. It travels as the query of the URL.
type SightedQuery struct {
	Name    string // of the package, or of its source
	Version string // "": any
	Cursor  string
	Limit   int // 500 where it is 0, at most 5,000
}

// A SightedHost is a host that has a version of a package now.
type SightedHost struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Site    string `json:"site"`            // "" under an agent
	Agent   string `json:"agent,omitempty"` // id of a host under an agent
	Tag     string `json:"tag,omitempty"`
	System  string `json:"system,omitempty"` // for people
	Last    int64  `json:"last"`             // when it last said what it has
	Package string `json:"package"`
	Version string `json:"version"`
	Arch    string `json:"arch,omitempty"`
	Manager string `json:"manager"`
}

// SightedPage answers hosts in the order in which they came: one line for each version that
// one has.
type SightedPage struct {
	Hosts []SightedHost `json:"hosts"`
	Next  string        `json:"next,omitempty"`
}

// Sites lists the sites that one may see.
func (p *PersonClient) Sites(ctx context.Context) (out SitePage, err error) {
	err = p.get(ctx, RouteSites, nil, &out)
	return out, err
}

// Site tells all about a site.
func (p *PersonClient) Site(ctx context.Context, name string) (out SiteDetail, err error) {
	err = p.get(ctx, at(RouteSite, name), nil, &out)
	return out, err
}

// PutSite adds a site, or changes the record of the one that has the name.
func (p *PersonClient) PutSite(ctx context.Context, name string, in SitePut) (out Site, err error) {
	err = p.send(ctx, http.MethodPut, at(RouteSite, name), in, &out)
	return out, err
}

// RemoveSite ends a site, with all that is known of its hosts. Its name may be given anew.
func (p *PersonClient) RemoveSite(ctx context.Context, name string) error {
	return p.send(ctx, http.MethodDelete, at(RouteSite, name), nil, nil)
}

// AddSiteKey makes a key for a site. Its line is told once.
func (p *PersonClient) AddSiteKey(ctx context.Context, site string, in NewSiteKey) (out SiteKeyMade, err error) {
	err = p.send(ctx, http.MethodPost, at(RouteSiteKeys, site), in, &out)
	return out, err
}

// RemoveSiteKey ends a key at once.
func (p *PersonClient) RemoveSiteKey(ctx context.Context, site, key string) error {
	return p.send(ctx, http.MethodDelete, at(RouteSiteKey, site, key), nil, nil)
}

// SiteHosts lists hosts of a site.
func (p *PersonClient) SiteHosts(ctx context.Context, site string, q SiteHostQuery) (out SiteHostPage, err error) {
	err = p.get(ctx, at(RouteSiteHosts, site), query("text", q.Text, "tag", q.Tag, "system", q.System, "silent", number(q.Silent),
		"gone", flag(q.Gone), "cursor", q.Cursor, "limit", number(q.Limit)), &out)
	return out, err
}

// SiteHost tells all about a host, by the name that it gives itself.
func (p *PersonClient) SiteHost(ctx context.Context, site, host string) (out SiteHostDetail, err error) {
	err = p.get(ctx, at(RouteSiteHost, site, host), nil, &out)
	return out, err
}

// ForgetSiteHost forgets a host. Should it report again, it is known again.
func (p *PersonClient) ForgetSiteHost(ctx context.Context, site, host string) error {
	return p.send(ctx, http.MethodDelete, at(RouteSiteHost, site, host), nil, nil)
}

// SiteHostPackages lists what a host has, or had at a time.
func (p *PersonClient) SiteHostPackages(ctx context.Context, site, host string, when int64) (out SitePackages, err error) {
	err = p.get(ctx, at(RouteSiteHostHas, site, host), query("at", number(when)), &out)
	return out, err
}

// SiteHostDiff says what changed on a host; to 0 is now.
func (p *PersonClient) SiteHostDiff(ctx context.Context, site, host string, from, to int64) (out SiteDiff, err error) {
	err = p.get(ctx, at(RouteSiteHostDiff, site, host), query("from", number(from), "to", number(to)), &out)
	return out, err
}

// SitePackages lists what the hosts of a site have, or had at a time, of which the name or
// that of the source has a text, by name. limit bounds them, so that the last name is
// whole; 0: all.
func (p *PersonClient) SitePackages(ctx context.Context, site, text string, when int64, limit int) (out SitePackages, err error) {
	err = p.get(ctx, at(RouteSiteHas, site), query("text", text, "at", number(when), "limit", number(limit)), &out)
	return out, err
}

// SiteDiff says what changed at a site; to 0 is now.
func (p *PersonClient) SiteDiff(ctx context.Context, site string, from, to int64) (out SiteDiff, err error) {
	err = p.get(ctx, at(RouteSiteDiff, site), query("from", number(from), "to", number(to)), &out)
	return out, err
}

// Sightings says when the versions of a package, or of all of a source package, appeared
// and vanished. With a version, of that alone.
func (p *PersonClient) Sightings(ctx context.Context, name, version string) (out SightingPage, err error) {
	err = p.get(ctx, RouteSightings, query("name", name, "version", version), &out)
	return out, err
}

// Sighted lists the hosts that have a package now, or one of a source of that name.
func (p *PersonClient) Sighted(ctx context.Context, q SightedQuery) (out SightedPage, err error) {
	err = p.get(ctx, RouteSightingHosts, query("name", q.Name, "version", q.Version, "cursor", q.Cursor, "limit", number(q.Limit)), &out)
	return out, err
}
