package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/simulate"
	"muster/sign"
)

// TestMain is also the program, for tests that run it: as a process of its own
// it can be killed.
func TestMain(m *testing.M) {
	if args := os.Getenv("MUSTERD_TEST_ARGS"); args != "" {
		os.Unsetenv("MUSTERD_TEST_ARGS")
		os.Exit(profiled(strings.Split(args, "\x1f")))
	}
	os.Exit(m.Run())
}

// profiled is the program, with a profile of its processor time where MUSTER_BENCH_PPROF
// names a file.
func profiled(args []string) int {
	if name := os.Getenv("MUSTER_BENCH_PPROF"); name != "" {
		if f, err := os.Create(name); err == nil && pprof.StartCPUProfile(f) == nil {
			defer f.Close()
			defer pprof.StopCPUProfile()
		}
	}
	return run(args, os.Stdout, os.Stderr)
}

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

// administrator is one for all tests.
var administrator = sync.OnceValues(func() (*sign.Identity, error) {
	key, err := sign.NewKey("")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	cert, err := sign.SelfSigned("alice", key, now.Add(-time.Hour), now.Add(1000*time.Hour), sign.RightCode)
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}, err
})

// command is the program with arguments.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MUSTERD_TEST_ARGS="+strings.Join(args, "\x1f"))
	return cmd
}

// A process is a server that runs.
type process struct {
	t       testing.TB
	data    string
	env     []string
	address string // the same after a restart
	cmd     *exec.Cmd
	gone    chan struct{}
}

// newFolder is a data folder that believes the administrator.
func newFolder(t testing.TB) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	check(t, os.MkdirAll(filepath.Join(data, "trust.d"), 0o700))
	check(t, os.WriteFile(filepath.Join(data, "trust.d", "alice.pem"), sign.EncodeCerts(must(administrator())(t).Chain...), 0o600))
	return data
}

func newProcess(t testing.TB, data string, env ...string) *process {
	t.Helper()
	p := &process{t: t, data: data, address: "127.0.0.1:0"}
	p.env = append(env, "MUSTERD_LIMITS_HOSTS=1000000", "MUSTERD_REPOSITORY_RESERVE=0", "MUSTERD_DATA="+data)
	p.start()
	t.Cleanup(p.kill)
	return p
}

// start starts the server and returns when it serves.
func (p *process) start() {
	p.t.Helper()
	p.cmd = command("serve")
	p.cmd.Env = append(append(p.cmd.Env, p.env...), "MUSTERD_LISTEN="+p.address)
	out := must(p.cmd.StderrPipe())(p.t)
	check(p.t, p.cmd.Start())
	p.gone = make(chan struct{})
	serving := make(chan string, 1)
	go p.follow(out, serving)
	select {
	case p.address = <-serving:
	case <-time.After(30 * time.Second):
		p.t.Fatal("the server does not serve")
	}
	if p.address == "" {
		p.t.Fatal("the server ended")
	}
}

// follow reads the log, and shows what a person should look at.
func (p *process) follow(log io.Reader, serving chan<- string) {
	defer close(p.gone)
	defer p.cmd.Wait() //nolint:errcheck // it is killed
	defer close(serving)
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var l struct{ Msg, Level, Address string }
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Level == "ERROR" {
			p.t.Log(lines.Text())
		}
		if l.Msg == "serving" {
			serving <- l.Address
		}
	}
}

// kill kills the server as a crash would.
func (p *process) kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-p.gone
}

func (p *process) url() string {
	for _, e := range p.env {
		if e == "MUSTERD_TLS_MODE=off" {
			return "http://" + p.address
		}
	}
	return "https://" + p.address
}

// roots are the authorities for the server's TLS.
func (p *process) roots() *x509.CertPool {
	data, err := os.ReadFile(filepath.Join(p.data, "tls", "cert.pem"))
	if err != nil {
		return nil // a proxy ends TLS
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return pool
}

// person logs the administrator in at the address url.
func person(t testing.TB, url string, roots *x509.CertPool) *api.PersonClient {
	t.Helper()
	c := must(api.Dial(t.Context(), url, api.Options{CA: roots}))(t)
	t.Cleanup(c.Close)
	s := must(c.Login(t.Context(), must(administrator())(t), time.Now()))(t)
	return &api.PersonClient{Client: c, Token: s.Token}
}

// A load is a fleet at work, and what the server has acknowledged.
type load struct {
	t      testing.TB
	count  atomic.Int64
	mu     sync.Mutex
	kept   map[string]string // result: host
	cancel context.CancelFunc
	done   chan error
	report *simulate.Report
}

// work puts a fleet to work at url.
func work(t testing.TB, url string, roots *x509.CertPool, hosts int) *load {
	t.Helper()
	token := must(person(t, url, roots).CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	l := &load{t: t, kept: map[string]string{}, done: make(chan error, 1)}
	f := &simulate.Fleet{URL: url, TLS: &tls.Config{RootCAs: roots}, Token: token.Secret, Hosts: hosts, Parallel: 8, Changes: .5, Template: "windows", Seed: 1, Kept: l.keep}
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	t.Cleanup(cancel)
	go func() {
		var err error
		l.report, err = f.Run(ctx)
		l.done <- err
	}()
	return l
}

func (l *load) keep(host, result string) {
	l.mu.Lock()
	l.kept[result] = host
	l.mu.Unlock()
	l.count.Add(1)
}

// more waits until n results more were acknowledged.
func (l *load) more(n int64) {
	l.t.Helper()
	limit := time.After(60 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for want := l.count.Load() + n; l.count.Load() < want; {
		select {
		case <-tick.C:
		case err := <-l.done:
			l.t.Fatalf("the hosts ended: %v", err)
		case <-limit:
			l.t.Fatal("the hosts do not get on")
		}
	}
}

// end ends the fleet, and fails when something that was acknowledged is missing.
func (l *load) end(p *api.PersonClient) {
	l.t.Helper()
	l.cancel()
	check(l.t, <-l.done)
	l.t.Log(l.report.Working.LastError)
	l.whole(p)
}

// whole fails when something that was acknowledged is missing.
func (l *load) whole(p *api.PersonClient) {
	l.t.Helper()
	there := map[string]string{}
	for since := int64(1); ; {
		page := must(p.Events(l.t.Context(), api.EventQuery{Since: since, Limit: 1000}))(l.t)
		if len(page.Events) == 0 {
			break
		}
		for _, e := range page.Events {
			if e.Result != nil {
				there[e.Result.ID] = e.Host
			}
			since = e.Number
		}
	}
	missing := 0
	for result, host := range l.kept {
		if there[result] != host {
			missing++
		}
	}
	l.t.Logf("%d results acknowledged, %d kept", len(l.kept), len(there))
	if missing > 0 || len(l.kept) == 0 {
		l.t.Errorf("%d of %d results that were acknowledged are missing", missing, len(l.kept))
	}
}

// free is an address that nobody listens on.
func free(t testing.TB) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	return l.Addr().String()
}
