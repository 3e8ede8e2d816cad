package server

import (
	"context"
	"encoding/json"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/advisories"
	"muster/internal/sites"
	"muster/search"
)

// seenSites are the sites whose reports a person may see; nil are all, with the hosts
// under agents.
func (s *Server) seenSites(ctx context.Context, r *request) ([]string, error) {
	return s.sitesIn(ctx, r.person.may(api.VerbView))
}

// sitesIn are the sites of which a scope has every host; nil are all.
func (s *Server) sitesIn(ctx context.Context, scope search.Scope) ([]string, error) {
	if scope.All() {
		return nil, nil
	}
	all, err := s.sites.Sites(ctx)
	seen := []string{}
	for _, one := range all {
		if scope.Site(one.Name) {
			seen = append(seen, one.Name)
		}
	}
	return seen, err
}

// followAdvisories lists what came to sites, and left them, after a number.
func (s *Server) followAdvisories(ctx context.Context, n int64, limit int, see []string) (items []api.FeedItem, last int64, err error) {
	all, last, err := s.advisories.News(ctx, see, n, limit)
	for i := range all {
		items = append(items, api.FeedItem{ID: "v" + strconv.FormatInt(all[i].Number, 10), Kind: all[i].Kind, Time: all[i].Time, Advisory: &all[i]})
	}
	return items, last, err
}

// findingQuery reads what findings are asked for.
func findingQuery(q *query) api.FindingQuery {
	return api.FindingQuery{EPSS: q.score("epss"), Sort: q.Get("sort"), Severity: q.Get("severity"), Exploited: q.Get("exploited") == "1", Fixable: q.Get("fixable") == "1", Ignored: q.Get("ignored") == "1",
		Text: q.Get("text"), Cursor: q.Get("cursor"), Limit: int(q.number("limit"))}
}

// score reads a number of 0 to 1; 0 where it is not there.
func (q *query) score(name string) float64 {
	text := q.Get(name)
	if text == "" {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) { // nor what is no number
		q.err = muster.Errorf(muster.Invalid, "%s: %.20q is no number of 0 to 1", name, text)
		return 0
	}
	return f
}

// asking returns which sites the person may see, unless the query could not be read.
func (s *Server) asking(ctx context.Context, r *request, q *query) (see []string, err error) {
	if q.err != nil {
		return nil, q.err
	}
	return s.seenSites(ctx, r)
}

func (s *Server) listAdvisories(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := findingQuery(q)
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	if q.Get("all") == "1" {
		return s.advisories.List(ctx, see, in)
	}
	return s.advisories.SiteFindings(ctx, see, "", in)
}

func (s *Server) getAdvisory(ctx context.Context, r *request) (any, error) {
	see, err := s.seenSites(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.advisories.Show(ctx, see, r.PathValue("id"))
}

func (s *Server) advisoryHosts(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	limit := int(q.number("limit"))
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return s.advisories.Holders(ctx, see, r.PathValue("id"), q.Get("cursor"), limit)
}

func (s *Server) countAdvisories(ctx context.Context, r *request) (any, error) {
	see, err := s.seenSites(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.advisories.Standing(ctx, see)
}

func (s *Server) advisoryTrend(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	from := q.number("from")
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return s.advisories.Trend(ctx, see, q.Get("site"), from)
}

// listAdvisorySources tells systems of hosts only those who may see all of them. Where a
// source is read from, and what went wrong there, may name files and have words in it that
// open something: who administers is told.
func (s *Server) listAdvisorySources(ctx context.Context, r *request) (any, error) {
	out, err := s.advisories.ListSources(ctx)
	if !r.person.may(api.VerbAdminister).All() {
		for i := range out.Sources {
			one := &out.Sources[i]
			one.Place = hostOf(one.Place)
			if one.Error != "" {
				one.Error = "it cannot be fetched or read; who administers the server is told why"
			}
		}
	}
	if !r.person.may(api.VerbView).All() {
		out.Unmapped = nil
	}
	return out, err
}

// hostOf is the host of an address, or the name of a file without its folder.
func hostOf(place string) string {
	if u, err := url.Parse(place); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host + "/…"
	}
	if place == "" {
		return "" // brought by hand
	}
	return filepath.Base(place)
}

// importAdvisories takes a document as it comes, onto the disk.
func (s *Server) importAdvisories(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	if q.err != nil {
		return nil, q.err
	}
	ecosystem, release, _ := strings.Cut(q.Get("platform"), " ")
	o := advisories.ImportOptions{Source: q.Get("source"), Form: q.Get("form"), Ecosystem: ecosystem, Release: release, Shrink: q.Get("shrink") == "1"}
	if err := o.Check(); err != nil {
		return nil, err
	}
	body := s.unkept(r)
	defer body.end()
	r.deed.target = o.Source
	return s.advisories.Import(ctx, o, body)
}

// removeAdvisorySource forgets a source and all that it said.
func (s *Server) removeAdvisorySource(ctx context.Context, r *request) (any, error) {
	r.deed.target = r.PathValue("name")
	return json.RawMessage("{}"), s.advisories.RemoveSource(ctx, r.PathValue("name"))
}

// ignoreList takes a list as it comes: YAML or CSV.
func (s *Server) ignoreList(ctx context.Context, r *request) (any, error) {
	return s.advisories.IgnoreList(ctx, r.person.name, r.body)
}

// getSupport says how long what hosts run is supported.
func (s *Server) getSupport(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return s.advisories.Support(ctx, see, q.Get("site"))
}

func (s *Server) supportHosts(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := api.SupportQuery{Site: q.Get("site"), Platform: strings.Replace(q.Get("platform"), ":", " ", 1), State: q.Get("state"), Uncovered: q.Get("uncovered") == "1", Cursor: q.Get("cursor"), Limit: int(q.number("limit"))}
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return s.advisories.SupportHosts(ctx, see, in)
}

func (s *Server) listIgnored(ctx context.Context, r *request) (any, error) {
	see, err := s.seenSites(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.advisories.Ignored(ctx, see)
}

func (s *Server) addIgnored(ctx context.Context, r *request) (any, error) {
	var in api.AdvisoryIgnore
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	return s.advisories.Ignore(ctx, r.person.name, in)
}

func (s *Server) removeIgnored(ctx context.Context, r *request) (any, error) {
	num, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%.30q is no number", r.PathValue("number"))
	}
	return json.RawMessage("{}"), s.advisories.Unignore(ctx, num)
}

func (s *Server) packageFindings(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := findingQuery(q)
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return s.advisories.PackageFindings(ctx, see, r.PathValue("name"), in)
}

// siteSeen reads the record of the site of a request. One that the person may not see is as
// one that is not there.
func (s *Server) siteSeen(ctx context.Context, r *request) (sites.Site, error) {
	return s.siteKnown(ctx, r.person.may(api.VerbView), r.PathValue("name"))
}

// siteKnown reads the record of a site, unless it is outside of what somebody may see.
func (s *Server) siteKnown(ctx context.Context, may search.Scope, name string) (one sites.Site, err error) {
	none := muster.Errorf(muster.NotFound, "there is no site %.60q", name)
	if !may.Site(name) {
		return one, none
	}
	one, err = s.sites.Site(ctx, name)
	if muster.KindOf(err) == muster.NotFound {
		err = none
	}
	return one, err
}

func (s *Server) siteFindings(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := findingQuery(q)
	if q.err != nil {
		return nil, q.err
	}
	one, err := s.siteSeen(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.advisories.SiteFindings(ctx, []string{one.Name}, one.Name, in)
}

func (s *Server) siteHostFindings(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := findingQuery(q)
	if q.err != nil {
		return nil, q.err
	}
	h, err := s.siteHost(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.advisories.HostFindings(ctx, []string{h.Site}, h.ID, in)
}

// hostFindings is of a host under an agent.
func (s *Server) hostFindings(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	in := findingQuery(q)
	if q.err != nil {
		return nil, q.err
	}
	id, err := s.part(r).Resolve(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	under := true
	all, err := s.sites.Hosts(ctx, sites.Filter{Fleet: &under, Agents: []string{id}}, sites.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, muster.Errorf(muster.NotFound, "it is not known what packages host %q has", r.PathValue("id"))
	}
	return s.advisories.HostFindings(ctx, nil, all[0].ID, in)
}
