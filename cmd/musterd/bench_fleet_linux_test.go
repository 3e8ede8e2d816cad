package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/api"
	"muster/internal/simulate"
)

// fleetSize is for how many hosts the benchmarks of fleets are, and fleetTime for how
// long each is measured.
var (
	fleetSize = envInt("MUSTER_BENCH_HOSTS", 10_000)
	fleetTime = time.Duration(envInt("MUSTER_BENCH_SECONDS", 180)) * time.Second
	// fleetTurns is how often one fleet is measured: to fill a server takes longest.
	fleetTurns = envInt("MUSTER_BENCH_TURNS", 3)
)

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// A trial is a server with a fleet that has joined.
type trial struct {
	*process
	b     *testing.B
	fleet simulate.Fleet
	kept  *load
}

// newTrial fills a server with hosts of a template, and starts it anew with limits
// for so many hosts. Where MUSTER_BENCH_FILLED names a folder, the fleet of
// MUSTER_BENCH_HOSTS is filled once, and its later trials begin with a copy.
func newTrial(b *testing.B, hosts, limit int, template string, env ...string) *trial {
	filled := os.Getenv("MUSTER_BENCH_FILLED")
	other := slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "MUSTERD_DATABASE=") })
	if hosts != fleetSize || template != "mixed" || other {
		filled = ""
	}
	data := newFolder(b)
	_, err := os.Stat(filled)
	there := filled != "" && err == nil
	if there {
		believed := must(os.ReadFile(filepath.Join(data, "trust.d", "alice.pem")))(b) // who administers differs with each process
		check(b, os.RemoveAll(data))
		check(b, os.CopyFS(data, os.DirFS(filled)))
		check(b, os.WriteFile(filepath.Join(data, "trust.d", "alice.pem"), believed, 0o600))
	}
	p := newProcess(b, data, append(env, "MUSTERD_HOSTS_INTERVAL=15m", "MUSTERD_LIMITS_RATES_ENROL=10000")...)
	token := must(person(b, p.url(), p.roots()).CreateToken(b.Context(), api.TokenRequest{Uses: -1}))(b)
	t := &trial{process: p, b: b, kept: &load{t: b, kept: map[string]string{}}}
	t.fleet = simulate.Fleet{URL: p.url(), TLS: &tls.Config{RootCAs: p.roots()}, Token: token.Secret, Hosts: hosts, Changes: .02, Jitter: .1,
		Template: template, Seed: 1, Kept: t.kept.keep}
	if !there {
		t.fill()
	}
	t.stop(syscall.SIGTERM)
	if !there && filled != "" {
		check(b, os.CopyFS(filled, os.DirFS(data)))
	}
	t.env = append(t.env, "MUSTERD_LIMITS_HOSTS="+strconv.Itoa(limit))
	t.start()
	return t
}

// fill has the hosts enrol and send their inventories.
func (t *trial) fill() {
	fill := t.fleet
	ctx, cancel := context.WithCancel(t.b.Context())
	defer cancel()
	fill.Working = cancel
	r := must(fill.Run(ctx))(t.b)
	if r.Hosts < fill.Hosts {
		t.b.Fatalf("only %d of %d hosts joined: %s", r.Hosts, fill.Hosts, r.Joining.LastError)
	}
	t.b.Logf("%d hosts joined in %s", r.Hosts, r.Joining.Took.Round(time.Second))
}

// stop ends the server as systemd, or a crash, would.
func (p *process) stop(signal os.Signal) {
	p.t.Helper()
	check(p.t, p.cmd.Process.Signal(signal))
	<-p.gone
}

// waiting is how many hosts the server holds.
func (p *process) waiting() int {
	p.t.Helper()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots()}, DisableKeepAlives: true}}
	resp, err := c.Get(p.url() + api.RouteMetrics)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	data := must(io.ReadAll(resp.Body))(p.t)
	_, after, _ := strings.Cut(string(data), "\nmusterd_waiting_hosts ")
	line, _, _ := strings.Cut(after, "\n")
	n := must(strconv.ParseFloat(line, 64))(p.t)
	return int(n)
}

// back waits until n hosts are held.
func (p *process) back(n int) {
	p.t.Helper()
	began := time.Now()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for now := range tick.C {
		if p.waiting() >= n {
			return
		}
		if now.Sub(began) > 10*time.Minute {
			p.t.Fatalf("of %d hosts %d are back", n, p.waiting())
		}
	}
}

// run has the hosts connect within ramp, and does do while they are at work.
func (t *trial) run(f simulate.Fleet, do func()) *simulate.Report {
	t.b.Helper()
	ctx, cancel := context.WithCancel(t.b.Context())
	defer cancel()
	working, done := make(chan struct{}), make(chan error, 1)
	f.Working = func() { close(working) }
	var r *simulate.Report
	go func() {
		var err error
		r, err = f.Run(ctx)
		done <- err
	}()
	select {
	case <-working:
	case err := <-done:
		t.b.Fatalf("the hosts do not come: %v", err)
	}
	do()
	cancel()
	check(t.b, <-done)
	return r
}

// BenchmarkConnected is a fleet that is connected and has nothing special to do: what
// the server takes for it. [BenchmarkBare] is the least that net/http takes.
//
//	go test ./cmd/musterd -run XXX -bench Connected -benchtime 1x -timeout 2h -v
func BenchmarkConnected(b *testing.B) {
	t := newTrial(b, fleetSize, fleetSize, "mixed")
	for range fleetTurns {
		t.steady()
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRestarts is how long a server needs to have all of a connected fleet back
// after a restart and after a crash. Every result that was acknowledged must be there.
//
//	go test ./cmd/musterd -run XXX -bench Restarts -benchtime 1x -timeout 2h -v
func BenchmarkRestarts(b *testing.B) {
	t := newTrial(b, fleetSize, fleetSize, "mixed")
	t.restarts()
	t.kept.whole(person(b, t.url(), t.roots()))
	b.ReportMetric(0, "ns/op")
}

// steady measures the server while hosts wait and check in every 15 minutes.
func (t *trial) steady() {
	f := t.fleet
	f.Connected, f.Every, f.Ramp = true, 15*time.Minute, time.Minute
	var cpu time.Duration
	var memory int
	r := t.run(f, func() {
		before := t.cpu()
		<-time.After(fleetTime) // what is measured is what happens in a time
		cpu, memory = t.cpu()-before, t.resident()
	})
	c, took := r.Working.Of("checkin"), r.Working.Took.Seconds()
	t.b.Logf("connected: cpu %.2f %% of a core, rss %d MB, %d held; %d check-ins, p50 %.1f p90 %.1f p99 %.1f p99.9 %.1f max %.1f ms, %d errors %s; %.0f bytes/s; the simulator %d MB",
		cpu.Seconds()/fleetTime.Seconds()*100, memory/1e6, r.Held, c.Count, c.P50, c.P90, c.P99, c.P999, c.Max, c.Errors, r.Working.LastError,
		float64(r.Up+r.Down)/took, r.Memory/1e6)
}

// restart measures one restart. Hosts that have not waited for a minute take it for a
// failure of their own, and are slower to come.
func (t *trial) restart(signal syscall.Signal) {
	<-time.After(time.Minute)
	began := time.Now()
	t.stop(signal)
	stopped := time.Since(began)
	t.start()
	started := time.Since(began)
	t.back(t.fleet.Hosts)
	t.b.Logf("%s: stopped after %.1f s, serves after %.1f s, all are back after %.1f s; cpu %s", signal, stopped.Seconds(), started.Seconds(),
		time.Since(began).Seconds(), t.cpu())
}

// restarts measures how long all hosts are gone when the server is.
func (t *trial) restarts() {
	f := t.fleet
	f.Connected, f.Every, f.Ramp = true, 15*time.Minute, 30*time.Second
	r := t.run(f, func() {
		t.back(f.Hosts)
		for range fleetTurns {
			for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
				t.restart(signal)
			}
		}
	})
	t.b.Logf("as the hosts saw it: %+v", r.Outages)
}

// BenchmarkFill is how long a fleet needs to enrol and to send its inventories, and
// makes the folder of MUSTER_BENCH_FILLED.
//
//	go test ./cmd/musterd -run XXX -bench Fill -benchtime 1x -timeout 2h -v
func BenchmarkFill(b *testing.B) {
	newTrial(b, fleetSize, fleetSize, "mixed")
	b.ReportMetric(0, "ns/op")
}
