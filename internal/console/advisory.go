package console

import (
	"net/http"
	"strings"

	"muster/api"
)

// An advisoryPage is all about one advisory: what it says, and whom it concerns.
type advisoryPage struct {
	api.AdvisoryDetail
	Badge       badge
	Score, Than string // how likely it is to be exploited, and than how many more so
	Links       []foreignLink
	Affects     []affectedRow
	More        int // of Affects that are not shown
	On          int64
	Places      []advisoryPlace
	Hosts       []advisoryHost
	First, Next string
	CSV, JSON   string
}

// A foreignLink is an address that a publisher wrote; Href is "" where a browser should
// not follow it.
type foreignLink struct{ Text, Href string }

// An affectedRow is a package with its versions in words.
type affectedRow struct {
	api.AdvisoryAffected
	Versions []string
	Badge    badge
}

// An advisoryPlace is a site that has it.
type advisoryPlace struct {
	api.AdvisorySite
	Href string
}

// An advisoryHost is a host that has it.
type advisoryHost struct {
	api.AdvisoryHost
	Href, At string // its page, and that of its site
}

// How much of an advisory a page shows: some are about every package of a release.
const (
	maxAffected = 100
	maxLinks    = 40
)

func advisoryShow(v *visit) (any, error) {
	id := v.PathValue("id")
	d, err := v.api.Advisory(v.ctx(), id)
	if err != nil {
		return nil, err
	}
	v.title = api.Legible(d.ID)
	out := &advisoryPage{AdvisoryDetail: d, Badge: severityOf(d.Severity), Score: score(&d.Advisory), Than: percent(int(d.Percentile*100_000), 100_000)}
	if d.Advisory.Hosts != nil {
		out.On = *d.Advisory.Hosts
	}
	return out, out.fill(v, id)
}

// fill has what the publisher says in the form of the page, and a page of hosts.
func (p *advisoryPage) fill(v *visit, id string) error {
	for _, text := range p.References[:min(len(p.References), maxLinks)] {
		p.Links = append(p.Links, foreignLink{text, safeLink(text)})
	}
	for _, a := range p.Affected[:min(len(p.Affected), maxAffected)] {
		row := affectedRow{AdvisoryAffected: a, Versions: v.versionsOf(&a)}
		if a.Severity != "" {
			row.Badge = severityOf(a.Severity)
		}
		p.Affects = append(p.Affects, row)
	}
	p.More = len(p.Affected) - len(p.Affects)
	for _, s := range p.Sites {
		p.Places = append(p.Places, advisoryPlace{s, v.siteAt(s.Site)})
	}
	page, err := v.api.AdvisoryHosts(v.ctx(), id, v.query("cursor"), perPage)
	for _, h := range page.Hosts {
		p.Hosts = append(p.Hosts, advisoryHost{h, v.siteHostAt(h.Site, h.Name), v.siteAt(h.Site)})
	}
	path := place("advisories", id)
	if v.query("cursor") != "" {
		p.First = v.link(path)
	}
	if page.Next != "" {
		p.Next = v.link(path, "cursor", page.Next)
	}
	if v.may(api.VerbReport) {
		p.CSV, p.JSON = v.link(path+"/hosts.csv"), v.link(path+"/hosts.json")
	}
	return err
}

// siteAt is the page of a site; hosts under agents are of none.
func (v *visit) siteAt(site string) string {
	if site == "" {
		return v.link("/hosts")
	}
	return v.link(place("sites", site))
}

// siteHostAt is the page of a host that reports; one under an agent is searched by name.
func (v *visit) siteHostAt(site, host string) string {
	if site == "" {
		return v.link("/find", "q", host)
	}
	return v.link(place("sites", site, "hosts", host))
}

// versionsOf says in words which versions are vulnerable.
func (v *visit) versionsOf(a *api.AdvisoryAffected) (all []string) {
	for _, r := range a.Ranges {
		var parts []string
		if r.Introduced != "" && r.Introduced != "0" {
			parts = append(parts, ">= "+r.Introduced)
		}
		if r.Last != "" {
			parts = append(parts, "<= "+r.Last)
		}
		if r.Fixed != "" {
			parts = append(parts, "< "+r.Fixed)
		}
		if len(parts) == 0 {
			parts = []string{v.t("every version")}
		}
		all = append(all, strings.Join(parts, ", "))
	}
	for _, version := range a.Versions[:min(len(a.Versions), 20)] {
		all = append(all, "= "+version)
	}
	if len(a.Ranges)+len(a.Versions) == 0 {
		all = []string{v.t("every version")}
	}
	if len(a.Versions) > 20 {
		all = append(all, v.words().count(len(a.Versions)-20, "and %s more", "and %s more"))
	}
	return all
}

// ignoreAdvisory leaves this advisory out of what counts.
func ignoreAdvisory(v *visit) (string, error) {
	id := v.PathValue("id")
	return v.link(place("advisories", id)), v.ignore(id)
}

func advisoryHostsTable(v *visit, w http.ResponseWriter) error {
	id := v.PathValue("id")
	t := v.table(w, "advisory-hosts", "host", "site", "tag", "system", "package", "version", "fixed", "status", "seen")
	for cursor := ""; ; {
		page, err := v.api.AdvisoryHosts(v.ctx(), id, cursor, perFile)
		for _, h := range page.Hosts {
			t.row(h.Name, h.Site, h.Tag, h.System, h.Package, h.Version, h.Fixed, h.Status, api.CellTime(h.Seen))
		}
		if cursor = page.Next; err != nil || t.err != nil || cursor == "" {
			return t.end(err)
		}
	}
}
