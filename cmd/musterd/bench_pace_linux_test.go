package main

import (
	"testing"
	"time"
)

// BenchmarkSustained is how many check-ins a second are answered with 99 of 100 within
// 50 ms of when they were due: hosts that are connected come at a pace that grows
// by a fifth until they are not.
//
//	go test ./cmd/musterd -run XXX -bench Sustained -benchtime 1x -timeout 1h -v
func BenchmarkSustained(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			t := newTrial(b, 500, 1_000_000, "windows", e.env(b)...)
			for range fleetTurns {
				t.sustained()
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func (t *trial) sustained() {
	f := t.fleet
	f.Connected, f.Kept = true, nil
	best := 0.0
	for rate := 200.0; ; rate *= 1.2 {
		f.Every, f.Ramp = time.Duration(float64(f.Hosts)/rate*float64(time.Second)), 2*time.Second
		var cpu time.Duration
		r := t.run(f, func() {
			before := t.cpu()
			<-time.After(10 * time.Second)
			cpu = t.cpu() - before
		})
		c := r.Working.Of("checkin")
		t.b.Logf("pace %.0f: %.0f check-ins/s, p50 %.1f p99 %.1f p99.9 %.1f ms, %d errors, %d put off, cpu %.0f us each", rate, c.Rate, c.P50, c.P99, c.P999, c.Errors, c.PutOff,
			float64(cpu.Microseconds())/float64(max(c.Count, 1)))
		if c.P99 > 50 || c.Errors+c.PutOff > 0 {
			break
		}
		best = c.Rate
	}
	t.b.ReportMetric(best, "checkins/s")
}
