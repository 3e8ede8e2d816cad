package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/sign"
)

// bareArg is the first argument of this program where it is a bare server.
const bareArg = "bare\x1f"

func init() {
	address, bare := strings.CutPrefix(os.Getenv("MUSTERD_TEST_ARGS"), bareArg)
	if bare {
		os.Stderr.WriteString(serveBare(address).Error() + "\n") //nolint:errcheck // it ends
		os.Exit(1)
	}
}

// serveBare holds requests open and does nothing else, over the same TLS: nothing that
// is built on net/http takes less.
func serveBare(address string) error {
	key, err := sign.NewKey("")
	if err != nil {
		return err
	}
	cert, err := sign.SelfSigned("bare", key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	s := &http.Server{Addr: address,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}}, MinVersion: tls.VersionTLS12},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, " ") //nolint:errcheck // who is gone is gone
			if http.NewResponseController(w).Flush() == nil {
				<-r.Context().Done()
			}
		})}
	return s.ListenAndServeTLS("", "")
}

// BenchmarkBare is the memory of a server that only holds the requests of as many hosts,
// each over its own connection of HTTP/2: with the garbage that Go lets gather, and
// with as much as musterd does.
//
//	go test ./cmd/musterd -run XXX -bench Bare -benchtime 1x -v
func BenchmarkBare(b *testing.B) {
	for range fleetTurns {
		for _, percent := range []string{"100", "15"} {
			l := must(net.Listen("tcp", "127.0.0.1:0"))(b)
			address := l.Addr().String()
			l.Close()
			p := &process{t: b, cmd: command("bare", address), gone: make(chan struct{})}
			p.cmd.Env = append(p.cmd.Env, "GOGC="+percent)
			check(b, p.cmd.Start())
			go func() {
				p.cmd.Wait() //nolint:errcheck // it is killed
				close(p.gone)
			}()
			leave := p.holds(address, fleetSize)
			b.Logf("bare, GOGC=%s: rss %d MB", percent, p.resident()/1e6)
			p.kill()
			leave()
		}
	}
	b.ReportMetric(0, "ns/op")
}

// holds connects hosts until leave is called, and returns when their requests wait.
func (p *process) holds(address string, hosts int) (leave func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var all, held sync.WaitGroup
	places := make(chan struct{}, 64)
	for range hosts {
		held.Add(1)
		places <- struct{}{}
		all.Go(func() {
			hold(ctx, "https://"+address, func() {
				held.Done()
				<-places
			})
		})
	}
	held.Wait()
	<-time.After(15 * time.Second) // until the runtime has given back what the handshakes took
	return func() {
		cancel()
		all.Wait()
	}
}

// hold opens a request like that of a host that waits, and calls held when the server
// has it.
func hold(ctx context.Context, url string, held func()) {
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer t.CloseIdleConnections()
	for first := true; ctx.Err() == nil; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/wake?since=1&have=", nil)
		if err != nil {
			return
		}
		req.Header.Set("Signature-Input", strings.Repeat("x", 250))
		req.Header.Set("Signature", strings.Repeat("x", 100))
		resp, err := t.RoundTrip(req)
		if err != nil {
			continue // it may not listen yet
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err == nil && first {
			first = false
			held()
		}
		io.Copy(io.Discard, resp.Body) //nolint:errcheck // it ends with ctx
		resp.Body.Close()
	}
}
