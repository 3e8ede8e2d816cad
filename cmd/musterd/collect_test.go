package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/sites"
	"muster/internal/testneed/sqlserver"
	"muster/sign"
	"muster/sitereport"
)

// A reporter sends reports of hosts of one site to a server.
type reporter struct {
	t    testing.TB
	key  sitereport.Key
	cert []byte
	http *http.Client
	mu   sync.Mutex
	kept map[string]string // host: version that was acknowledged last
}

// report sends one report, sealed, and remembers it once it was acknowledged.
func (r *reporter) report(url, host, version string, at time.Time) (int, error) {
	var random [16]byte
	rand.Read(random[:])
	report := &sitereport.Report{Host: host, Site: "NIKHEF", Time: at.Unix(), Nonce: hex.EncodeToString(random[:]),
		System: sitereport.System{ID: "debian", Version: "12"}, Packages: []sitereport.Package{{Manager: "dpkg", Name: "bash", Version: version}}}
	text := must(report.Marshal())(r.t)
	body := must(sign.Seal(r.key.Prove(text), must(sign.ParseCerts(r.cert))(r.t)[0]))(r.t)
	resp, err := r.http.Post(url+api.RouteReports, "application/pkcs7-mime", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode < 300 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kept[host] = version
	}
	return resp.StatusCode, nil
}

// newReporter makes site NIKHEF with a key by the command line.
func newReporter(t testing.TB, cert []byte, args ...string) *reporter {
	t.Helper()
	run := func(more ...string) string {
		code, out, errs := said(append(more, args...)...)
		if code != 0 {
			t.Fatalf("musterd %v: %d %s", more, code, errs)
		}
		return out
	}
	run("sites", "add", "NIKHEF", "--forget", "90d")
	line := run("sites", "key", "add", "NIKHEF", "--note", "for tests")
	if list := run("sites", "list"); !strings.Contains(list, "NIKHEF  0 hosts  1 keys") || strings.Contains(list, strings.TrimSpace(line)) {
		t.Errorf("sites list: %s", list)
	}
	return &reporter{t: t, key: must(sitereport.ParseKey([]byte(line)))(t), cert: cert, kept: map[string]string{}}
}

// TestCollect has a server without the key keep reports, and the command store them.
func TestCollect(t *testing.T) {
	data, dir := newFolder(t), t.TempDir()
	key := must(sign.NewKey("rsa-3072"))(t)
	cert := must(sign.SelfSigned("collector", key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), sign.RightDeploy))(t)
	keyFile, certFile := filepath.Join(dir, "c.key"), filepath.Join(dir, "c.crt")
	check(t, os.WriteFile(keyFile, must(sign.MarshalKey(key, []byte("secret words")))(t), 0o600))
	check(t, os.WriteFile(certFile, sign.EncodeCerts(cert), 0o600))
	p := newProcess(t, data, "MUSTERD_COLLECTOR_MODE=spool", "MUSTERD_COLLECTOR_CERT="+certFile)
	r := newReporter(t, sign.EncodeCerts(cert), "--data", data)
	r.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots()}}}
	for i := range 3 {
		if status, err := r.report(p.url(), fmt.Sprintf("n%d", i), "5.2", time.Now()); err != nil || status != http.StatusAccepted {
			t.Fatalf("answered %d, %v", status, err)
		}
	}
	t.Setenv("MUSTERD_COLLECTOR_MODE", "spool")
	t.Setenv("MUSTERD_COLLECTOR_CERT", certFile)
	if _, out, _ := said("doctor", "--data", data); !strings.Contains(out, "spool: 3 reports wait, ") || !strings.Contains(out, "certificate that reports are sealed to") {
		t.Errorf("doctor: %s", out)
	}
	if code, out, errs := said("init", "--data", data); code != 0 || !strings.Contains(out, "are sealed to") {
		t.Errorf("init: %d %s%s", code, out, errs)
	}
	collect := []string{"collect", "--data", data, "--once", "--key", keyFile, "--cert", certFile}
	if code, _, errs := said(collect...); code != 4 || !strings.Contains(errs, "MUSTER_KEY_PASSWORD") {
		t.Errorf("without a password: %d %s", code, errs)
	}
	t.Setenv("MUSTER_KEY_PASSWORD", "secret words")
	for _, want := range []string{"3 taken, 0 came before, 0 refused, 0 left for later", "0 taken, 0 came before"} {
		if code, out, errs := said(collect...); code != 0 || !strings.Contains(out, want) {
			t.Errorf("collect: %d %s%s", code, out, errs)
		}
	}
	if code, out, _ := said("sites", "list", "--data", data); code != 0 || !strings.Contains(out, "NIKHEF  3 hosts") {
		t.Errorf("sites list: %s", out)
	}
	if code, _, errs := said("collect"); code != 2 || !strings.Contains(errs, "--key FILE") {
		t.Errorf("collect without a key: %d %s", code, errs)
	}
}

// TestCase40Reports kills a server while reports come: what it acknowledged is there when
// it runs again.
func TestCase40Reports(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB, string) string{
		"sqlite":   func(_ testing.TB, data string) string { return "sqlite:" + filepath.Join(data, "muster.db") },
		"postgres": func(t testing.TB, _ string) string { return sqlserver.Postgres(t) },
		"mariadb":  func(t testing.TB, _ string) string { return sqlserver.MariaDB(t) },
	} {
		t.Run(name, func(t *testing.T) {
			data := newFolder(t)
			dsn := dsn(t, data)
			p := newProcess(t, data, "MUSTERD_COLLECTOR_MODE=open", "MUSTERD_DATABASE="+dsn)
			t.Setenv("MUSTERD_DATABASE", dsn)
			r := newReporter(t, must(os.ReadFile(filepath.Join(data, "collector", "cert.pem")))(t), "--data", data)
			for round := range 3 {
				r.storm(p, round)
				p.start()
			}
			base := must(db.Open(t.Context(), dsn, drivers()...))(t)
			defer base.Close()
			r.whole(must(sites.Open(t.Context(), sites.Config{DB: base}))(t))
		})
	}
}

// storm has 8 hosts report until the server has acknowledged some, and is killed.
func (r *reporter) storm(p *process, round int) {
	r.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots()}}}
	url := p.url()
	acknowledged := make(chan bool, 1000)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 30 {
				at := time.Now().Add(time.Duration(round*40+i-200) * time.Second) // each is newer
				status, err := r.report(url, fmt.Sprintf("n%d", n), fmt.Sprintf("%d.%d", round, i), at)
				if err != nil {
					return
				}
				if status == http.StatusOK {
					acknowledged <- true
				}
			}
		})
	}
	for range 20 {
		<-acknowledged
	}
	p.kill()
	all.Wait()
}

// whole fails when a host has less than what was acknowledged last. A report that was on
// its way when the server ended may be there, or not.
func (r *reporter) whole(s *sites.Sites) {
	if len(r.kept) == 0 {
		r.t.Error("nothing was acknowledged")
	}
	for host, kept := range r.kept {
		h := must(s.HostNamed(r.t.Context(), "NIKHEF", host))(r.t)
		known, _, err := s.HostPackages(r.t.Context(), h.ID, 0)
		check(r.t, err)
		var has, want [2]int
		fmt.Sscanf(known[0].Package.Version, "%d.%d", &has[0], &has[1]) //nolint:errcheck // it would be less
		fmt.Sscanf(kept, "%d.%d", &want[0], &want[1])                   //nolint:errcheck // written above
		if slices.Compare(has[:], want[:]) < 0 {
			r.t.Errorf("%s was acknowledged with %s and has %s", host, kept, known[0].Package.Version)
		}
	}
}
