package sites

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/sitereport"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

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

// began is when the tests' clock begins.
var began = time.Unix(1_780_000_000, 0)

// A world is a collector with a clock.
type world struct {
	*Sites
	t     testing.TB
	now   time.Time
	count int
}

func newWorld(t testing.TB, d *db.DB, change ...func(*Config)) *world {
	t.Helper()
	c := Config{DB: d}
	for _, f := range change {
		f(&c)
	}
	return &world{Sites: must(Open(t.Context(), c))(t), t: t, now: began}
}

// site adds a site.
func (w *world) site(name string, change ...func(*Site)) {
	w.t.Helper()
	s := Site{Name: name, Past: -1}
	for _, f := range change {
		f(&s)
	}
	check(w.t, w.PutSite(w.t.Context(), w.now, s))
}

func open(s *Site) { s.Open = true }

// pkg is a package of dpkg: "name version", or "name version source source-version".
func pkg(text string) sitereport.Package {
	p := sitereport.Package{Manager: "dpkg", Arch: "amd64", Origin: "Debian"}
	fmt.Sscan(text, &p.Name, &p.Version, &p.Source, &p.SourceVersion) //nolint:errcheck // the last two may be missing
	return p
}

// report is one of a host now, with packages.
func (w *world) report(site, host string, packages ...string) *sitereport.Report {
	w.count++
	r := &sitereport.Report{Host: host, Site: site, Tag: "worker", Time: w.now.Unix(), Nonce: hex.EncodeToString(fmt.Appendf(nil, "%016d", w.count)),
		System: sitereport.System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"}}
	for _, p := range packages {
		r.Packages = append(r.Packages, pkg(p))
	}
	r.Packages = sitereport.SortPackages(r.Packages)
	return r
}

// by is a sender that has proved its site.
func by(site string) Sender {
	return Sender{Proven: site, Form: "native", Address: netip.MustParseAddr("192.0.2.7"), Bytes: 1000}
}

// take keeps a report.
func (w *world) take(r *sitereport.Report) Outcome {
	w.t.Helper()
	return must(w.Take(w.t.Context(), w.now, r, by(r.Site)))(w.t)
}

// later lets time go by.
func (w *world) later(d time.Duration) { w.now = w.now.Add(d) }

// has are the packages of a host, as "name version".
func (w *world) has(host, at int64) (all []string) {
	w.t.Helper()
	known, _, err := w.HostPackages(w.t.Context(), host, at)
	check(w.t, err)
	return short(known)
}

func short(known []Known) (all []string) {
	for _, k := range known {
		all = append(all, k.Package.Name+" "+k.Package.Version)
	}
	return sorted(all)
}

func ctx(t testing.TB) context.Context { return t.Context() }
