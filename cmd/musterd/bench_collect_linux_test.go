package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"muster/api"
	"muster/sign"
	"muster/sitereport"
)

// Reports of the benchmark: of some hosts in turn, each of 2,000 packages.
const (
	benchReporters = 200
	benchPackages  = 2000
)

// BenchmarkReports has 32 reporters send sealed reports of 2,000 packages as fast as the
// server takes them, and reports how many a second that are, and the server's CPU time for
// one. bare is what opening, decompressing, verifying and parsing the same bodies costs,
// in this process on all processors, without a server or database:
//
//	MUSTER_BENCH_REPORTS=2000 go test ./cmd/musterd -run XXX -bench Reports -benchtime 1x
//
// With news=0.05 one report in twenty says something new, ten upgrades; with packages=0.05
// every report does: a twentieth of its packages.
func BenchmarkReports(b *testing.B) {
	for _, c := range []struct {
		name     string
		share    float64 // of reports that say something new
		upgrades int     // in each of those
	}{{"news=0.05", 0.05, 10}, {"packages=0.05", 1, benchPackages / 20}} {
		m := newMail(b, c.share, c.upgrades)
		b.Run("bare/"+c.name, func(b *testing.B) {
			for range b.N {
				m.bare(b)
			}
		})
		for _, engine := range engines {
			b.Run(engine.name+"/"+c.name, func(b *testing.B) {
				for range b.N {
					m.send(b, engine.env(b))
				}
			})
		}
	}
}

// site makes the site and its key, whose secret is known here.
func (m *mail) site(b *testing.B, p *process) {
	args := []string{"--data", p.data}
	for _, words := range [][]string{{"sites", "add", "NIKHEF"}, {"sites", "key", "add", "NIKHEF", "--file", m.siteKey}} {
		if code, _, errs := said(append(words, args...)...); code != 0 {
			b.Fatalf("musterd %v: %s", words, errs)
		}
	}
}

// A mail is reports that were sealed before the time is taken.
type mail struct {
	id                *sign.Identity
	key               sitereport.Key
	keyFile, certFile string
	siteKey           string   // file
	first, bodies     [][]byte // of each host the first report; those that are measured
}

func newMail(b *testing.B, share float64, upgrades int) *mail {
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("MUSTER_BENCH_REPORTS")); err == nil && v > 0 {
		n = v
	}
	dir := b.TempDir()
	m := &mail{keyFile: filepath.Join(dir, "key"), certFile: filepath.Join(dir, "cert")}
	key := must(sign.NewKey("rsa-3072"))(b)
	cert := must(sign.SelfSigned("collector", key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), sign.RightDeploy))(b)
	m.id = &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
	check(b, os.WriteFile(m.keyFile, must(sign.MarshalKey(key, nil))(b), 0o600))
	check(b, os.WriteFile(m.certFile, sign.EncodeCerts(cert), 0o600))
	m.key, m.siteKey = sitereport.Key{ID: "bench", Secret: "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"}, filepath.Join(dir, "site.key")
	check(b, os.WriteFile(m.siteKey, m.key.Marshal(), 0o600))
	versions := make([][]int, benchReporters)
	for i := range versions {
		versions[i] = make([]int, benchPackages)
		m.first = append(m.first, m.seal(b, i, 0, versions[i]))
	}
	due := 0.0
	for i := range n {
		host := i % benchReporters
		if due += share; due >= 1 {
			due--
			for j := range upgrades {
				versions[host][(i*31+j*17)%benchPackages]++
			}
		}
		m.bodies = append(m.bodies, m.seal(b, host, 1+i/benchReporters, versions[host]))
	}
	return m
}

// seal is the report of a host, some seconds later each time.
func (m *mail) seal(b *testing.B, host, turn int, versions []int) []byte {
	var random [16]byte
	rand.Read(random[:])
	r := &sitereport.Report{Host: fmt.Sprintf("wn%04d.example.org", host), Site: "NIKHEF", Time: time.Now().Unix() - 3000 + int64(turn), Nonce: hex.EncodeToString(random[:]),
		System: sitereport.System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"}}
	for i, v := range versions {
		r.Packages = append(r.Packages, sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("libsomething%04d", i), Version: fmt.Sprintf("2.36-%d+deb12u%d", i%9, v), Arch: "amd64",
			Source: fmt.Sprintf("something%03d", i/4), Origin: "Debian"})
	}
	r.Packages = sitereport.SortPackages(r.Packages)
	packed := must(sitereport.Pack(m.key.Prove(must(r.Marshal())(b))))(b)
	return must(sign.Seal(packed, m.id.Leaf()))(b)
}

// bare takes the same bodies apart, and does nothing with them.
func (m *mail) bare(b *testing.B) {
	begun, before, next := time.Now(), mine(b), atomic.Int64{}
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(m.bodies)); i = next.Add(1) - 1 {
				packed, _, err := sign.OpenAny(m.bodies[i], m.id)
				check(b, err)
				proof, text, err := sitereport.CutProof(must(sitereport.Unpack(packed))(b))
				check(b, err)
				if !proof.ByHash(m.key.Hash(), text) {
					b.Error("a false proof")
				}
				must(sitereport.Parse(text))(b)
			}
		})
	}
	all.Wait()
	n := float64(len(m.bodies))
	b.ReportMetric(n/time.Since(begun).Seconds(), "reports/s")
	b.ReportMetric(float64((mine(b)-before).Microseconds())/n, "us-cpu/report")
	b.ReportMetric(0, "ns/op")
}

// mine is the processor time of this process.
func mine(b *testing.B) time.Duration {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// send sends them to a server.
func (m *mail) send(b *testing.B, env []string) {
	p := newProcess(b, newFolder(b), append(env, "MUSTERD_COLLECTOR_MODE=open", "MUSTERD_COLLECTOR_KEY="+m.keyFile, "MUSTERD_COLLECTOR_CERT="+m.certFile,
		"MUSTERD_COLLECTOR_PACKAGES=10000000")...)
	defer p.kill()
	for _, e := range env {
		b.Setenv("MUSTERD_DATABASE", e[len("MUSTERD_DATABASE="):])
	}
	m.site(b, p)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots()}, MaxIdleConnsPerHost: 32}}
	m.post(b, p, client, m.first)
	before, begun := p.cpu(), time.Now()
	m.post(b, p, client, m.bodies)
	n := float64(len(m.bodies))
	b.ReportMetric(n/time.Since(begun).Seconds(), "reports/s")
	b.ReportMetric(float64((p.cpu()-before).Microseconds())/n, "us-cpu/report")
	b.ReportMetric(float64(p.resident())/1e6, "MB-rss")
	b.ReportMetric(0, "ns/op")
}

// post sends bodies, 32 at once; those of one host come in their order.
func (m *mail) post(b *testing.B, p *process, client *http.Client, bodies [][]byte) {
	var all sync.WaitGroup
	for w := range 32 {
		all.Go(func() {
			for i := range bodies {
				if i%benchReporters%32 != w {
					continue
				}
				resp, err := client.Post(p.url()+api.RouteReports, "application/pkcs7-mime", bytes.NewReader(bodies[i]))
				if err != nil {
					b.Error(err)
					return
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("%d %s %v", resp.StatusCode, text, err)
					return
				}
			}
		})
	}
	all.Wait()
}
