package relay

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/action"
	"muster/internal/db/dbtest"
)

// BenchmarkWake is an action for 10,000 hosts that wait: from the post until each
// has its own order with its proof.
func BenchmarkWake(b *testing.B) {
	const n = 10_000
	w := newWorld(b, dbtest.SQLite(b))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	told := make([]chan struct{}, n)
	var leaves []func()
	for i := range told {
		told[i] = make(chan struct{}, 1)
		leaves = append(leaves, w.Attend(hostID(i), func() {
			select {
			case told[i] <- struct{}{}:
			default:
			}
		}))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	var posting, given, worked time.Duration
	rounds := 0
	for b.Loop() {
		rounds++
		post, a := w.order(n, nil)
		began, cpu := time.Now(), cpuTime(b)
		must(w.Post(b.Context(), "alice", post))(b)
		posting += cpuTime(b) - cpu
		var all sync.WaitGroup
		for i := range told {
			all.Go(func() {
				<-told[i]
				orders := must(w.Take(context.Background(), hostID(i)))(b)
				if len(orders) != 1 || orders[0].Proof == nil {
					b.Errorf("host %d is given %d orders", i, len(orders))
				}
			})
		}
		all.Wait()
		given += time.Since(began)
		worked += cpuTime(b) - cpu
		b.StopTimer()
		for i := range told {
			w.Has(hostID(i), []string{a.ID})
		}
		check(b, w.Flush(b.Context()))
		b.StartTimer()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/waiting-host")
	b.ReportMetric(float64(posting.Milliseconds())/float64(rounds), "cpu-ms/post")
	b.ReportMetric(float64(worked.Nanoseconds())/float64(rounds)/n, "cpu-ns/host")
	b.ReportMetric(float64(given.Milliseconds())/float64(rounds), "ms/all-have-it")
	for _, leave := range leaves {
		leave()
	}
}

// cpuTime is what the process has used of its processors: it says something on a
// machine on which others work, too.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReport is one signed result of a host, verified and kept.
func BenchmarkReport(b *testing.B) {
	w := newWorld(b, dbtest.SQLite(b))
	cpu, n := time.Duration(0), 0
	for b.Loop() {
		b.StopTimer()
		post, a := w.order(1, nil)
		must(w.Post(b.Context(), "alice", post))(b)
		r := action.Result{Action: a.ID, SHA256: action.Sum(post.Message), Host: hostID(0), State: action.Done}
		der := must(r.Sign(w.time(), w.hosts[0]))(b)
		b.StartTimer()
		before := cpuTime(b)
		check(b, w.Report(b.Context(), hostID(0), [][]byte{der}))
		cpu, n = cpu+cpuTime(b)-before, n+1
	}
	b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-us/result")
}
