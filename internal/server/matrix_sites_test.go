package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/api"
	"muster/internal/sites"
	"muster/sitereport"
)

// matrixSites are the sites of the matrix, each with one host, node.
var matrixSites = []string{"cern", "ral"}

// siteSets are the searches of rules that mean sites, besides the one that means all.
var siteSets = map[string][]string{"": matrixSites, "site:cern": {"cern"}, "-site:cern": {"ral"}}

func init() {
	for query := range siteSets {
		if query != "" { // hosts under agents have no site
			sets[query] = func(fact) bool { return strings.HasPrefix(query, "-") }
		}
	}
	maps.Copy(cells, map[string]func(*matrix, subject, route){
		"GET " + api.RouteSites: func(m *matrix, s subject, _ route) {
			var got []string
			for _, one := range read[api.SitePage](m, s, api.RouteSites).Sites {
				got = append(got, one.Name)
			}
			m.same(s, "sites", got, m.seesSites(s))
		},
		"GET " + api.RouteSite:          (*matrix).ofSiteRecord,
		"GET " + api.RouteSiteHosts:     (*matrix).ofSiteHosts,
		"GET " + api.RouteSiteHost:      (*matrix).ofSite,
		"GET " + api.RouteSiteHostHas:   (*matrix).ofSite,
		"GET " + api.RouteSiteHostDiff:  (*matrix).ofSite,
		"GET " + api.RouteSiteHas:       (*matrix).ofSite,
		"GET " + api.RouteSiteDiff:      (*matrix).ofSite,
		"GET " + api.RouteSiteFindings:  (*matrix).ofSite,
		"GET " + api.RouteSiteHostFound: (*matrix).ofSite,
		"DELETE " + api.RouteSiteHost: func(m *matrix, s subject, rt route) {
			for _, site := range matrixSites {
				switch path := sitePath(rt, site); {
				case !m.hasSite(s, api.VerbView, site):
					m.want(s, rt.method, path, "", http.StatusNotFound)
				case !m.hasSite(s, api.VerbEdit, site):
					m.want(s, rt.method, path, "", http.StatusForbidden)
				}
			}
		},
		"GET " + api.RouteSupport: func(m *matrix, s subject, _ route) {
			page := read[api.SupportPage](m, s, api.RouteSupport)
			hosts := int64(0)
			for _, one := range page.Sites {
				hosts += one.Hosts
				if !m.has(s, api.VerbView, nil) && !slices.Contains(m.seesSites(s), one.Site) {
					m.t.Errorf("%+v: support tells of hosts of site %q", s, one.Site)
				}
			}
			if hosts != page.All.Hosts {
				m.t.Errorf("%+v: support of %d hosts, where sites have %d", s, page.All.Hosts, hosts)
			}
		},
		"GET " + api.RouteSupportHosts: func(m *matrix, s subject, _ route) {
			for _, h := range read[api.SupportHostPage](m, s, api.RouteSupportHosts).Hosts {
				if !m.has(s, api.VerbView, nil) && !slices.Contains(m.seesSites(s), h.Site) {
					m.t.Errorf("%+v: support tells of host %q of site %q", s, h.Name, h.Site)
				}
			}
		},
		"GET " + api.RouteReferences: func(m *matrix, s subject, _ route) {
			var got, want []string
			for _, l := range read[api.ReferencePage](m, s, api.RouteReferences).References {
				got = append(got, l.Name)
			}
			if len(m.seesSites(s)) == 0 {
				want = []string{"all"}
			} else {
				want = []string{"all", "both"}
			}
			if m.hasSite(s, api.VerbView, "cern") {
				want = append(want, "cern")
			}
			m.same(s, "references", got, want)
		},
		"PUT " + api.RouteReference:      func(m *matrix, s subject, rt route) { m.everywhere(s, rt, api.VerbEdit) },
		"DELETE " + api.RouteReference:   func(m *matrix, s subject, rt route) { m.everywhere(s, rt, api.VerbEdit) },
		"GET " + api.RouteReference:      (*matrix).ofReference,
		"GET " + api.RouteReferenceTrend: (*matrix).ofReference,
		"GET " + api.RouteReferenceCompare: func(m *matrix, s subject, rt route) {
			m.ofReference(s, rt)
			hosts := read[api.ReferenceComparison](m, s, "/api/v1/references/all/compare?by=host").ByHost
			var got, want []string
			for _, h := range hosts {
				got = append(got, h.Site+"/"+h.Agent)
			}
			for _, site := range m.seesSites(s) {
				want = append(want, site+"/")
			}
			for _, id := range m.sees(s) {
				want = append(want, "/"+id)
			}
			m.same(s, "compared", got, want)
		},
		"GET " + api.RouteSightings: func(m *matrix, s subject, _ route) {
			now, want := 0, len(m.seesSites(s))
			for _, x := range read[api.SightingPage](m, s, api.RouteSightings+"?name=zlib").Sightings {
				now += x.Now
			}
			if now != want {
				m.t.Errorf("%+v: zlib is seen on %d hosts, want %d", s, now, want)
			}
		},
		"GET " + api.RouteSightingHosts: func(m *matrix, s subject, _ route) {
			var got []string
			for _, h := range read[api.SightedPage](m, s, api.RouteSightingHosts+"?name=zlib").Hosts {
				got = append(got, h.Site)
			}
			m.same(s, "who has zlib", got, m.seesSites(s))
		},
	})
}

// addSites has each site report once.
func (m *matrix) addSites() {
	m.t.Helper()
	now := time.Now()
	for _, site := range matrixSites {
		check(m.t, m.Server.sites.PutSite(m.t.Context(), now, sites.Site{Name: site}))
		r := &sitereport.Report{Host: "node", Site: site, System: sitereport.System{ID: "debian", Version: "12"}, Time: now.Unix(), Nonce: strings.Repeat("0", 32),
			Packages: []sitereport.Package{{Manager: "dpkg", Name: "zlib", Version: "1", Arch: "amd64"}}}
		must(m.Server.sites.Take(m.t.Context(), now, r, sites.Sender{Proven: site, Form: "native"}))(m.t)
		_, _, err := m.Server.sites.AddKey(m.t.Context(), now, site, sites.Key{})
		check(m.t, err)
	}
}

// addReferences makes lists for all, for both sites, and for one of them.
func (m *matrix) addReferences() {
	m.t.Helper()
	for name, of := range map[string][]string{"all": nil, "both": matrixSites, "cern": {"cern"}} {
		must(m.references.Put(m.t.Context(), "test", name, api.ReferencePut{Form: "csv", Text: "name,want\nzlib,>= 2\n", Sites: of}))(m.t)
	}
	check(m.t, m.references.Follow(m.t.Context()))
}

// everywhere wants a route for those who have a verb over everything.
func (m *matrix) everywhere(s subject, rt route, verb api.Verb) {
	m.t.Helper()
	if m.has(s, verb, nil) {
		m.plain(s, rt)
	} else {
		m.want(s, rt.method, place(rt, nobody), body(rt), http.StatusForbidden)
	}
}

// ofReference asks for lists: those for sites that may not be seen are as if they were not.
func (m *matrix) ofReference(s subject, rt route) {
	m.t.Helper()
	_, none := m.ask(s, rt.method, strings.Replace(rt.path, "{name}", "nothing", 1), "")
	for name, seen := range map[string]bool{"all": true, "both": len(m.seesSites(s)) > 0, "cern": m.hasSite(s, api.VerbView, "cern")} {
		status, answer := m.ask(s, rt.method, strings.Replace(rt.path, "{name}", name, 1), "")
		if seen != (status == http.StatusOK) || !seen && strings.ReplaceAll(answer, name, "nothing") != none {
			m.t.Errorf("%+v: %s of %s: %d %s", s, rt.name(), name, status, answer)
		}
		if rt.path == api.RouteReference && strings.Contains(answer, "ral") && !m.hasSite(s, api.VerbView, "ral") {
			m.t.Errorf("%+v: a list tells of a site: %s", s, answer)
		}
	}
}

// hasSite reads the rules for a site.
func (m *matrix) hasSite(s subject, verb api.Verb, site string) bool {
	names := []string{"person:" + s.name}
	for _, g := range s.groups {
		names = append(names, "group:"+g)
	}
	some := func(whos []string) bool {
		return slices.ContainsFunc(m.rules, func(r api.Rule) bool { return gives(r, whos, verb) && slices.Contains(siteSets[r.Hosts], site) })
	}
	return some(names) && (s.token == "" || some([]string{s.token}))
}

func (m *matrix) seesSites(s subject) (all []string) {
	for _, site := range matrixSites {
		if m.hasSite(s, api.VerbView, site) {
			all = append(all, site)
		}
	}
	return all
}

func sitePath(rt route, site string) string {
	return strings.NewReplacer("{name}", site, "{host}", "node").Replace(rt.path) + "?from=1"
}

// ofSite asks for every site: those that may not be seen are as if they were not.
func (m *matrix) ofSite(s subject, rt route) {
	m.t.Helper()
	_, none := m.ask(s, rt.method, sitePath(rt, "nowhere"), "")
	for _, site := range matrixSites {
		status, answer := m.ask(s, rt.method, sitePath(rt, site), "")
		if m.hasSite(s, api.VerbView, site) {
			if status != http.StatusOK {
				m.t.Errorf("%+v: %s of %s: %d %s", s, rt.name(), site, status, answer)
			}
		} else if status != http.StatusNotFound || strings.ReplaceAll(answer, site, "nowhere") != none {
			m.t.Errorf("%+v: %s tells that %s is there: %d %s, not %s", s, rt.name(), site, status, answer, none)
		}
	}
}

// ofSiteHosts wants no host in an answer but those of the site that was asked for: hosts
// under agents are in the same table.
func (m *matrix) ofSiteHosts(s subject, rt route) {
	m.t.Helper()
	m.ofSite(s, rt)
	under, first := true, sites.Page{Limit: 1}
	if len(must(m.Server.sites.Hosts(m.t.Context(), sites.Filter{Fleet: &under}, first))(m.t)) == 0 {
		r := &sitereport.Report{Host: "secret", Packages: []sitereport.Package{{Manager: "dpkg", Name: "bash", Version: "1", Arch: "amd64"}}}
		must(m.Server.sites.Take(m.t.Context(), time.Now(), r, sites.Sender{Form: "agent", Agent: m.hosts[0].id}))(m.t)
	}
	for _, site := range m.seesSites(s) {
		var got []string
		for _, h := range read[api.SiteHostPage](m, s, sitePath(rt, site)).Hosts {
			got = append(got, h.Site+"/"+h.Name)
		}
		m.same(s, "hosts of "+site, got, []string{site + "/node"})
	}
}

// ofSiteRecord wants keys told to those who administer everything, and to nobody else.
func (m *matrix) ofSiteRecord(s subject, rt route) {
	m.t.Helper()
	m.ofSite(s, rt)
	for _, site := range m.seesSites(s) {
		if keys := read[api.SiteDetail](m, s, sitePath(rt, site)).Keys; (len(keys) == 1) != m.has(s, api.VerbAdminister, nil) {
			m.t.Errorf("%+v: site %s tells of the keys %+v", s, site, keys)
		}
	}
}
