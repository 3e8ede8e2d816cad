package console

import (
	"net/http"
	"strconv"
	"strings"

	"muster/api"
)

// A supportPage says until when what hosts run is supported, and which of it no list of
// advisories speaks of; or lists the hosts of one of these.
type supportPage struct {
	Tabs        []entry
	Rows        []supportRow
	Counts      api.SupportCounts
	Packages    []advisoryRow
	Hosts       []supportHostRow // nil: they are not asked for
	Asked       bool
	Query       api.SupportQuery
	First, Next string
	CSV, JSON   string
}

// A supportRow is a release of a system.
type supportRow struct {
	releaseView
	Hosts int64
	Href  string
}

// A supportHostRow is a host, and what it runs.
type supportHostRow struct {
	api.SupportHost
	View     releaseView
	Href, At string // its page, and that of its site
}

// A releaseView is a release as people read it.
type releaseView struct {
	Name    string
	Badge   badge
	Kind    string // of a longer support, as LTS
	Until   string // the last day of it; "": not known
	Cover   badge  // whether a list of advisories speaks of it
	Covered bool
}

// supportBadges are what states of support look like.
var supportBadges = map[string]badge{
	api.Supported: {"ok", "supported"}, api.SupportedLonger: {"waits", "longer support"}, api.Unsupported: {"error", "support is over"},
	"not-released": {"off", "not released yet"}, api.SupportUnknown: {"off", "not known"},
}

func (v *visit) release(r *api.ReleaseSupport) releaseView {
	out := releaseView{Name: strings.TrimSpace(r.Platform + " " + r.Name), Badge: supportBadges[r.State], Cover: badge{"waits", "not covered"}, Covered: r.Covered}
	if r.Covered {
		out.Cover = badge{"ok", "covered"}
	}
	if r.Platform == "" || r.System != "" {
		out.Name = strings.TrimSpace(out.Name + " " + r.System)
	}
	if r.State == api.SupportedLonger {
		out.Kind = strings.ToUpper(strings.TrimPrefix(r.Kind, "eol-"))
	}
	if r.Ends > 0 {
		out.Until = dayOf(r.Ends - 1)
	}
	return out
}

func supportShow(v *visit) (any, error) {
	page, err := v.api.Support(v.ctx(), v.query("site"))
	out := &supportPage{Tabs: v.advisoryTabs("/advisories/support"), Counts: page.All}
	for i := range page.Releases {
		r := &page.Releases[i]
		row := supportRow{releaseView: v.release(r), Hosts: r.Hosts}
		if r.Platform != "" {
			row.Href = v.link("/advisories/support/hosts", "site", v.query("site"), "platform", r.Platform)
		}
		out.Rows = append(out.Rows, row)
	}
	for _, a := range page.Packages {
		out.Packages = append(out.Packages, v.advisoryRow(a))
	}
	if v.may(api.VerbReport) {
		out.CSV, out.JSON = v.link("/advisories/support/hosts.csv", "site", v.query("site")), v.link("/advisories/support/hosts.json", "site", v.query("site"))
	}
	return out, v.tell(err)
}

func (v *visit) supportQuery() api.SupportQuery {
	return api.SupportQuery{Site: v.query("site"), Platform: v.query("platform"), State: v.query("state"), Uncovered: v.query("uncovered") != "", Cursor: v.query("cursor"), Limit: perPage}
}

func (v *visit) supportAt(path, cursor string) string {
	return v.link(path, "site", v.query("site"), "platform", v.query("platform"), "state", v.query("state"), "uncovered", v.query("uncovered"), "cursor", cursor)
}

func supportHosts(v *visit) (any, error) {
	const path = "/advisories/support/hosts"
	q := v.supportQuery()
	page, err := v.api.SupportHosts(v.ctx(), q)
	out := &supportPage{Tabs: v.advisoryTabs("/advisories/support"), Asked: true, Query: q}
	for _, h := range page.Hosts {
		out.Hosts = append(out.Hosts, supportHostRow{h, v.release(&h.Release), v.siteHostAt(h.Site, h.Name), v.siteAt(h.Site)})
	}
	if q.Cursor != "" {
		out.First = v.supportAt(path, "")
	}
	if page.Next != "" {
		out.Next = v.supportAt(path, page.Next)
	}
	if v.may(api.VerbReport) {
		out.CSV, out.JSON = v.supportAt(path+".csv", ""), v.supportAt(path+".json", "")
	}
	return out, v.tell(err)
}

func supportTable(v *visit, w http.ResponseWriter) error {
	t := v.table(w, "support", "host", "site", "tag", "platform", "system", "support", "kind", "until", "covered", "seen")
	for q := v.supportQuery(); ; {
		q.Limit = perFile
		page, err := v.api.SupportHosts(v.ctx(), q)
		for _, h := range page.Hosts {
			r := &h.Release
			t.row(h.Name, h.Site, h.Tag, r.Platform, r.System, r.State, r.Kind, v.release(r).Until, strconv.FormatBool(r.Covered), api.CellTime(h.Seen))
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}

// score is how likely it is that an advisory is exploited within 30 days; "" is not known.
func score(a *api.Advisory) string {
	if a.EPSS <= 0 {
		return ""
	}
	return percent(int(a.EPSS*100_000+.5), 100_000)
}
