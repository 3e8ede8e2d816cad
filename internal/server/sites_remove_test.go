package server

import (
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/sites"
	"muster/sitereport"
)

// TestRemoveSite has a site removed over the API: what hangs on its name goes with it, who
// follows hears of it, and a site that gets the name has nothing of it.
func TestRemoveSite(t *testing.T) {
	w := newWorld(t)
	c := w.person()
	now := time.Now()
	for _, site := range []string{"A", "B"} {
		must(c.PutSite(t.Context(), site, api.SitePut{}))(t)
		r := &sitereport.Report{Host: "n", Site: site, Time: now.Unix(), Nonce: nonce(), System: sitereport.System{ID: "debian", Version: "12"},
			Packages: []sitereport.Package{{Manager: "dpkg", Name: "zlib", Version: "1", Arch: "amd64"}}}
		must(w.Server.sites.Take(t.Context(), now, r, sites.Sender{Proven: site, Form: "native"}))(t)
		must(c.IgnoreAdvisory(t.Context(), api.AdvisoryIgnore{Advisory: "CVE-1", Site: site, Reason: "x"}))(t)
	}
	must(w.references.Put(t.Context(), "test", "l", api.ReferencePut{Form: "csv", Text: "name,want\nzlib,>= 2\n"}))(t)
	check(t, w.references.Follow(t.Context()))
	check(t, w.advisories.Follow(t.Context()))
	from := must(c.Changes(t.Context(), api.FeedQuery{}))(t).Next

	check(t, c.RemoveSite(t.Context(), "A"))
	wantKind(t, c.RemoveSite(t.Context(), "A"), muster.NotFound)
	page := must(c.Changes(t.Context(), api.FeedQuery{Since: from, Kinds: []string{"site"}}))(t)
	if len(page.Items) != 1 || page.Items[0].Kind != api.SiteRemoved || page.Items[0].Site != "A" {
		t.Errorf("the feed tells %+v", page.Items)
	}
	entries := must(c.Audit(t.Context(), api.AuditQuery{Limit: 10}))(t).Entries
	found := 0
	for _, e := range entries {
		if e.Target == "A" && (e.Outcome == api.AuditBegun || e.Outcome == api.AuditDone) {
			found++
		}
	}
	if found < 2 {
		t.Errorf("the audit log has %+v", entries)
	}
	must(c.PutSite(t.Context(), "A", api.SitePut{}))(t)
	check(t, w.Server.sites.Clear(t.Context(), now))
	check(t, w.references.Follow(t.Context()))
	check(t, w.advisories.Follow(t.Context()))
	check(t, w.advisories.ForgetRows(t.Context(), w.Server.sites.Absent))
	if one := must(c.Site(t.Context(), "A"))(t); one.Hosts != 0 || len(one.Keys) != 0 {
		t.Errorf("the new site is %+v", one)
	}
	for _, e := range must(c.IgnoredAdvisories(t.Context()))(t).Ignored {
		if e.Site == "A" {
			t.Errorf("ignored at the new site: %+v", e)
		}
	}
	for _, s := range must(c.AdvisoryCounts(t.Context()))(t).Sites {
		if s.Site == "A" && s.Hosts > 0 {
			t.Errorf("the new site has %+v", s)
		}
	}
	if got := must(c.CompareReference(t.Context(), "l", api.ReferenceQuery{By: "site"}))(t).BySite; len(got) != 1 || got[0].Site != "B" {
		t.Errorf("compared are %+v", got)
	}
}
