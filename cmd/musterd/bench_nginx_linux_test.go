package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/testneed"
)

// BenchmarkNginx is the peer of BenchmarkCheckIns: the same number of clients, each
// with a connection of its own, ask nginx for a static file of the size of an
// answer to a check-in, over TLS, as fast as it answers. Nobody signs anything.
func BenchmarkNginx(b *testing.B) {
	nginx := testneed.Program(b, "nginx")
	for range b.N {
		benchmarkNginx(b, nginx)
	}
}

// answerSize is about that of the JSON of a check-in with nothing new.
const answerSize = 60

func benchmarkNginx(b *testing.B, nginx string) {
	dir, address := b.TempDir(), freeAddress(b)
	openssl := exec.Command(testneed.Program(b, "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-days", "2", "-subj", "/CN=nginx", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem")
	openssl.Dir = dir
	if out, err := openssl.CombinedOutput(); err != nil {
		b.Fatalf("openssl: %v\n%s", err, out)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("file", strings.Repeat("x", answerSize))
	write("nginx.conf", `daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server { listen `+address+` ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; root `+dir+`; }
}
`)
	p := &process{t: b, cmd: exec.Command(nginx, "-p", dir, "-c", "nginx.conf")}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { p.cmd.Process.Kill(); p.cmd.Wait() }()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(filepath.Join(dir, "cert.pem")))(b))
	load := staticLoad{url: "https://" + address + "/file", roots: roots}
	load.await(b)
	before := p.cpu()
	count, took := load.run(b, 200, 10*time.Second)
	b.ReportMetric(float64(count)/took.Seconds(), "requests/s")
	b.ReportMetric(float64((p.cpu()-before).Microseconds())/float64(count), "us-cpu/request")
	b.ReportMetric(0, "ns/op")
}

func freeAddress(t testing.TB) string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	return l.Addr().String()
}

// A staticLoad asks for one file again and again.
type staticLoad struct {
	url   string
	roots *x509.CertPool
}

func (l *staticLoad) client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.roots}}}
}

func (l *staticLoad) get(c *http.Client) error {
	resp, err := c.Get(l.url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != answerSize || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d bytes, %w", resp.Status, n, err)
	}
	return nil
}

func (l *staticLoad) await(b *testing.B) {
	c := l.client()
	defer c.CloseIdleConnections()
	var err error
	for range 100 {
		if err = l.get(c); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond) // another process: there is nothing to wait on
	}
	b.Fatal(err)
}

// run has clients ask for as long as it should, each over its own connection.
func (l *staticLoad) run(b *testing.B, clients int, long time.Duration) (int64, time.Duration) {
	var count, failed atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			c := l.client()
			defer c.CloseIdleConnections()
			for time.Since(start) < long {
				if l.get(c) != nil {
					failed.Add(1)
				} else {
					count.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		b.Errorf("%d requests failed", failed.Load())
	}
	return count.Load(), time.Since(start)
}
