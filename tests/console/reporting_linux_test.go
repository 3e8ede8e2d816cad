package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/sqlite"
	"muster/internal/sites"
	"muster/sitereport"
)

// tracker is what is published about packages of hosts that report.
const tracker = `{"openssl":{"CVE-2026-1001":{"description":"A flaw was found in openssl: a crafted message of more than 65,535 bytes overflows a buffer","releases":{"bookworm":{"status":"resolved","fixed_version":"3.0.17-1","urgency":"high","repositories":{"bookworm":"3.0.17-1"}}}}},
"curl":{"CVE-2026-1002":{"description":"curl follows what it should not","releases":{"bookworm":{"status":"open","urgency":"medium","repositories":{"bookworm":"7"}}}}}}`

// baseline is a list of wanted versions.
const baseline = `note: agreed in November
for:
  sites: [NIKHEF]
packages:
  - name: openssl
    want: ">= 3.0.17-1"
  - name: curl
`

// reports brings a site whose hosts report without an agent, what is published about
// them, and a list that they are held against.
func (w *world) reports() error {
	ctx := context.Background()
	if _, err := w.person.PutSite(ctx, "NIKHEF", api.SitePut{Note: "Amsterdam", Open: true}); err != nil {
		return err
	}
	if err := w.reported(); err != nil {
		return err
	}
	for i := range 6 {
		if err := w.report(hostName(i), fmt.Sprintf("3.0.1%d-1", 4+i%4)); err != nil {
			return err
		}
	}
	if _, err := w.person.ImportAdvisories(ctx, "debian", "debian", "", false, strings.NewReader(tracker), int64(len(tracker))); err != nil {
		return err
	}
	if _, err := w.person.IgnoreAdvisory(ctx, api.AdvisoryIgnore{Advisory: "CVE-2026-1002", Reason: "not reachable from outside", Site: "NIKHEF"}); err != nil {
		return err
	}
	if _, err := w.person.PutReference(ctx, "baseline", api.ReferencePut{Text: baseline}); err != nil {
		return err
	}
	return w.until("what is published is found on hosts", func() bool {
		page, err := w.person.Advisories(ctx, api.AdvisoryQuery{})
		c, wrong := w.person.CompareReference(ctx, "baseline", api.ReferenceQuery{By: api.ReferenceBySite})
		return err == nil && wrong == nil && len(page.Advisories) > 0 && c.Hosts == 6
	})
}

// reported has the server know what hosts reported in the last weeks.
func (w *world) reported() error {
	ctx := context.Background()
	d, err := db.Open(ctx, "sqlite:"+w.path("server/muster.db"), sqlite.Driver{})
	if err != nil {
		return err
	}
	defer d.Close()
	s, err := sites.Open(ctx, sites.Config{DB: d})
	if err != nil {
		return err
	}
	for _, past := range []struct {
		days    int
		openssl string
		hosts   []int
	}{{25, "3.0.14-1", []int{0, 1, 2, 3, 4, 5}}, {17, "3.0.15-1", []int{1, 5}}, {11, "3.0.16-1", []int{2}}, {4, "3.0.17-1", []int{3}}} {
		at := time.Now().AddDate(0, 0, -past.days)
		for _, i := range past.hosts {
			if _, err := s.Take(ctx, at, reportOf(at, hostName(i), past.openssl), sites.Sender{Proven: "NIKHEF", Form: "native"}); err != nil {
				return err
			}
		}
	}
	return nil
}

func hostName(i int) string { return fmt.Sprintf("wn%02d.nikhef.example.org", i) }

// reportOf is what a host says at a time.
func reportOf(at time.Time, host, openssl string) *sitereport.Report {
	var nonce [16]byte
	rand.Read(nonce[:]) //nolint:errcheck // it never fails
	r := &sitereport.Report{Host: host, Site: "NIKHEF", Tag: "worker", Time: at.Unix(), Nonce: hex.EncodeToString(nonce[:]),
		System: sitereport.System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"}}
	for _, p := range [][2]string{{"openssl", openssl}, {"curl", "7.88.1-10+deb12u8"}, {"bash", "5.2.15-2"}} {
		r.Packages = append(r.Packages, sitereport.Package{Manager: "dpkg", Name: p[0], Version: p[1], Arch: "amd64", Origin: "Debian"})
	}
	r.Packages = sitereport.SortPackages(r.Packages)
	return r
}

// report is one of a host, as it is sent.
func (w *world) report(host, openssl string) error {
	text, err := reportOf(time.Now(), host, openssl).Marshal()
	if err != nil {
		return err
	}
	roots, err := w.roots()
	if err != nil {
		return err
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer t.CloseIdleConnections()
	resp, err := (&http.Client{Transport: t}).Post(w.url()+api.RouteReports, "application/octet-stream", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if said, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the report of %s: %s %s %v", host, resp.Status, said, err)
	}
	return nil
}
