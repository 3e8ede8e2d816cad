package advisories

import (
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestLife goes from a tracker and reports to findings, counts and news, on every
// engine: an advisory comes, is ignored, is mended on a host, is withdrawn.
func TestLife(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.site("LYON", "NIKHEF")
		const openssl = "libssl3 3.0.1-1 openssl 3.0.1-1"
		one := w.report("LYON", "a.example.org", said{kernel: "6.1.0-28-amd64"}, openssl, "curl 7.0-1", "linux-image-6.1.0-28-amd64 6.1.119-1 linux-signed-amd64 6.1.119+1", "linux-image-6.1.0-25-amd64 6.1.106-1 linux-signed-amd64 6.1.106+1")
		two := w.report("LYON", "b.example.org", said{}, openssl, "curl 7.0-1")
		three := w.report("NIKHEF", "c.example.org", said{}, "curl 7.0-1")
		w.follow()
		lines := []string{
			"openssl CVE-1 bookworm 3.0.2-1 high", "curl CVE-2 bookworm 7.0-2 low", "curl CVE-3 bookworm - high",
			"linux CVE-4 bookworm 6.1.112-1 high", "linux CVE-5 bookworm 6.1.120-1 medium", "openssl CVE-6 bullseye 9 high", "openssl CVE-7 bookworm 0",
		}
		out := w.bring("debian", "debian", tracker(lines...))
		if out.Added != 6 || out.Entries != 6 {
			t.Errorf("import %+v", out)
		}
		same(t, "host one", w.found(nil, one, api.FindingQuery{}), []string{"CVE-3 curl  high", "CVE-1 libssl3 3.0.2-1 high", "CVE-5 linux-image-6.1.0-28-amd64 6.1.120-1 medium", "CVE-2 curl 7.0-2 low"})
		same(t, "host three", w.found([]string{"NIKHEF"}, three, api.FindingQuery{Fixable: true}), []string{"CVE-2 curl 7.0-2 low"})
		_, err := w.HostFindings(t.Context(), []string{"NIKHEF"}, one, api.FindingQuery{})
		wantKind(t, err, muster.NotFound)
		same(t, "news", w.news(nil), []string{"advisory.new LYON CVE-1 2", "advisory.new LYON CVE-3 2", "advisory.new NIKHEF CVE-3 1"})

		counts, err := w.HostCounts(t.Context(), []string{"LYON"}, []int64{one, two, three})
		check(t, err)
		if len(counts) != 2 || counts[one] != (api.AdvisoryCounts{SeverityCounts: api.SeverityCounts{High: 2, Medium: 1, Low: 1}, Fixable: 3, Packages: 3}) ||
			counts[two] != (api.AdvisoryCounts{SeverityCounts: api.SeverityCounts{High: 2, Low: 1}, Fixable: 2, Packages: 2}) {
			t.Errorf("counts %+v", counts)
		}
		hosts, err := w.Holders(t.Context(), nil, "CVE-2", "", 0)
		check(t, err)
		if len(hosts.Hosts) != 3 || hosts.Hosts[0].Name != "a.example.org" || hosts.Hosts[2].Site != "NIKHEF" || hosts.Hosts[0].Fixed != "7.0-2" {
			t.Errorf("holders %+v", hosts)
		}

		// Ignored at one site, until tomorrow.
		_, err = w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: "CVE-3", Site: "LYON", Reason: "not reachable", Expires: w.now.Add(24 * time.Hour).Unix()})
		check(t, err)
		w.follow()
		same(t, "ignored", w.found(nil, two, api.FindingQuery{Ignored: true}), []string{"CVE-3 curl  high (not reachable)", "CVE-1 libssl3 3.0.2-1 high", "CVE-2 curl 7.0-2 low"})
		same(t, "not asked for", w.found(nil, two, api.FindingQuery{}), []string{"CVE-1 libssl3 3.0.2-1 high", "CVE-2 curl 7.0-2 low"})
		page, err := w.SiteFindings(t.Context(), nil, "LYON", api.FindingQuery{})
		check(t, err)
		if len(page.Advisories) != 3 || page.Advisories[0].ID != "CVE-1" || *page.Advisories[0].Hosts != 2 {
			t.Errorf("site %+v", page)
		}
		same(t, "gone from one site", w.news([]string{"LYON"})[2:], []string{"advisory.gone LYON CVE-3 0"})
		w.pass(25 * time.Hour)
		w.follow()
		same(t, "it has expired", w.news([]string{"LYON"})[3:], []string{"advisory.new LYON CVE-3 2"})

		// Mended on a host; then withdrawn.
		w.report("LYON", "b.example.org", said{}, "libssl3 3.0.2-1 openssl 3.0.2-1", "curl 7.0-1")
		w.follow()
		same(t, "mended", w.found(nil, two, api.FindingQuery{Severity: "high"}), []string{"CVE-3 curl  high"})
		out = w.bring("debian", "debian", tracker(lines[1:]...))
		if out.Withdrawn != 1 || out.Changed != 0 || out.Added != 0 {
			t.Errorf("import %+v", out)
		}
		same(t, "withdrawn", w.found(nil, one, api.FindingQuery{Severity: "high"}), []string{"CVE-3 curl  high"})
		same(t, "news of it", w.news([]string{"LYON"})[4:], []string{"advisory.gone LYON CVE-1 0"})
		if out = w.bring("debian", "debian", tracker(lines[1:]...)); !out.Unchanged {
			t.Errorf("the same again: %+v", out)
		}
		detail, err := w.Show(t.Context(), nil, "CVE-1")
		check(t, err)
		if detail.Withdrawn == 0 || *detail.Hosts != 0 {
			t.Errorf("withdrawn %+v", detail)
		}

		// The catalogue of exploited ones marks what shares a name with it.
		w.bring("kev", "kev", `{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2","vulnerabilityName":"curl","dateAdded":"2026-01-01"}]}`)
		same(t, "exploited", w.found(nil, three, api.FindingQuery{}), []string{"CVE-3 curl  high", "CVE-2 curl 7.0-2 low !"})
		same(t, "news of that", w.news([]string{"NIKHEF"}), []string{"advisory.new NIKHEF CVE-3 1", "advisory.new NIKHEF CVE-2 1"})
		standing, err := w.Standing(t.Context(), nil)
		check(t, err)
		if s := standing.All; s.Hosts != 3 || s.Worst.High != 3 || s.Worst.Exploited != 3 || s.Advisories.Low != 1 || s.Advisories.High != 1 || s.Advisories.Medium != 1 {
			t.Errorf("standing %+v", standing)
		}
		trend, err := w.Trend(t.Context(), nil, "", 0)
		check(t, err)
		if len(trend.Points) != 2 || trend.Points[1].Hosts != 3 {
			t.Errorf("trend %+v", trend)
		}
		w.bring("kev", "kev", `{"catalogVersion":"2","vulnerabilities":[{"cveID":"CVE-9","vulnerabilityName":"other","dateAdded":"2026-01-01"}]}`)
		same(t, "not exploited any more", w.found(nil, three, api.FindingQuery{}), []string{"CVE-3 curl  high", "CVE-2 curl 7.0-2 low"})
	})
}

// TestIgnoredByAlias has an advisory come by a name that is ignored, and lose it.
func TestIgnoredByAlias(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	host := w.report("LYON", "a", said{}, "curl 1")
	document := func(alias string) string {
		return `{"id":"DSA-1","modified":"2026-01-01T00:00:00Z","aliases":["` + alias + `"],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}`
	}
	_, err := w.Ignore(t.Context(), "eve", api.AdvisoryIgnore{Advisory: "CVE-5", Reason: "r"})
	check(t, err)
	for i, step := range []struct {
		alias   string
		ignored int64
	}{{"CVE-4", 0}, {"CVE-5", 1}, {"CVE-6", 0}} {
		w.bring("osv", "osv", document(step.alias))
		counts, err := w.HostCounts(t.Context(), nil, []int64{host})
		check(t, err)
		if c := counts[host]; c.Ignored != step.ignored || c.Total() != 1-step.ignored {
			t.Errorf("step %d: %+v", i, c)
		}
	}
}
