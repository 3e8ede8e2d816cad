package simulate

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A Report is how a simulation was.
type Report struct {
	Hosts   int     `json:"hosts"` // that could enrol
	Joining Phase   `json:"joining"`
	Working Phase   `json:"working"`
	Up      int64   `json:"bytes-up"` // on the wire, with TLS, while working
	Down    int64   `json:"bytes-down"`
	PerTurn float64 `json:"bytes-a-checkin"` // both directions, with what follows from it
}

// A Phase is a part of a simulation.
type Phase struct {
	Took      time.Duration `json:"took"`
	Requests  []Requests    `json:"requests"`
	LastError string        `json:"last-error,omitempty"`
}

// Of are the requests of a kind: about, enrol, checkin, whole, delta.
func (p *Phase) Of(name string) Requests {
	for _, q := range p.Requests {
		if q.Name == name {
			return q
		}
	}
	return Requests{Name: name}
}

// Requests are those of one kind. Latencies are in milliseconds, within 3 %.
type Requests struct {
	Name   string  `json:"name"`
	Count  int64   `json:"count"`
	Errors int64   `json:"errors"`
	Rate   float64 `json:"rate"` // a second
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// stats counts requests by name.
type stats struct {
	mu   sync.Mutex
	by   map[string]*tally
	last error
}

// A tally has a histogram whose buckets grow by 3 %.
type tally struct {
	count, errors int64
	buckets       [600]int64
	max           time.Duration
}

func newStats() *stats { return &stats{by: map[string]*tally{}} }

const (
	growth   = 1.03
	smallest = 50 * time.Microsecond
)

func bucketOf(d time.Duration) int {
	if d <= smallest {
		return 0
	}
	return min(int(math.Log(float64(d)/float64(smallest))/math.Log(growth))+1, 599)
}

func (s *stats) add(name string, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.by[name]
	if t == nil {
		t = new(tally)
		s.by[name] = t
	}
	t.count++
	if err != nil {
		t.errors++
		s.last = err
		return
	}
	t.buckets[bucketOf(took)]++
	t.max = max(t.max, took)
}

// percentile is in milliseconds; of successes.
func (t *tally) percentile(p float64) float64 {
	left := int64(math.Ceil(p * float64(t.count-t.errors)))
	for i, n := range t.buckets {
		if left -= n; left <= 0 && n > 0 {
			return float64(smallest) * math.Pow(growth, float64(i)) / 1e6
		}
	}
	return 0
}

// phase lists what was counted in a time.
func (s *stats) phase(took time.Duration) Phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Phase{Took: took}
	for _, name := range slices.Sorted(maps.Keys(s.by)) {
		t := s.by[name]
		p.Requests = append(p.Requests, Requests{Name: name, Count: t.count, Errors: t.errors, Rate: float64(t.count) / took.Seconds(),
			P50: t.percentile(.5), P90: t.percentile(.9), P99: t.percentile(.99), Max: float64(t.max) / 1e6})
	}
	if s.last != nil {
		p.LastError = s.last.Error()
	}
	return p
}

func (r *Report) finish(s *stats, took time.Duration, t traffic) {
	r.Working = s.phase(took)
	r.Up, r.Down = t.up, t.down
	if n := r.Working.Of("checkin").Count; n > 0 {
		r.PerTurn = float64(t.up+t.down) / float64(n)
	}
}

// Print prints the report as tables.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "%d hosts joined in %s\n", r.Hosts, r.Joining.Took.Round(time.Millisecond))
	if err := r.Joining.print(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "and worked for %s: %.1f kB up, %.1f kB down, %.0f bytes a check-in\n", r.Working.Took.Round(time.Millisecond),
		float64(r.Up)/1e3, float64(r.Down)/1e3, r.PerTurn)
	return r.Working.print(w)
}

func (p *Phase) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "request\tcount\terrors\ta second\tp50 ms\tp90 ms\tp99 ms\tmax ms\t")
	for _, q := range p.Requests {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", q.Name, q.Count, q.Errors, q.Rate, q.P50, q.P90, q.P99, q.Max)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.LastError != "" {
		fmt.Fprintf(w, "last error: %s\n", p.LastError)
	}
	return nil
}
