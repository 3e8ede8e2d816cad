package advisories

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

func (w *world) supported(see []string, site string) (releases, sites []string, page api.SupportPage) {
	w.t.Helper()
	page, err := w.Support(w.t.Context(), see, site)
	check(w.t, err)
	for _, r := range page.Releases {
		releases = append(releases, strings.TrimSpace(fmt.Sprintf("%s %s %s %v %d", r.Platform, r.System, r.State, r.Covered, r.Hosts)))
	}
	for _, s := range page.Sites {
		sites = append(sites, fmt.Sprintf("%s %d: %d %d %d %d, %d", s.Site, s.Hosts, s.Supported, s.Extended, s.Ended, s.Unknown, s.Uncovered))
	}
	return releases, sites, page
}

// TestSupport: hosts are counted by the support of what they run; a host that no list
// speaks of never looks clean; sites are told once, when support ends.
func TestSupport(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.now = time.Date(2026, 7, 11, 12, 0, 0, 0, time.UTC)
		w.site("LYON", "PIC")
		a := w.report("LYON", "a", said{}, "curl 1")
		w.report("LYON", "b", said{id: "debian", version: "8"}, "curl 1")
		w.report("PIC", "c", said{id: "debian", version: "8"}, "curl 1")
		w.report("PIC", "d", said{id: "tinyos", version: "3"}, "curl 1")
		centos := w.reportOf("PIC", "e", said{id: "centos", version: "7"}, []sitereport.Package{{Manager: "rpm", Name: "curl", Version: "7-1", Arch: "x86_64"}})
		w.follow()
		none, err := w.Standing(t.Context(), nil)
		check(t, err)
		if none.All.Worst.None != 0 || none.All.Worst.Uncovered != 5 {
			t.Errorf("nothing is known, and hosts look clean: %+v", none.All)
		}
		w.bring("debian", "debian", tracker("curl CVE-2026-1 bookworm 1 high"))
		standing, err := w.Standing(t.Context(), nil)
		check(t, err)
		if s := standing.All.Worst; s.None != 1 || s.Uncovered != 4 {
			t.Errorf("standing %+v", s)
		}
		releases, sites, page := w.supported(nil, "")
		same(t, "releases", releases, []string{"redhat 7 centos ended false 1", "debian 8  ended false 2", "tinyos 3 unknown false 1", "debian 12  supported true 1"})
		same(t, "sites", sites, []string{"LYON 2: 1 0 1 0, 1", "PIC 3: 0 0 2 1, 3"})
		if page.All.Hosts != 5 || page.All.Uncovered != 4 {
			t.Errorf("all %+v", page.All)
		}
		releases, sites, _ = w.supported([]string{"LYON"}, "")
		same(t, "of one site", append(releases, sites...), []string{"debian 8  ended false 1", "debian 12  supported true 1", "LYON 2: 1 0 1 0, 1"})

		for query, want := range map[api.SupportQuery]string{
			{}:                                    "a b c d e",
			{State: "ended"}:                      "b c e",
			{State: "ended", Site: "PIC"}:         "c e",
			{Platform: "debian 8"}:                "b c",
			{Uncovered: true, Limit: 2}:           "b c",
			{Uncovered: true, Cursor: "2"}:        "d e",
			{State: "supported", Uncovered: true}: "",
		} {
			hosts, err := w.SupportHosts(t.Context(), nil, query)
			check(t, err)
			var names []string
			for _, h := range hosts.Hosts {
				names = append(names, h.Name)
			}
			if strings.Join(names, " ") != want {
				t.Errorf("%+v: %q, want %q", query, names, want)
			}
		}
		_, err = w.SupportHosts(t.Context(), nil, api.SupportQuery{State: "fine"})
		wantKind(t, err, muster.Invalid)
		hosts, err := w.SupportHosts(t.Context(), []string{"PIC"}, api.SupportQuery{Platform: "debian 8"})
		check(t, err)
		if len(hosts.Hosts) != 1 || hosts.Hosts[0].Name != "c" || hosts.Hosts[0].Release.Name != "Jessie" {
			t.Errorf("hosts of one site %+v", hosts)
		}

		found, err := w.HostFindings(t.Context(), nil, centos, api.FindingQuery{})
		check(t, err)
		if r := found.Release; r == nil || r.Covered || r.State != "ended" || r.Name != "CentOS Linux 7" {
			t.Errorf("release %+v", r)
		}
		list, err := w.SiteFindings(t.Context(), nil, "PIC", api.FindingQuery{})
		check(t, err)
		if list.Uncovered != 3 {
			t.Errorf("a site without findings: %+v", list)
		}
		said, err := w.Found(t.Context(), &sitereport.Report{Site: "PIC", System: sitereport.System{ID: "debian", Version: "8"}, Packages: []sitereport.Package{pkg("curl 1")}})
		check(t, err)
		if len(said) != 1 || said[0].ID != NotCovered || said[0].Version != "debian 8" {
			t.Errorf("a reporter is told %+v", said)
		}

		// Told once; a day later Debian 12 has its longer support only.
		same(t, "news", w.news(nil), []string{"support.ended LYON 0 1", "support.ended PIC 0 1", "support.ended PIC 0 1"})
		w.pass(24 * time.Hour)
		w.follow()
		same(t, "a day later", w.news(nil)[3:], []string{"support.extended LYON 0 1"})
		all, _, err := w.News(t.Context(), []string{"LYON"}, 0, 10)
		check(t, err)
		if n := all[len(all)-1]; n.Release == nil || n.Release.Platform != "debian 12" || n.Release.Kind != "eol-lts" {
			t.Errorf("news %+v", n)
		}
		w.pass(24 * time.Hour)
		w.follow()
		if n := len(w.news(nil)); n != 4 {
			t.Errorf("told again: %d", n)
		}
		check(t, w.sites.Forget(t.Context(), w.now, a))
		w.pass(time.Hour)
		w.follow()

		// A list that somebody brings counts before the built-in.
		w.bring("lives", "releases", "ecosystem,release,system,name,released,ends\ndebian,8,,Jessie,,eol=2026-12-31\n")
		releases, _, _ = w.supported(nil, "LYON")
		same(t, "of a list", releases, []string{"debian 8  supported false 1"})
		for _, all := range []bool{true} {
			page, err := w.List(t.Context(), nil, api.FindingQuery{})
			check(t, err)
			if all && slices.ContainsFunc(page.Advisories, func(a api.Advisory) bool { return strings.HasPrefix(a.ID, "release:") }) {
				t.Errorf("a release is listed as an advisory: %+v", page)
			}
		}
	})
}

// TestPackageSupport: a package of a list counts from the day on which its support ends;
// such a list does not cover a release.
func TestPackageSupport(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.now = time.Date(2026, 6, 11, 12, 0, 0, 0, time.UTC)
	w.site("LYON")
	h := w.report("LYON", "a", said{}, "lxd 5 lxd 5", "php-horde-core 1")
	_, err := w.Import(t.Context(), ImportOptions{Source: "ended", Form: "support", Ecosystem: "debian", Release: "12"}, readerOf("lxd 5 2026-06-12 too complex\nphp-horde.* 0 2025-03-22 old\n"))
	check(t, err)
	same(t, "the day before", w.found(nil, h, api.FindingQuery{}), []string{"end-of-life:php-horde.* php-horde-core  unknown"})
	releases, _, page := w.supported(nil, "")
	same(t, "not covered", releases, []string{"debian 12  supported false 1"})
	if len(page.Packages) != 1 || page.Packages[0].ID != "end-of-life:php-horde.*" || *page.Packages[0].Hosts != 1 {
		t.Errorf("packages %+v", page.Packages)
	}
	w.pass(12 * time.Hour)
	w.follow()
	same(t, "on the day", w.found(nil, h, api.FindingQuery{}), []string{"end-of-life:php-horde.* php-horde-core  unknown", "end-of-life:lxd lxd  unknown"})
	if _, _, page := w.supported(nil, "LYON"); len(page.Packages) != 2 {
		t.Errorf("packages %+v", page.Packages)
	}
}
