package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"muster/api"
	"muster/internal/simulate"
	"muster/internal/testneed/sqlserver"
)

// engines are the databases, each of its own.
var engines = []struct {
	name string
	env  func(testing.TB) []string
}{
	{"sqlite", func(testing.TB) []string { return nil }},
	{"postgres", func(t testing.TB) []string { return []string{"MUSTERD_DATABASE=" + sqlserver.Postgres(t)} }},
	{"mariadb", func(t testing.TB) []string { return []string{"MUSTERD_DATABASE=" + sqlserver.MariaDB(t)} }},
}

// BenchmarkCheckIns has 200 hosts check in as fast as the server answers, for 10
// seconds, and reports check-ins a second, CPU time of the server for one, bytes
// on the wire, and the memory of the server:
//
//	go test ./cmd/musterd -run XXX -bench CheckIns -benchtime 1x -count 3
//
// Server and hosts share the machine: the rate is that of both.
func BenchmarkCheckIns(b *testing.B) {
	for _, engine := range engines {
		for _, changes := range []float64{0, 0.02} {
			b.Run(fmt.Sprintf("%s/changes=%g", engine.name, changes), func(b *testing.B) {
				for range b.N {
					benchmarkCheckIns(b, changes, engine.env(b))
				}
			})
		}
	}
}

func benchmarkCheckIns(b *testing.B, changes float64, env []string) {
	p := newProcess(b, newFolder(b), env...)
	defer p.kill()
	token := must(person(b, p.url(), p.roots()).CreateToken(b.Context(), api.TokenRequest{Uses: -1}))(b)
	f := &simulate.Fleet{URL: p.url(), TLS: &tls.Config{RootCAs: p.roots()}, Token: token.Secret, Hosts: 200, For: 10 * time.Second,
		Changes: changes, Template: "windows", Seed: 1}
	var before time.Duration
	f.Working = func() { before = p.cpu() }
	r := must(f.Run(b.Context()))(b)
	c := r.Working.Of("checkin")
	if c.Errors > 0 {
		b.Errorf("%d errors: %s", c.Errors, r.Working.LastError)
	}
	b.ReportMetric(c.Rate, "checkins/s")
	b.ReportMetric(float64((p.cpu()-before).Microseconds())/float64(c.Count), "us-cpu/checkin")
	b.ReportMetric(c.P99, "p99-ms")
	b.ReportMetric(r.PerTurn, "B/checkin")
	b.ReportMetric(float64(p.resident())/1e6, "MB-rss")
	b.ReportMetric(0, "ns/op")
}

// cpu is the processor time that the server has taken: proc_pid_stat(5), in ticks
// of 10 ms.
func (p *process) cpu() time.Duration {
	p.t.Helper()
	data := must(os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)))(p.t)
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	user, system := must(strconv.Atoi(string(fields[11])))(p.t), must(strconv.Atoi(string(fields[12])))(p.t)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the memory of the server: the second field of proc_pid_statm(5).
func (p *process) resident() int {
	p.t.Helper()
	data := must(os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid)))(p.t)
	return must(strconv.Atoi(string(bytes.Fields(data)[1])))(p.t) * os.Getpagesize()
}
