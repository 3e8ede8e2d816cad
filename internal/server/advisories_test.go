package server

import (
	"strings"
	"testing"
	"time"

	"muster"
	"muster/advisory/systems"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

const someTracker = `{"curl":{"CVE-2026-1":{"description":"about curl","releases":{"bookworm":{"status":"open","urgency":"high","repositories":{"bookworm":"1"}}}}},
"zlib":{"CVE-2026-2":{"description":"about zlib","releases":{"bookworm":{"status":"resolved","fixed_version":"2","urgency":"low","repositories":{"bookworm":"2"}}}}}}`

// TestAdvisories imports a tracker through the API, and asks for what it says of hosts
// of sites: as one who may see all, as one who may see a site, and as a host that reports.
func TestAdvisories(t *testing.T) {
	w := newReporting(t)
	ctx := t.Context()
	admin := w.person()
	status, body := w.post(w.sealed(node("NIKHEF", "a.example.org", "curl 1", "zlib 1")))
	wantAnswer(t, status, body, 200, "OK\n")
	_, err := w.sites.Take(ctx, time.Now(), node("OPEN", "b.example.org", "curl 1"), sites.Sender{Proven: "OPEN", Form: "native"})
	check(t, err)
	out, err := admin.ImportAdvisories(ctx, "debian", "debian", "", false, strings.NewReader(someTracker), int64(len(someTracker)))
	check(t, err)
	if out.Added != 2 {
		t.Errorf("import %+v", out)
	}
	page := must(admin.Advisories(ctx, api.AdvisoryQuery{}))(t)
	if len(page.Advisories) != 2 || page.Advisories[0].ID != "CVE-2026-1" || *page.Advisories[0].Hosts != 2 {
		t.Errorf("advisories %+v", page)
	}

	feed := must(admin.Changes(ctx, api.FeedQuery{Since: api.FeedStart, Kinds: []string{"advisory"}}))(t)
	if len(feed.Items) != 2 || feed.Items[0].Kind != api.AdvisoryNew || feed.Items[0].Advisory.Advisory.ID != "CVE-2026-1" {
		t.Errorf("feed %+v", feed)
	}

	// Who may see a site sees nothing of others: neither hosts nor how many they are.
	_, bob := w.limited(admin)
	must(admin.AddRule(ctx, api.Rule{Who: "person:bob", Verbs: []api.Verb{api.VerbView}, Hosts: "site:OPEN"}))(t)
	page = must(bob.Advisories(ctx, api.AdvisoryQuery{}))(t)
	if len(page.Advisories) != 1 || *page.Advisories[0].Hosts != 1 {
		t.Errorf("of one site: %+v", page)
	}
	feed = must(bob.Changes(ctx, api.FeedQuery{Since: api.FeedStart, Kinds: []string{"advisory.new"}}))(t)
	if len(feed.Items) != 1 || feed.Items[0].Advisory.Site != "OPEN" {
		t.Errorf("feed of one site: %+v", feed)
	}
	hosts := must(bob.AdvisoryHosts(ctx, "CVE-2026-1", "", 0))(t)
	if len(hosts.Hosts) != 1 || hosts.Hosts[0].Name != "b.example.org" {
		t.Errorf("hosts of one site: %+v", hosts)
	}
	detail := must(bob.Advisory(ctx, "CVE-2026-2"))(t)
	if *detail.Hosts != 0 || len(detail.Sites) != 0 {
		t.Errorf("detail %+v", detail)
	}
	for _, ask := range []func() error{
		func() error { _, err := bob.SiteFindings(ctx, "NIKHEF", api.FindingQuery{}); return err },
		func() error { _, err := bob.SiteFindings(ctx, "NOSUCH", api.FindingQuery{}); return err },
		func() error {
			_, err := bob.SiteHostFindings(ctx, "NIKHEF", "a.example.org", api.FindingQuery{})
			return err
		},
	} {
		if err := ask(); muster.KindOf(err) != muster.NotFound || !strings.Contains(err.Error(), "there is no site") {
			t.Errorf("of a site that may not be seen: %v", err)
		}
	}
	found := must(bob.SiteHostFindings(ctx, "OPEN", "b.example.org", api.FindingQuery{}))(t)
	if len(found.Findings) != 1 || found.Findings[0].Package != "curl" {
		t.Errorf("findings %+v", found)
	}
	if counts := must(bob.AdvisoryCounts(ctx))(t); len(counts.Sites) != 1 || counts.All.Hosts != 1 {
		t.Errorf("counts %+v", counts)
	}
	// Where a source is read from, and why not, is for who administers.
	check(t, w.advisories.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE advisories_source SET place = 'https://lists.example.org/a?token=secret', error = 'cannot read /srv/secret', failing = 1")
		return err
	}))
	sources := must(bob.AdvisorySources(ctx))(t)
	if len(sources.Sources) != 1 || sources.Unmapped != nil || sources.Sources[0].Place != "https://lists.example.org/…" || strings.Contains(sources.Sources[0].Error, "secret") || sources.Sources[0].Error == "" {
		t.Errorf("sources %+v", sources)
	}
	if s := must(admin.AdvisorySources(ctx))(t).Sources[0]; !strings.Contains(s.Place, "secret") || !strings.Contains(s.Error, "secret") {
		t.Errorf("sources of who administers: %+v", s)
	}
	if of := hostOf("/srv/secret/rocky9.xml"); of != "rocky9.xml" || hostOf("") != "" {
		t.Errorf("%q", of)
	}
	_, err = bob.IgnoreAdvisory(ctx, api.AdvisoryIgnore{Advisory: "CVE-2026-1", Reason: "no"})
	wantKind(t, err, muster.Denied)
	_, err = bob.ImportAdvisories(ctx, "debian", "debian", "", true, strings.NewReader("{}"), 2)
	wantKind(t, err, muster.Denied)

	// What is ignored counts no more, until that ends.
	ignored := must(admin.IgnoreAdvisory(ctx, api.AdvisoryIgnore{Advisory: "CVE-2026-1", Site: "OPEN", Reason: "not used"}))(t)
	check(t, w.advisories.Follow(ctx))
	if page := must(bob.Advisories(ctx, api.AdvisoryQuery{}))(t); len(page.Advisories) != 0 {
		t.Errorf("ignored: %+v", page)
	}
	check(t, admin.UnignoreAdvisory(ctx, number(ignored.Number)))
	check(t, w.advisories.Follow(ctx))
	if page := must(bob.SiteFindings(ctx, "OPEN", api.FindingQuery{Severity: "high"}))(t); len(page.Advisories) != 1 {
		t.Errorf("not ignored any more: %+v", page)
	}

	// A host under an agent is of no site: who may see it sees what it has.
	id := w.joined(admin, 1)[0].ID
	report := node("", "pc", "curl 1")
	_, err = w.sites.Take(ctx, time.Now(), report, sites.Sender{Form: "agent", Agent: id})
	check(t, err)
	check(t, w.advisories.Follow(ctx))
	found = must(admin.HostFindings(ctx, id, api.FindingQuery{}))(t)
	if len(found.Findings) != 1 || found.Findings[0].Advisory.ID != "CVE-2026-1" {
		t.Errorf("under an agent: %+v", found)
	}
	_, err = admin.HostFindings(ctx, "nosuch", api.FindingQuery{})
	wantKind(t, err, muster.NotFound)

	// What hosts run, and what no list speaks of: of sites that one may see.
	_, err = w.sites.Take(ctx, time.Now(), onDebian8("OPEN", "old.example.org"), sites.Sender{Proven: "OPEN", Form: "native"})
	check(t, err)
	check(t, w.advisories.Follow(ctx))
	support := must(admin.Support(ctx, ""))(t)
	if support.All.Ended != 1 || support.All.Uncovered != 1 || support.Releases[0].Platform != "debian 8" {
		t.Errorf("support %+v", support)
	}
	if support = must(bob.Support(ctx, ""))(t); len(support.Sites) != 1 || support.All.Hosts != 2 {
		t.Errorf("support of one site %+v", support)
	}
	if support = must(bob.Support(ctx, "NIKHEF"))(t); len(support.Releases) != 0 {
		t.Errorf("support of a site that may not be seen %+v", support)
	}
	for platform, n := range map[string]int{"debian 8": 1, "debian:12": 1, "": 2} {
		if hosts := must(bob.SupportHosts(ctx, api.SupportQuery{Platform: platform}))(t); len(hosts.Hosts) != n || hosts.Hosts[0].Site != "OPEN" {
			t.Errorf("hosts on %q: %+v", platform, hosts)
		}
	}
	found = must(bob.SiteHostFindings(ctx, "OPEN", "old.example.org", api.FindingQuery{}))(t)
	if found.Release == nil || found.Release.Covered || found.Release.State != api.Unsupported {
		t.Errorf("a host that no list speaks of: %+v", found)
	}
	feed = must(bob.Changes(ctx, api.FeedQuery{Since: api.FeedStart, Kinds: []string{"support"}}))(t)
	if len(feed.Items) == 0 || feed.Items[0].Advisory.Site != "OPEN" || feed.Items[0].Advisory.Release == nil {
		t.Errorf("feed of support %+v", feed)
	}

	// Scores, lists of what is ignored, and sources that go.
	scores := "cve,epss,percentile\nCVE-2026-0001,0.5,0.9\n"
	must(admin.ImportAdvisories(ctx, "epss", "epss", "", false, strings.NewReader(scores), int64(len(scores))))(t)
	if page := must(admin.Advisories(ctx, api.AdvisoryQuery{FindingQuery: api.FindingQuery{EPSS: 0.1, Sort: "epss"}}))(t); len(page.Advisories) != 1 || page.Advisories[0].EPSS != 0.5 || page.Uncovered != 1 {
		t.Errorf("by score %+v", page)
	}
	if page := must(admin.Advisories(ctx, api.AdvisoryQuery{FindingQuery: api.FindingQuery{EPSS: 0.6}}))(t); len(page.Advisories) != 0 {
		t.Errorf("by score %+v", page)
	}
	_, err = admin.Advisories(ctx, api.AdvisoryQuery{FindingQuery: api.FindingQuery{EPSS: 7}})
	wantKind(t, err, muster.Invalid)
	list := must(admin.IgnoreAdvisories(ctx, []byte("id,reason\nCVE-2026-1,not used\n")))(t)
	if list.Added != 1 {
		t.Errorf("list %+v", list)
	}
	_, err = admin.IgnoreAdvisories(ctx, []byte("id,reason\nCVE-2026-1,\n"))
	wantKind(t, err, muster.Invalid)
	_, err = bob.IgnoreAdvisories(ctx, []byte("id,reason\nCVE-2026-1,x\n"))
	wantKind(t, err, muster.Denied)
	ignoredNow := must(admin.IgnoredAdvisories(ctx))(t)
	check(t, admin.UnignoreAdvisory(ctx, number(ignoredNow.Ignored[0].Number)))
	wantKind(t, bob.RemoveAdvisorySource(ctx, "epss"), muster.Denied)
	wantKind(t, admin.RemoveAdvisorySource(ctx, "nosuch"), muster.NotFound)
	check(t, admin.RemoveAdvisorySource(ctx, "epss"))
	if sources := must(admin.AdvisorySources(ctx))(t); len(sources.Sources) != 1 {
		t.Errorf("sources %+v", sources)
	}

	// A reporter that asks is told.
	again := node("NIKHEF", "a.example.org", "curl 1", "zlib 2")
	again.Time++
	status, body = w.send(api.RouteReports+"?mode=store-and-report", "application/pkcs7-mime", w.sealed(again))
	wantAnswer(t, status, body, 200, "OK\ncurl\t1\tamd64\tCVE-2026-1\thigh\t\n")
}

func onDebian8(site, host string) *sitereport.Report {
	r := node(site, host, "curl 1")
	r.System.ID, r.System.Version = "debian", "8"
	return r
}

// TestParseSource reads lines of advisories.sources.
func TestParseSource(t *testing.T) {
	for line, bad := range map[string]bool{
		"debian debian https://security-tracker.debian.org/tracker/data/json": false,
		"rocky updateinfo /srv/updateinfo.xml platform=rocky:9 every=1h":      false,
		"rocky updateinfo":                       true,
		"x nosuch /srv/x":                        true,
		"x osv https://user:pw@example.org/":     true,
		"X osv /srv/x":                           true,
		"x osv /srv/x every=1s":                  true,
		"x osv /srv/x color=red":                 true,
		"x osv file:///etc/passwd":               false,
		"x osv https://[::1]/x platform=rocky:9": false,
	} {
		if _, err := parseSource(line); (err != nil) != bad {
			t.Errorf("%q: %v", line, err)
		}
	}
	if !systems.Builtin().Ecosystem("rocky", "9").Known {
		t.Error("rocky is not known")
	}
}
