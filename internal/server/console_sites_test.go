package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
)

// consoleTracker is advisories of three kinds: grave and without a fix, fixed, and by somebody who means ill.
const consoleTracker = `{"curl":{"CVE-2026-1":{"description":"about curl","releases":{"bookworm":{"status":"open","urgency":"high","repositories":{"bookworm":"1"}}}},
"CVE-2026-3":{"description":"<script>alert(1)</script> \u202edaed","releases":{"bookworm":{"status":"resolved","fixed_version":"9","urgency":"medium","repositories":{"bookworm":"9"}}}}},
"zlib":{"CVE-2026-2":{"description":"about zlib","releases":{"bookworm":{"status":"resolved","fixed_version":"2","urgency":"low","repositories":{"bookworm":"2"}}}}}}`

const consoleList = "for:\n  sites: [NIKHEF]\npackages:\n  - name: curl\n    want: \">= 2\"\n  - name: zlib\n    want: \">= 1\"\n    optional: true\n"

// sited is a server with hosts of two sites, of which one is silent, advisories about
// them, a list of wanted versions, and two days of the past.
func sited(t testing.TB) *reporting {
	w := newReporting(t)
	ctx := t.Context()
	now := time.Now()
	take := func(at time.Time, site, host string, packages ...string) {
		r := node(site, host, packages...)
		r.Time, r.Tag = at.Unix(), "worker"
		must(w.sites.Take(ctx, at, r, sites.Sender{Proven: site, Form: "native"}))(t)
	}
	take(now.Add(-10*24*time.Hour), "NIKHEF", "a.example.org", "curl 1", "zlib 1", "old 1")
	take(now.Add(-time.Hour), "NIKHEF", "a.example.org", "curl 1", "zlib 2", "new 1")
	take(now.Add(-5*24*time.Hour), "NIKHEF", "b.example.org", "curl 2")
	take(now.Add(-time.Hour), "OPEN", "c/d <x>", "curl 1")
	p := w.person()
	must(p.ImportAdvisories(ctx, "debian", "debian", "", false, strings.NewReader(consoleTracker), int64(len(consoleTracker))))(t)
	must(p.PutReference(ctx, "baseline", api.ReferencePut{Text: consoleList}))(t)
	check(t, w.advisories.Follow(ctx))
	check(t, w.references.Follow(ctx))
	day := now.Unix() - now.Unix()%86400
	check(t, w.db.Write(ctx, func(tx *db.Tx) error {
		var rows [][]any
		for i := range int64(3) {
			at := day - i*86400
			body, err := json.Marshal(api.AdvisoryPoint{Day: at, Hosts: 2, Worst: api.HostCounts{SeverityCounts: api.SeverityCounts{High: 2 - i%2}, None: i % 2}})
			if err != nil {
				return err
			}
			rows = append(rows, []any{"NIKHEF", at, body})
		}
		return tx.Upsert("advisories_day", []string{"site", "day"}, []string{"site", "day", "body"}, rows)
	}))
	return w
}

// The pages of sites, advisories and references show what the API says, and change it.
func TestConsoleSites(t *testing.T) {
	w := sited(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	yesterday := time.Now().UTC().AddDate(0, 0, -9).Format(time.DateOnly)
	behind := "/references/baseline?by=host&of=%2F&package=curl&verdict=behind"
	for path, want := range map[string][]string{
		"/":                                  {"New and serious", `href="/advisories/CVE-2026-1"`, "#high"},
		"/sites":                             {`href="/sites/NIKHEF"`, `href="/sites/NIKHEF?silent=1"`, `href="/sites/OPEN?severity=high&amp;tab=findings"`, "<svg", "Add a site"},
		"/sites?q=nik&sort=worst":            {`href="/sites/NIKHEF"`, `aria-sort="descending"`},
		"/find?q=nikh":                       {`href="/sites/NIKHEF"`},
		"/find?q=CVE-2026-1":                 {`href="/advisories/CVE-2026-1"`},
		"/sites?q=nothing-like-it":           {"No site is like that."},
		"/sites/NIKHEF":                      {`href="/sites/NIKHEF/hosts/a.example.org"`, "silent", "reports", "2 hosts"},
		"/sites/NIKHEF?silent=1":             {"b.example.org"},
		"/sites/NIKHEF?text=a.ex&tag=worker": {"a.example.org"},
		"/sites/NIKHEF?system=rocky":         {"No host is like that."},
		"/sites/NIKHEF?tab=findings":         {`href="/advisories/CVE-2026-1"`, "about curl", `class="spread"`},
		"/sites/NIKHEF?tab=packages":         {"zlib", "4 packages", "2 hosts"},
		"/sites/NIKHEF?tab=packages&at=" + yesterday + "&text=o":          {"old", "at the end of"},
		"/sites/NIKHEF?tab=packages&at=x":                                 {`role="alert"`, "is no day like"},
		"/sites/NIKHEF?tab=changes&from=" + yesterday:                     {"new", "old", "installed", "removed"},
		"/sites/NIKHEF?tab=references":                                    {`href="/references/baseline?by=host&amp;site=NIKHEF"`, "1 of 2"},
		"/sites/NIKHEF?tab=record":                                        {"nikhef-1", "Make a key"},
		"/sites/NIKHEF/hosts/a.example.org":                               {"CVE-2026-1", "no fix yet", "CVE-2026-3", "Running kernel"},
		"/sites/NIKHEF/hosts/a.example.org?severity=high":                 {"CVE-2026-1"},
		"/sites/NIKHEF/hosts/a.example.org?tab=packages":                  {"new", "zlib"},
		"/sites/NIKHEF/hosts/a.example.org?tab=packages&at=" + yesterday:  {"old"},
		"/sites/NIKHEF/hosts/a.example.org?tab=changes&from=" + yesterday: {"zlib", "changed"},
		"/sites/NIKHEF/hosts/a.example.org?tab=states":                    {"6.1.0-28-amd64", "now"},
		"/sites/OPEN":                                           {`href="/sites/OPEN/hosts/c%2Fd%20%3Cx%3E"`, "c/d &lt;x&gt;"},
		"/sites/OPEN/hosts/c%2Fd%20%3Cx%3E":                     {"c/d &lt;x&gt;", "CVE-2026-1"},
		"/advisories":                                           {"CVE-2026-1", "&lt;script&gt;alert(1)&lt;/script&gt; \uFFFDdaed", "of 3"},
		"/advisories?severity=high":                             {"CVE-2026-1"},
		"/advisories?all=1&text=CVE-2026-2":                     {"CVE-2026-2"},
		"/advisories?severity=none-such":                        {`role="alert"`},
		"/advisories/CVE-2026-1":                                {"about curl", `href="/sites/NIKHEF/hosts/a.example.org"`, "every version", "Ignore it", `rel="noreferrer`},
		"/advisories/ignored":                                   {"Nothing is ignored."},
		"/advisories/support":                                   {"debian 12", "platform=debian&#43;12", "covered"},
		"/advisories/support/hosts?platform=debian+12":          {"a.example.org", "covered"},
		"/advisories/support/hosts.csv?uncovered=1":             {"host,site,tag,platform"},
		"/advisories?sort=epss":                                 {"CVE-2026-1", "the most likely to be exploited"},
		"/advisories/sources":                                   {"debian", "brought by hand", "up to date"},
		"/references":                                           {`href="/references/baseline"`, "1 of 2"},
		"/references/new":                                       {`name="text"`},
		"/references/baseline":                                  {"NIKHEF", "1 of 2 hosts are as wanted", `href="/references/baseline?by=host&amp;site=NIKHEF&amp;verdict=behind"`},
		"/references/baseline?by=package":                       {"curl", "&gt;= 2", `href="` + strings.ReplaceAll(behind, "&", "&amp;") + `"`, "how fast?"},
		behind:                                                  {"a.example.org", "by the rows of curl", "Installed", "all rows"},
		behind + "&site=OPEN":                                   {"No host is like that."},
		"/references/baseline?package=curl":                     {"NIKHEF", "1 of 2", "package=curl"},
		"/references/baseline?by=host&package=no-such":          {"No host is like that."},
		"/software":                                             {"Which versions of it"},
		"/software?name=curl":                                   {`href="/software?name=curl&amp;tab=hosts&amp;version=1"`, "Appeared"},
		"/software?name=nosuch":                                 {"No host that you may see"},
		"/software?name=old":                                    {"Vanished", "ago"},
		"/software?name=curl&tab=hosts&version=1":               {"a.example.org", `href="/sites/OPEN/hosts/c%2Fd%20%3Cx%3E"`},
		"/software?name=curl&tab=hosts&version=2":               {"b.example.org"},
		"/software?name=curl&tab=findings":                      {"CVE-2026-1", "CVE-2026-3", "version=1", "want=%3E%3D&#43;9"},
		"/software?name=curl&tab=findings&severity=moon":        {`role="alert"`},
		"/software?name=curl&tab=patched":                       {"Version that counts", "Day by day"},
		"/software?name=curl&tab=patched&want=%3E%3D+2":         {`class="spread"`, "1 of 3 hosts had &gt;= 2", "33"},
		"/software?name=curl&tab=patched&want=absent":           {`id="wrong"`, `name="want" value="absent"`, `aria-describedby="wrong"`, "names no version"},
		"/software?name=curl&tab=patched&want=2&days=x":         {`id="wrong"`, `name="days" value="x"`},
		"/software/versions.csv?name=curl":                      {"curl,1,amd64,dpkg"},
		"/software/hosts.json?name=curl":                        {`"host":"b.example.org"`, `"version":"2"`},
		"/software/findings.csv?name=curl":                      {"CVE-2026-1,high"},
		"/software/patched.csv?name=curl&want=%3E%3D+2":         {"day,date,hosts,done", ",3,1,0,0,2"},
		"/references/baseline/compare.csv?by=host&package=curl": {"unfit,installed", "a.example.org,NIKHEF"},
		"/references/baseline?by=host&verdict=unfit":            {"a.example.org"},
		"/references/baseline?tab=text":                         {"&gt;= 2", "Take this list away"},
		"/references/baseline?tab=revisions":                    {"root", "revision=1"},
		"/sites.csv":                                            {"site,hosts,silent", "NIKHEF,2,1,"},
		"/sites.json":                                           {`"site":"OPEN"`},
		"/sites/NIKHEF/hosts.csv":                               {"a.example.org,NIKHEF,worker,debian 12"},
		"/sites/NIKHEF/findings.json":                           {`"advisory":"CVE-2026-1"`},
		"/sites/NIKHEF/packages.csv":                            {"curl,1,amd64,dpkg"},
		"/sites/NIKHEF/hosts/a.example.org/findings.csv":        {"CVE-2026-1,high,false,curl,1,amd64"},
		"/sites/NIKHEF/hosts/a.example.org/packages.json":       {`"package":"zlib"`},
		"/advisories.csv":                                       {"CVE-2026-1,debian,high,false,3"},
		"/advisories/CVE-2026-1/hosts.csv":                      {"a.example.org,NIKHEF,worker"},
		"/references.csv":                                       {"baseline,2,"},
		"/references/baseline/compare.csv?by=host":              {"host,site,manager", "a.example.org,NIKHEF"},
		"/references/baseline/compare.json":                     {`"fit":"1"`},
	} {
		status, page := b.get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s has no %q:\n%s", path, text, page)
			}
		}
		if strings.Contains(page, "<html") && (strings.Contains(page, "<script>alert") || strings.Contains(page, "\u202e")) {
			t.Errorf("%s is ruled by what a stranger wrote", path)
		}
	}
	for _, path := range []string{"/sites/NOSUCH", "/sites/NIKHEF/hosts/nobody", "/advisories/CVE-1", "/references/nosuch", "/references/baseline/hosts/x"} {
		if status, _ := b.get(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// Sites are added and get keys, whose secret is shown once; advisories are ignored for a
// reason; a list that is wrong says in which line.
func TestConsoleSitesChange(t *testing.T) {
	w := sited(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	at, page := b.post("/sites", "name", "CERN PROD", "note", "Meyrin")
	if at != "/sites/CERN%20PROD?tab=record" {
		t.Fatalf("at %q:\n%s", at, page)
	}
	if _, page = b.post("/sites", "name", "CERN PROD"); !strings.Contains(page, `aria-invalid="true"`) {
		t.Errorf("a site is added twice:\n%s", page)
	}
	_, page = b.post("/sites/CERN%20PROD", "do", "key", "keynote", "batch")
	b.want(page, "It is shown this once", "--site &#39;CERN PROD&#39;", "batch")
	d := must(w.person().Site(t.Context(), "CERN PROD"))(t)
	if len(d.Keys) != 1 || d.Note != "Meyrin" {
		t.Fatalf("%+v", d)
	}
	if _, page = b.get("/sites/CERN%20PROD?tab=record"); strings.Contains(page, "It is shown this once") {
		t.Error("the key is shown again")
	}
	b.post("/sites/CERN%20PROD", "do", "record", "note", "Prévessin", "forget", "30", "hosts", "10", "addresses", "192.0.2.0/24")
	d = must(w.person().Site(t.Context(), "CERN PROD"))(t)
	if d.Note != "Prévessin" || d.Forget != 30*86400 || d.Quota.Hosts != 10 || len(d.Addresses) != 1 {
		t.Errorf("%+v", d)
	}
	if _, page = b.post("/sites/CERN%20PROD", "do", "record", "hosts", "many"); !strings.Contains(page, `id="wrong"`) {
		t.Errorf("a bound that is none is taken:\n%s", page)
	}
	b.post("/sites/CERN%20PROD", "do", "revoke", "key", d.Keys[0].ID)
	if d = must(w.person().Site(t.Context(), "CERN PROD"))(t); len(d.Keys) != 0 {
		t.Errorf("%+v", d.Keys)
	}

	if _, page = b.post("/advisories/CVE-2026-1", "do", "ignore", "reason", " "); !strings.Contains(page, `id="wrong"`) {
		t.Errorf("ignored for no reason:\n%s", page)
	}
	if at, page = b.post("/advisories/CVE-2026-1", "do", "ignore", "reason", "not reachable", "until", "2099-01-01", "site", "OPEN"); at != "/advisories/CVE-2026-1" {
		t.Errorf("at %q:\n%s", at, page)
	}
	_, page = b.get("/advisories/ignored")
	b.want(page, "not reachable", "at OPEN", "root")
	i := must(w.person().IgnoredAdvisories(t.Context()))(t)
	b.post("/advisories/ignored", "do", "end", "number", number(i.Ignored[0].Number))
	if i = must(w.person().IgnoredAdvisories(t.Context()))(t); len(i.Ignored) != 0 {
		t.Errorf("%+v", i)
	}

	at, page = b.post("/references/baseline", "do", "save", "text", "packages:\n  - name: curl\n    wants: x\n")
	b.want(page, `id="wrong"`, "line 3", "wants: x")
	if at != "/references/baseline" {
		t.Errorf("at %q", at)
	}
	if at, page = b.post("/references/baseline", "do", "save", "text", strings.ReplaceAll(consoleList, "\n", "\r\n")+"  - name: new\n"); at != "/references/baseline?tab=text" {
		t.Errorf("at %q:\n%s", at, page)
	}
	_, page = b.get("/references/baseline?tab=text&revision=1")
	b.want(page, "This is what it said in revision 1.")
	if at, _ = b.post("/references/new", "name", "other", "text", consoleList); at != "/references/other?tab=text" {
		t.Errorf("at %q", at)
	}
	if _, page = b.post("/references/other", "do", "remove", "confirm", "baseline"); !strings.Contains(page, `id="wrong"`) {
		t.Errorf("removed without a word:\n%s", page)
	}
	if at, _ = b.post("/references/other", "do", "remove", "confirm", "other"); at != "/references" {
		t.Errorf("at %q", at)
	}
	if at, _ = b.post("/sites/OPEN/hosts/c%2Fd%20%3Cx%3E", "do", "forget"); at != "/sites/OPEN" {
		t.Errorf("at %q", at)
	}
	if _, page = b.post("/advisories/sources", "do", "remove", "name", "debian", "confirm", "x"); !strings.Contains(page, `id="wrong"`) || !strings.Contains(page, "<details open><summary>Remove") {
		t.Errorf("removed without a word:\n%s", page)
	}
	if at, page = b.post("/advisories/sources", "do", "remove", "name", "debian", "confirm", "debian"); at != "/advisories/sources" || strings.Contains(page, "brought by hand") {
		t.Errorf("at %q:\n%s", at, page)
	}
	if _, page = b.post("/sites/OPEN", "do", "remove", "confirm", "NIKHEF"); !strings.Contains(page, `id="wrong"`) || !strings.Contains(page, `<details class="medium" open><summary>Remove`) {
		t.Errorf("removed without a word:\n%s", page)
	}
	if at, page = b.post("/sites/OPEN", "do", "remove", "confirm", "OPEN"); at != "/sites" || strings.Contains(page, `href="/sites/OPEN"`) {
		t.Errorf("at %q:\n%s", at, page)
	}
}

// Who may see one site finds nothing of others, in no page and no file.
func TestConsoleSitesRights(t *testing.T) {
	w := sited(t)
	b := w.browser("vera", "site:OPEN", api.VerbView, api.VerbReport)
	b.logIn("vera")
	for path, want := range map[string]int{"/": 200, "/sites": 200, "/sites/OPEN": 200, "/sites/NIKHEF": 404, "/sites/NIKHEF/hosts/a.example.org": 404, "/sites/NIKHEF/hosts.csv": 404, "/sites.csv": 200,
		"/software?name=curl": 200, "/software?name=curl&tab=hosts": 200, "/software?name=curl&tab=findings": 200, "/software/hosts.csv?name=curl": 200, "/software/versions.json?name=new": 200,
		"/software?name=curl&tab=patched&want=%3E%3D+2&site=NIKHEF": 200, "/references/baseline?by=host&package=curl": 404, "/references/baseline/compare.csv?package=curl": 404,
		"/advisories": 200, "/advisories/CVE-2026-1": 200, "/advisories/CVE-2026-1/hosts.csv": 200, "/advisories.json": 200, "/references": 200, "/references.csv": 200} {
		status, page := b.get(path)
		if status != want {
			t.Errorf("%s: %d", path, status)
		}
		if strings.Contains(page, "a.example.org") && !strings.Contains(path, "NIKHEF") || strings.Contains(page, `href="/sites/NIKHEF"`) || strings.Contains(page, "Add a site") || strings.Contains(page, "Ignore it") {
			t.Errorf("%s shows\n%s", path, page)
		}
	}
}
