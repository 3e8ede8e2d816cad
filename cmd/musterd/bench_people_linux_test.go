package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"muster/api"
)

// BenchmarkHostBytes is what a host takes of SQLite's file, with all that the server
// keeps of it and its part of what hosts share.
//
//	go test ./cmd/musterd -run XXX -bench HostBytes -benchtime 1x
func BenchmarkHostBytes(b *testing.B) {
	for template, hosts := range map[string]int{"windows": 1000, "debian": 400} {
		b.Run(template, func(b *testing.B) {
			p := newProcess(b, newFolder(b))
			p.stop(syscall.SIGTERM)
			empty := p.stored()
			t := newTrial(b, hosts, hosts, template)
			t.stop(syscall.SIGTERM)
			b.ReportMetric(float64(t.stored()-empty)/float64(hosts), "B/host")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// stored is the size of SQLite's file. A server that has ended leaves no other.
func (p *process) stored() int64 {
	p.t.Helper()
	return must(os.Stat(filepath.Join(p.data, "muster.db")))(p.t).Size()
}

// BenchmarkPeople is what people wait for in a fleet of MUSTER_BENCH_HOSTS: lists,
// searches, and one host.
//
//	MUSTER_BENCH_HOSTS=50000 go test ./cmd/musterd -run XXX -bench People -benchtime 1x -timeout 2h -v
func BenchmarkPeople(b *testing.B) {
	t := newTrial(b, fleetSize, fleetSize, "mixed")
	p := person(b, t.url(), t.roots())
	first := must(p.Hosts(b.Context(), api.HostQuery{Limit: 50}))(b).Hosts
	at := 0
	one := func() string { at++; return first[at%len(first)].ID }
	for _, q := range []string{"", "name:pc-00*", "os:debian", "package:firefox-esr", `package:"7-Zip 24.08 (x64 edition)"`, "package:libc6<2.36-9+deb12u9", "-package:libc6", "kiosk", "seen<1h os:windows"} {
		t.ask("list "+q, func() error { _, err := p.Hosts(b.Context(), api.HostQuery{Query: q, Limit: 50}); return err })
	}
	t.ask("list and count", func() error { _, err := p.Hosts(b.Context(), api.HostQuery{Limit: 50, Count: true}); return err })
	t.ask("host", func() error { _, err := p.Host(b.Context(), one()); return err })
	t.ask("host's inventory", func() error { _, err := p.HostInventory(b.Context(), one(), 0); return err })
	t.ask("host's history", func() error { _, err := p.History(b.Context(), api.HistoryQuery{Host: one()}); return err })
	t.ask("software, a page", func() error { _, err := p.Software(b.Context(), "", "", 50); return err })
	t.ask("events", func() error { _, err := p.Events(b.Context(), api.EventQuery{Limit: 50}); return err })
	b.ReportMetric(0, "ns/op")
}

// ask asks a hundred times, or ten at least in half a minute. What the server's threads
// waited for a processor is not its own time: the machine did something else.
func (t *trial) ask(what string, do func() error) {
	cpu, delay, since := t.cpu(), t.delay(), time.Now()
	var all []time.Duration
	for n := 0; n < 10 || n < 100 && time.Since(since) < 30*time.Second; n++ {
		began := time.Now()
		check(t.b, do())
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	n := len(all)
	each := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(n) }
	t.b.Logf("%s: p50 %.1f p90 %.1f p99 %.1f ms of %d, cpu %.1f ms, waited for one %.1f ms", what, all[n/2].Seconds()*1e3, all[n*9/10].Seconds()*1e3, all[n*99/100].Seconds()*1e3,
		n, each(t.cpu()-cpu), each(t.delay()-delay))
}

// delay is how long the threads of the server were ready to run and did not: the second
// field of /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
func (p *process) delay() (all time.Duration) {
	p.t.Helper()
	tasks := must(filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid)))(p.t)
	for _, file := range tasks {
		var ran, waited int64
		if data, err := os.ReadFile(file); err == nil { // a thread may have ended
			fmt.Sscan(string(data), &ran, &waited) //nolint:errcheck // 0 where it says nothing
		}
		all += time.Duration(waited)
	}
	return all
}
