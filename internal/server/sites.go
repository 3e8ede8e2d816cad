package server

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

func (s *Server) listSites(ctx context.Context, r *request) (any, error) {
	all, err := s.sites.Sites(ctx)
	if err != nil {
		return nil, err
	}
	heard, err := s.sites.Heard(ctx, s.now().Unix()-api.SilentAfter)
	scope, out := r.person.may(api.VerbView), api.SitePage{Sites: []api.Site{}}
	for i := range all {
		if scope.Site(all[i].Name) {
			one := siteWire(&all[i])
			one.Silent, one.Last = heard[all[i].ID].Silent, heard[all[i].ID].Last
			out.Sites = append(out.Sites, one)
		}
	}
	return out, err
}

func siteWire(one *sites.Site) api.Site {
	return api.Site{Name: one.Name, Note: one.Note, Created: one.Created, Hosts: one.Hosts, Open: one.Open}
}

// getSite tells keys to those who could make some: it takes the right to administer
// everything.
func (s *Server) getSite(ctx context.Context, r *request) (any, error) {
	one, err := s.siteSeen(ctx, r)
	if err != nil {
		return nil, err
	}
	out := api.SiteDetail{Site: siteWire(&one), Forget: int64(one.Forget / time.Second), Past: max(0, int64(one.Past/time.Second)),
		Quota: api.SiteQuota{Hosts: one.Quota.Hosts, Reports: one.Quota.Reports, Bytes: one.Quota.Bytes, Packages: one.Quota.Packages}}
	for _, p := range one.Addresses {
		out.Addresses = append(out.Addresses, p.String())
	}
	if r.person.everywhere(api.VerbAdminister) != nil {
		return out, nil
	}
	keys, err := s.sites.Keys(ctx, one.Name)
	for i := range keys {
		out.Keys = append(out.Keys, keyWire(&keys[i]))
	}
	return out, err
}

func keyWire(k *sites.Key) api.SiteKey {
	out := api.SiteKey{ID: k.ID, Note: k.Note, Created: k.Created, By: k.Creator, Expires: k.Expires}
	if k.Cert != nil {
		out.Certificate = sign.Describe(k.Cert)
	}
	return out
}

func (s *Server) putSite(ctx context.Context, r *request) (any, error) {
	var in api.SitePut
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	one := sites.Site{Name: sites.SiteName(r.PathValue("name")), Note: in.Note, Open: in.Open, Forget: seconds(in.Forget), Past: seconds(in.Past),
		Quota: sites.Quota{Hosts: in.Quota.Hosts, Reports: in.Quota.Reports, Bytes: in.Quota.Bytes, Packages: in.Quota.Packages}}
	if in.Past == 0 {
		one.Past = -1 // for ever
	}
	for i, text := range in.Addresses {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, muster.WithField(muster.Errorf(muster.Invalid, "addresses: %.60q is no network like 192.0.2.0/24", text), "/addresses/"+strconv.Itoa(i))
		}
		one.Addresses = append(one.Addresses, p)
	}
	if err := s.sites.PutSite(ctx, s.now(), one); err != nil {
		return nil, err
	}
	one, err := s.sites.Site(ctx, one.Name)
	return siteWire(&one), err
}

// seconds is a time that a request says; what no time.Duration holds is the longest.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(min(n, most)) * time.Second
}

func (s *Server) addSiteKey(ctx context.Context, r *request) (any, error) {
	var in api.NewSiteKey
	if err := parse(r.body, &in); err != nil {
		return nil, err
	}
	k := sites.Key{Note: in.Note, Creator: r.person.name, Expires: in.Expires}
	if in.Certificate == "" {
		line, made, err := s.sites.AddKey(ctx, s.now(), r.PathValue("name"), k)
		return api.SiteKeyMade{SiteKey: keyWire(&made), Line: line}, err
	}
	certs, err := sign.ParseCerts([]byte(in.Certificate))
	if err == nil && len(certs) != 1 {
		err = muster.Errorf(muster.Invalid, "there are %d certificates: give one at a time", len(certs))
	}
	if err != nil {
		return nil, muster.WithField(err, "/certificate")
	}
	k.Cert = certs[0]
	made, err := s.sites.AddCert(ctx, s.now(), r.PathValue("name"), k)
	return api.SiteKeyMade{SiteKey: keyWire(&made)}, err
}

func (s *Server) removeSiteKey(ctx context.Context, r *request) (any, error) {
	return json.RawMessage("{}"), s.sites.RevokeKey(ctx, r.PathValue("name"), r.PathValue("key"))
}

func (s *Server) listSiteHosts(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	f := sites.Filter{Sites: []string{r.PathValue("name")}, Name: q.Get("text"), Tag: q.Get("tag"), System: q.Get("system"), Gone: q.Get("gone") == "1", Silent: q.number("silent")}
	p := sites.Page{After: q.number("cursor"), Limit: min(cmp.Or(int(q.number("limit")), 500), 5000)}
	if q.err != nil {
		return nil, q.err
	}
	if _, err := s.siteSeen(ctx, r); err != nil {
		return nil, err
	}
	all, err := s.sites.Hosts(ctx, f, p)
	out := api.SiteHostPage{Hosts: make([]api.SiteHost, len(all))}
	for i := range all {
		out.Hosts[i] = siteHostWire(&all[i])
	}
	if len(all) == p.Limit {
		out.Next = strconv.FormatInt(all[len(all)-1].ID, 10)
	}
	return out, err
}

func siteHostWire(h *sites.Host) api.SiteHost {
	return api.SiteHost{ID: h.ID, Name: h.Name, Site: h.Site, Tag: h.Tag, System: systemWire(&h.System), OSName: h.System.Name, Arch: h.System.Arch, Kernel: h.System.Kernel,
		Form: h.Form, Address: h.Address, First: h.First, Last: h.Last, Changed: h.Changed, Gone: h.Gone, Reports: h.Reports, Packages: h.Packages}
}

func systemWire(s *sitereport.System) string { return strings.TrimSpace(s.ID + " " + s.Version) }

// siteHost finds the host of a request whose site the person may see.
func (s *Server) siteHost(ctx context.Context, r *request) (sites.Host, error) {
	if _, err := s.siteSeen(ctx, r); err != nil {
		return sites.Host{}, err
	}
	return s.sites.HostNamed(ctx, r.PathValue("name"), r.PathValue("host"))
}

func (s *Server) getSiteHost(ctx context.Context, r *request) (any, error) {
	h, err := s.siteHost(ctx, r)
	if err != nil {
		return nil, err
	}
	states, err := s.sites.States(ctx, h.ID)
	out := api.SiteHostDetail{SiteHost: siteHostWire(&h), States: make([]api.SiteState, len(states))}
	for i, x := range states {
		out.States[i] = api.SiteState{From: x.From, Until: x.Until, Seen: x.Seen, System: cmp.Or(systemWire(&x.System), x.System.Name), Kernel: x.System.Kernel}
	}
	return out, err
}

func (s *Server) forgetSiteHost(ctx context.Context, r *request) (any, error) {
	h, err := s.siteHost(ctx, r)
	if err != nil {
		return nil, err
	}
	if !r.person.may(api.VerbEdit).Site(h.Site) {
		return nil, r.person.lacks(api.VerbEdit)
	}
	r.deed.target = h.Site + "/" + h.Name
	return json.RawMessage("{}"), s.sites.Forget(ctx, s.now(), h.ID)
}

func (s *Server) siteHostPackages(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	at := q.number("at")
	if q.err != nil {
		return nil, q.err
	}
	h, err := s.siteHost(ctx, r)
	if err != nil {
		return nil, err
	}
	all, _, err := s.sites.HostPackages(ctx, h.ID, at)
	out := api.SitePackages{Time: at, Hosts: 1, Packages: make([]api.SitePackage, len(all))}
	for i := range all {
		out.Packages[i] = packageWire(&all[i], 0)
	}
	return out, err
}

func packageWire(k *sites.Known, hosts int) api.SitePackage {
	p := &k.Package
	return api.SitePackage{Manager: p.Manager, Name: p.Name, Version: p.Version, Arch: p.Arch, Source: p.Source, SourceVersion: p.SourceVersion, Origin: p.Origin,
		System: cmp.Or(systemWire(&k.System), k.System.Name), Hosts: hosts}
}

func heldWire(all []sites.Held) []api.SitePackage {
	out := make([]api.SitePackage, len(all))
	for i := range all {
		out[i] = packageWire(&all[i].Known, all[i].Hosts)
	}
	return out
}

func (s *Server) siteHostDiff(ctx context.Context, r *request) (any, error) {
	h, err := s.siteHost(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.siteDifference(r, func(from, to int64) (sites.Diff, error) { return s.sites.HostDiff(ctx, h.ID, from, to) })
}

func (s *Server) siteDiff(ctx context.Context, r *request) (any, error) {
	if _, err := s.siteSeen(ctx, r); err != nil {
		return nil, err
	}
	return s.siteDifference(r, func(from, to int64) (sites.Diff, error) { return s.sites.SiteDiff(ctx, r.PathValue("name"), from, to) })
}

func (s *Server) siteDifference(r *request, diff func(from, to int64) (sites.Diff, error)) (any, error) {
	q := queryOf(r)
	from, to := q.number("from"), q.number("to")
	if q.err == nil && from == 0 {
		q.err = muster.WithField(muster.Errorf(muster.Invalid, "from: say since when, in Unix seconds"), "from")
	}
	if q.err != nil {
		return nil, q.err
	}
	d, err := diff(from, to)
	return api.SiteDiff{From: from, To: to, Removed: heldWire(d.Removed), Added: heldWire(d.Added)}, err
}

func (s *Server) sitePackages(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	at, limit := q.number("at"), int(q.number("limit"))
	if q.err != nil {
		return nil, q.err
	}
	if _, err := s.siteSeen(ctx, r); err != nil {
		return nil, err
	}
	all, total, hosts, err := s.sites.SitePackages(ctx, r.PathValue("name"), at, q.Get("text"), limit)
	return api.SitePackages{Time: at, Hosts: hosts, Total: total, Packages: heldWire(all)}, err
}

func (s *Server) listSightings(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	see, err := s.asking(ctx, r, q)
	if err != nil {
		return nil, err
	}
	if q.Get("name") == "" {
		return nil, muster.WithField(muster.Errorf(muster.Invalid, "name: say of which package"), "name")
	}
	all, err := s.sites.Sightings(ctx, see, q.Get("name"), q.Get("version"))
	out := api.SightingPage{Sightings: make([]api.Sighting, len(all))}
	for i := range all {
		x := &all[i]
		out.Sightings[i] = api.Sighting{SitePackage: packageWire(&x.Known, x.Hosts), Appeared: x.Appeared, Vanished: x.Vanished, Now: x.Now}
	}
	return out, err
}
