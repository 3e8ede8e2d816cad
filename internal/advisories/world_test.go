package advisories

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/sitereport"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s; hint: %s)", err, muster.KindOf(err), muster.HintOf(err))
	}
}

func wantKind(t testing.TB, err error, kind muster.ErrorKind) {
	t.Helper()
	if muster.KindOf(err) != kind {
		t.Fatalf("error %v is of kind %q, want %q", err, muster.KindOf(err), kind)
	}
}

// began is when the tests' clock begins: noon.
var began = time.Unix(1_780_012_800, 0)

// A world is a server with sites whose hosts report.
type world struct {
	*Advisories
	t     testing.TB
	sites *sites.Sites
	now   time.Time
	count int
	last  string // document that a test brought
}

func newWorld(t testing.TB, d *db.DB, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, now: began}
	c := Config{DB: d, Folder: t.TempDir(), Now: func() time.Time { return w.now }}
	for _, f := range change {
		f(&c)
	}
	var err error
	w.sites, err = sites.Open(t.Context(), sites.Config{DB: d, Systems: c.Systems})
	check(t, err)
	c.Dictionary, c.Fleet = w.sites, w.sites
	w.Advisories, err = Open(t.Context(), c)
	check(t, err)
	return w
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) site(names ...string) {
	w.t.Helper()
	for _, n := range names {
		check(w.t, w.sites.PutSite(w.t.Context(), w.now, sites.Site{Name: n, Past: -1}))
	}
}

// pkg is a package of dpkg: "name version", or "name version source source-version".
func pkg(text string) sitereport.Package {
	p := sitereport.Package{Manager: "dpkg", Arch: "amd64", Origin: "Debian"}
	fmt.Sscan(text, &p.Name, &p.Version, &p.Source, &p.SourceVersion) //nolint:errcheck // the last two may be missing
	return p
}

// A said is what a host says beside its packages.
type said struct{ id, version, kernel, agent string }

// report has a host of a site report, and returns its number.
func (w *world) report(site, host string, s said, packages ...string) int64 {
	w.t.Helper()
	var all []sitereport.Package
	for _, p := range packages {
		all = append(all, pkg(p))
	}
	return w.reportOf(site, host, s, all)
}

func (w *world) reportOf(site, host string, s said, packages []sitereport.Package) int64 {
	w.t.Helper()
	w.count++
	w.pass(time.Second)
	r := &sitereport.Report{Host: host, Site: site, Time: w.now.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%016d", w.count)),
		System: sitereport.System{ID: s.id, Version: s.version, Arch: "x86_64", Kernel: s.kernel}}
	r.System.ID, r.System.Version = cmp.Or(s.id, "debian"), cmp.Or(s.version, "12")
	r.Packages = sitereport.SortPackages(packages)
	out, err := w.sites.Take(w.t.Context(), w.now, r, sites.Sender{Proven: site, Form: "native", Agent: s.agent})
	check(w.t, err)
	return out.Host
}

// tracker is a document of Debian's security tracker; each line is
//
//	source id suite fixed [urgency]
//
// where fixed is "-" for none, and "0" for never affected.
func tracker(lines ...string) string {
	type release map[string]any
	doc := map[string]map[string]map[string]any{}
	for _, l := range lines {
		f := append(strings.Fields(l), "medium")
		r := release{"status": "resolved", "fixed_version": f[3], "urgency": f[4], "repositories": map[string]string{f[2]: "1"}}
		if f[3] == "-" {
			r["status"] = "open"
			delete(r, "fixed_version")
		}
		if doc[f[0]] == nil {
			doc[f[0]] = map[string]map[string]any{}
		}
		if doc[f[0]][f[1]] == nil {
			doc[f[0]][f[1]] = map[string]any{"description": "about " + f[0], "scope": "local", "releases": map[string]release{}}
		}
		doc[f[0]][f[1]]["releases"].(map[string]release)[f[2]] = r
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// bring imports a document by hand.
func (w *world) bring(source, form, document string) api.AdvisoryImport {
	w.t.Helper()
	out, err := w.Import(w.t.Context(), ImportOptions{Source: source, Form: form, Shrink: true}, strings.NewReader(document))
	check(w.t, err)
	return out
}

func readerOf(text string) *strings.Reader { return strings.NewReader(text) }

func (w *world) follow() {
	w.t.Helper()
	check(w.t, w.Follow(w.t.Context()))
}

// found are findings as "advisory package fixed severity", with "!" for exploited ones
// and "(reason)" for ignored.
func (w *world) found(see []string, host int64, q api.FindingQuery) []string {
	w.t.Helper()
	out, err := w.HostFindings(w.t.Context(), see, host, q)
	check(w.t, err)
	return words(out.Findings)
}

func words(all []api.Finding) []string {
	out := []string{}
	for _, f := range all {
		s := fmt.Sprintf("%s %s %s %s", f.Advisory.ID, f.Package, f.Fixed, f.Severity)
		if f.Advisory.Exploited {
			s += " !"
		}
		if f.Ignored != nil {
			s += " (" + f.Ignored.Reason + ")"
		}
		out = append(out, s)
	}
	return out
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// news are all events so far, as "kind site advisory hosts".
func (w *world) news(see []string) []string {
	w.t.Helper()
	all, _, err := w.News(context.Background(), see, 0, 1000)
	check(w.t, err)
	out := []string{}
	for _, n := range all {
		id := fmt.Sprint(n.Advisories)
		if n.Advisory != nil {
			id = n.Advisory.ID
		}
		out = append(out, fmt.Sprintf("%s %s %s %d", n.Kind, n.Site, id, n.Hosts))
	}
	return out
}
