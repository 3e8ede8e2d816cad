package advisories

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/advisory/systems"
	"muster/api"
	"muster/internal/db/dbtest"
	"muster/sitereport"
)

// TestManyHosts has more hosts come at once than are moved in one write.
func TestManyHosts(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON", "PIC")
	b := brought{"debian", "debian", tracker("curl CVE-1 bookworm 2 high", "curl CVE-2 bookworm - low")}
	w.bring(b.source, b.form, b.text)
	for n := range movedHosts + 50 {
		w.report([]string{"LYON", "PIC"}[n%2], fmt.Sprint("host", n), said{}, fmt.Sprint("curl ", 1+n%3))
	}
	w.follow()
	standing, err := w.Standing(t.Context(), []string{"LYON", "PIC"})
	check(t, err)
	if s := standing.All; s.Hosts != movedHosts+50 || s.Worst.High != 184 || s.Worst.Low != s.Hosts-184 {
		t.Errorf("%+v", standing)
	}
	p := &play{world: w, kept: map[string]brought{b.source: b}}
	p.sameAs(p.anew(p.all()), "many")
}

// TestLists asks in every way.
func TestLists(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON", "PIC")
	one := w.report("LYON", "a", said{}, "libssl3 1 openssl 1", "openssl 1", "curl 1")
	w.report("PIC", "b", said{}, "openssl 2", "curl 1")
	w.report("PIC", "c", said{id: "plan9", version: "4"}, "rc 1")
	w.bring("debian", "debian", tracker("openssl CVE-1 bookworm 3 high", "openssl CVE-2 bookworm 2 low", "curl CVE-31 bookworm - medium", "bash CVE-4 bookworm - high"))
	ctx := t.Context()

	page, err := w.PackageFindings(ctx, nil, "openssl", api.FindingQuery{})
	check(t, err)
	got := words(page.Findings)
	slices.Sort(got)
	same(t, "of a source package", got, []string{"CVE-1 libssl3 3 high", "CVE-1 openssl 3 high", "CVE-1 openssl 3 high", "CVE-2 libssl3 2 low", "CVE-2 openssl 2 low"})
	page, err = w.PackageFindings(ctx, []string{"PIC"}, "openssl", api.FindingQuery{})
	check(t, err)
	if len(page.Findings) != 1 || page.Findings[0].Hosts != 1 || page.Findings[0].Version != "2" {
		t.Errorf("of a site: %+v", page)
	}
	if page, err = w.PackageFindings(ctx, nil, "nosuch", api.FindingQuery{}); err != nil || len(page.Findings) != 0 {
		t.Errorf("%+v, %v", page, err)
	}

	ids := func(p api.AdvisoryPage, err error) (all []string) {
		t.Helper()
		check(t, err)
		for _, a := range p.Advisories {
			all = append(all, fmt.Sprint(a.ID, " ", *a.Hosts))
		}
		return all
	}
	same(t, "all, the worst first", ids(w.SiteFindings(ctx, nil, "", api.FindingQuery{})), []string{"CVE-1 2", "CVE-31 2", "CVE-2 1"})
	same(t, "with a text", ids(w.SiteFindings(ctx, nil, "", api.FindingQuery{Text: "cve-3"})), []string{"CVE-31 2"})
	same(t, "with a fix", ids(w.SiteFindings(ctx, []string{"PIC"}, "PIC", api.FindingQuery{Fixable: true})), []string{"CVE-1 1"})
	same(t, "none may be seen", ids(w.SiteFindings(ctx, []string{}, "", api.FindingQuery{})), nil)
	same(t, "also those of no host", ids(w.List(ctx, []string{"LYON"}, api.FindingQuery{Severity: "high"})), []string{"CVE-4 0", "CVE-1 1"})
	first, err := w.List(ctx, nil, api.FindingQuery{Text: "%_CVE", Limit: 2})
	same(t, "text is no pattern", ids(first, err), nil)
	first, err = w.List(ctx, nil, api.FindingQuery{Limit: 3})
	check(t, err)
	rest, err := w.List(ctx, nil, api.FindingQuery{Limit: 3, Cursor: first.Next})
	if err != nil || len(first.Advisories) != 3 || len(rest.Advisories) != 1 || rest.Next != "" {
		t.Errorf("pages %+v, %+v, %v", first, rest, err)
	}
	same(t, "with a text", w.found(nil, one, api.FindingQuery{Text: "SSL3"}), []string{"CVE-1 libssl3 3 high", "CVE-2 libssl3 2 low"})

	found, err := w.Found(ctx, &sitereport.Report{Site: "LYON", System: sitereport.System{ID: "debian", Version: "12"}, Packages: []sitereport.Package{pkg("curl 1"), pkg("bash 5")}})
	check(t, err)
	if len(found) != 2 || found[0].ID != "CVE-31" || found[0].Tag != "medium" || found[1].Name != "bash" {
		t.Errorf("found %+v", found)
	}
	sources, err := w.ListSources(ctx)
	check(t, err)
	if len(sources.Unmapped) != 1 || sources.Unmapped[0] != (api.UnmappedSystem{ID: "plan9", Version: "4", Hosts: 1}) {
		t.Errorf("unmapped %+v", sources.Unmapped)
	}

	for what, err := range map[string]error{
		"severity": func() error { _, err := w.List(ctx, nil, api.FindingQuery{Severity: "huge"}); return err }(),
		"cursor":   func() error { _, err := w.List(ctx, nil, api.FindingQuery{Cursor: "-1"}); return err }(),
	} {
		if muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = w.Show(ctx, nil, "CVE-404")
	wantKind(t, err, muster.NotFound)
	for _, bad := range []api.AdvisoryIgnore{{Reason: "r"}, {Advisory: "CVE-1"}, {Package: "*", Reason: "r"}, {Package: "a*b*", Reason: "r"}, {Advisory: "CVE-1", Platform: "amiga", Reason: "r"},
		{Advisory: "CVE-1", Reason: "r", Expires: 1}, {Advisory: strings.Repeat("x", 200), Reason: "r"}} {
		_, err := w.Ignore(ctx, "eve", bad)
		wantKind(t, err, muster.Invalid)
	}
	wantKind(t, w.Unignore(ctx, 404), muster.NotFound)
}

// TestRemapped has a system become known: what its hosts have is matched then.
func TestRemapped(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newWorld(t, d)
	w.site("LYON")
	host := w.report("LYON", "a", said{id: "ourlinux", version: "3"}, "curl 1")
	w.bring("debian", "debian", tracker("curl CVE-1 bookworm 2 high"))
	same(t, "not known", w.found(nil, host, api.FindingQuery{}), []string{})
	table, err := systems.Builtin().Extend(strings.NewReader("id,version,name,ecosystem,release\nourlinux,3,,debian,12\n"))
	check(t, err)
	now := w.now
	w = newWorld(t, d, func(c *Config) { c.Systems, c.Mapping = table, "ours" })
	w.now = now.Add(hold)
	w.follow()
	same(t, "known", w.found(nil, host, api.FindingQuery{}), []string{"CVE-1 curl 2 high"})
	counts, err := w.HostCounts(t.Context(), nil, []int64{host})
	check(t, err)
	if c := counts[host]; c.High != 1 {
		t.Errorf("counts %+v", counts)
	}
}

// TestPatterns has an advisory name packages by a pattern, before and after hosts report.
func TestPatterns(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	report := func(host string) int64 {
		t.Helper()
		return w.reportOf("LYON", host, said{id: "freebsd", version: "14.2"}, []sitereport.Package{{Manager: "freebsd", Name: "php82-curl", Version: "8.2.1"}, {Manager: "freebsd", Name: "mutt", Version: "1.3.2"}})
	}
	document := func(vulns string) string {
		return `<?xml version="1.0" encoding="utf-8"?><vuxml xmlns="http://www.vuxml.org/apps/vuxml-1">` + vulns + `</vuxml>`
	}
	vuln := func(id, name, fixed string) string {
		return `<vuln vid="11111111-0000-11f1-8000-00000000000` + id + `"><topic>t</topic><affects><package><name>` + name + `</name><range><lt>` + fixed +
			`</lt></range></package></affects><references><cvename>CVE-2026-000` + id + `</cvename></references><dates><discovery>2026-01-01</discovery><entry>2026-01-02</entry></dates></vuln>`
	}
	one := report("a")
	w.bring("ports", "vuxml", document(vuln("1", "php*-curl", "8.2.5")+vuln("2", "mutt", "1.4")))
	two := report("b")
	w.follow()
	a, b := w.found(nil, one, api.FindingQuery{}), w.found(nil, two, api.FindingQuery{})
	if len(a) != 2 || !slices.Equal(a, b) || !strings.Contains(strings.Join(a, " "), "php82-curl 8.2.5") {
		t.Errorf("%q, %q", a, b)
	}
	w.bring("ports", "vuxml", document(vuln("2", "mutt", "1.4")))
	if a = w.found(nil, one, api.FindingQuery{}); len(a) != 1 || !strings.Contains(a[0], "mutt") {
		t.Errorf("%q", a)
	}
}

// TestBackports: hosts that have packages of backports hear of them by what is said of newer
// releases; who reads the advisory is shown what is said of each release.
func TestBackports(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.site("LYON")
	release := func(status, fixed, has string) string {
		return `{"status":"` + status + `","fixed_version":"` + fixed + `","urgency":"high","repositories":{"main":"` + has + `"}}`
	}
	w.bring("tracker", "debian", `{"linux":{"CVE-1":{"releases":{"bullseye":`+release("resolved", "0", "5.10.244-1")+`,"bookworm":`+release("resolved", "6.1.99-1", "6.1.148-1")+`,"sid":`+release("resolved", "6.9.9-1", "6.16-1")+`}}}}`)
	old := w.report("LYON", "old", said{version: "11"}, "linux-image-6.1.0-0.deb11.21-amd64 6.1.90-1~bpo11+1 linux-signed-amd64 6.1.90+1~bpo11+1")
	plain := w.report("LYON", "plain", said{version: "11"}, "linux-image-5.10.0-20-amd64 5.10.1-1 linux-signed-amd64 5.10.1+1")
	new := w.report("LYON", "new", said{version: "11"}, "linux-image-6.1.0-0.deb11.21-amd64 6.1.99-1~bpo11+1 linux-signed-amd64 6.1.99+1~bpo11+1")
	w.follow()
	same(t, "a backport", w.found(nil, old, api.FindingQuery{}), []string{"CVE-1 linux-image-6.1.0-0.deb11.21-amd64  high"})
	same(t, "of the release", w.found(nil, plain, api.FindingQuery{}), []string{})
	same(t, "a mended backport", w.found(nil, new, api.FindingQuery{}), []string{})
	d, err := w.Show(t.Context(), nil, "CVE-1")
	check(t, err)
	var got []string
	for _, a := range d.Affected {
		got = append(got, fmt.Sprint(a.Release, a.Ranges))
	}
	same(t, "what is affected", got, []string{"12[{ 6.1.99-1 }]", "sid[{ 6.9.9-1 }]"})
}
