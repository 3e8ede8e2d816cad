package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/sqlite"
	"muster/internal/sites"
	"muster/internal/testneed/crowd"
)

// BenchmarkSitePages is what people wait for in the console of a server to which
// MUSTER_BENCH_HOSTS hosts of a hundred sites report, 2,000 packages each, with a list of
// 60,000 vulnerabilities and one of wanted versions: whole pages, compressed, over TLS.
//
//	MUSTER_BENCH_HOSTS=50000 go test ./cmd/musterd -run XXX -bench SitePages -benchtime 1x -timeout 1h -v
func BenchmarkSitePages(b *testing.B) {
	limits := filepath.Join(b.TempDir(), "limits.yaml") // what one person asks for here is that of a hundred
	check(b, os.WriteFile(limits, []byte("limits: {rates: {people: 100000, about: 100000, repo: 100000}}\n"), 0o600))
	p := newProcess(b, newFolder(b), "MUSTERD_CONFIG="+limits)
	p.stop(syscall.SIGTERM)
	fillSites(b, filepath.Join(p.data, "muster.db"))
	p.start()
	who := person(b, p.url(), p.roots())
	bringAdvisories(b, who)
	wanted := must(who.PutReference(b.Context(), "baseline", api.ReferencePut{Text: wantedVersions()}))(b)
	b.Logf("the list of wanted versions has revision %d", wanted.Revision)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: p.roots()}}}
	defer client.CloseIdleConnections()
	t := &trial{process: p, b: b}
	host := "/sites/SITE7/hosts/host7.example.org"
	id := must(who.Advisories(b.Context(), api.AdvisoryQuery{}))(b).Advisories[0].ID
	for _, path := range []string{"/", "/sites", "/sites/SITE7", "/sites/SITE7?q=host7", "/sites/SITE7?tab=findings", "/sites/SITE7?tab=packages", "/sites/SITE7?tab=packages&q=lib10",
		"/sites/SITE7?tab=changes", "/sites/SITE7?tab=references", "/sites/SITE7?tab=record", host, host + "?tab=states",
		"/advisories", "/advisories?severity=medium", "/advisories?q=source5", "/advisories/" + id, "/advisories/ignored", "/advisories/sources",
		"/references", "/references/baseline", "/references/baseline?by=host", "/references/baseline?by=host&verdict=behind", "/references/baseline?by=package", "/references/baseline?by=host&site=SITE7",
		"/references/baseline?tab=text"} {
		sent, whole := 0, 0
		t.ask(path, func() (err error) {
			sent, whole, err = pageOf(client, p.url()+path, who.Token)
			return err
		})
		b.Logf("%s: %d bytes, %d sent", path, whole, sent)
	}
	b.Logf("the server has %d MB", p.resident()/1e6)
	p.stop(syscall.SIGTERM) // so that a profile is written
	b.ReportMetric(0, "ns/op")
}

// fillSites has the hosts report to a server that does not run.
func fillSites(b *testing.B, file string) {
	d := must(db.Open(b.Context(), "sqlite:"+file, sqlite.Driver{}))(b)
	defer d.Close()
	s := must(sites.Open(b.Context(), sites.Config{DB: d}))(b)
	r := crowd.Reports{Sites: s, DB: d, Now: time.Now().Add(-2 * time.Hour)}
	r.Fill(b, fleetSize)
}

// bringAdvisories imports a list as large as Debian's tracker, and waits until it is
// known whom it concerns.
func bringAdvisories(b *testing.B, who *api.PersonClient) {
	var list bytes.Buffer
	crowd.Tracker(&list, "")
	began := time.Now()
	must(who.ImportAdvisories(b.Context(), "debian", "debian", "", false, &list, int64(list.Len())))(b)
	for matching := true; matching; {
		<-time.After(time.Second)
		page, err := who.AdvisorySources(b.Context())
		if muster.KindOf(err) == muster.Busy {
			continue
		}
		matching = must(page, err)(b).Sources[0].Matching
	}
	b.Logf("the list was imported, and whom it concerns was known, after %s", time.Since(began).Round(time.Second))
}

// wantedVersions is a list of 300 packages that half of the hosts are behind.
func wantedVersions() string {
	var list strings.Builder
	list.WriteString("name: baseline\nnote: agreed on\npackages:\n")
	for i := range 300 {
		k := 1 + i*7%3000
		fmt.Fprintf(&list, "  - {name: lib%d, manager: dpkg, want: \">= 1.%d-1+deb5\", optional: true}\n", k, k)
	}
	return list.String()
}
