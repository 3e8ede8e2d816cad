package references

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"sync"
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

// began is when the tests' clock begins: a noon.
var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A world is a collector with references, and a clock for both.
type world struct {
	*References
	sites *sites.Sites
	t     testing.TB
	mu    sync.Mutex // over time
	time  time.Time
	count int
}

func newWorld(t testing.TB, d *db.DB, names ...string) *world {
	t.Helper()
	w := &world{t: t, time: began}
	var err error
	w.sites, err = sites.Open(t.Context(), sites.Config{DB: d})
	check(t, err)
	w.References = w.open(d)
	for _, name := range names {
		check(t, w.sites.PutSite(t.Context(), w.time, sites.Site{Name: name, Past: -1}))
	}
	return w
}

// open opens references anew, as a server does that starts.
func (w *world) open(d *db.DB) *References {
	w.t.Helper()
	r, err := Open(w.t.Context(), Config{DB: d, Source: w.sites, Now: w.now})
	check(w.t, err)
	return r
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

// report has a host say what it has: "name version arch [source [source-version]]", of
// dpkg.
func (w *world) report(site, host string, packages ...string) int64 {
	w.t.Helper()
	return w.reportOf(site, host, sitereport.System{ID: "debian", Version: "12", Name: "Debian 12", Arch: "x86_64", Kernel: "6.1.0-28-amd64"}, "dpkg", packages...)
}

func (w *world) reportOf(site, host string, system sitereport.System, manager string, packages ...string) int64 {
	w.t.Helper()
	w.count++
	r := &sitereport.Report{Host: host, Site: site, Tag: "wn", Time: w.time.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%016d", w.count)), System: system}
	for _, text := range packages {
		f := append(strings.Fields(text), "", "")
		r.Packages = append(r.Packages, sitereport.Package{Manager: manager, Name: f[0], Version: f[1], Arch: f[2], Source: f[3], SourceVersion: f[4]})
	}
	r.Packages = sitereport.SortPackages(r.Packages)
	out, err := w.sites.Take(w.t.Context(), w.time, r, sites.Sender{Proven: site, Form: "native", Address: netip.MustParseAddr("192.0.2.7"), Bytes: 1000})
	check(w.t, err)
	return out.Host
}

// put makes a list of rows of YAML.
func (w *world) put(name, text string) api.Reference {
	w.t.Helper()
	out, err := w.Put(w.t.Context(), "officer", name, api.ReferencePut{Text: text})
	check(w.t, err)
	return out
}

func (w *world) compare(name string, q Question) api.ReferenceComparison {
	w.t.Helper()
	out, err := w.Compare(w.t.Context(), name, q)
	check(w.t, err)
	return out
}

// counts writes counts for people: "behind 2 equal 1 unfit 2".
func counts(c api.ReferenceCounts) string {
	var all []string
	for _, x := range []struct {
		name string
		n    int64
	}{{"behind", c.Behind}, {"equal", c.Equal}, {"ahead", c.Ahead}, {"missing", c.Missing}, {"unexpected", c.Unexpected}, {"expired", c.Expired}, {"unfit", c.Unfit}} {
		if x.n > 0 {
			all = append(all, fmt.Sprint(x.name, " ", x.n))
		}
	}
	return strings.Join(all, " ")
}

func byPackage(c api.ReferenceComparison) (all []string) {
	for _, p := range c.ByPackage {
		all = append(all, p.Name+": "+counts(p.Counts))
	}
	return all
}

func bySite(c api.ReferenceComparison) (all []string) {
	for _, s := range c.BySite {
		all = append(all, fmt.Sprintf("%s: %d/%d %s", s.Site, s.Fit, s.Hosts, counts(s.Counts)))
	}
	return all
}

func byHost(c api.ReferenceComparison) (all []string) {
	for _, h := range c.ByHost {
		all = append(all, h.Name+": "+counts(h.Counts))
	}
	return all
}

type (
	known = sites.Known
	host  = sites.Host
)
