package simulate

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// A Report is how a simulation was.
type Report struct {
	Hosts   int      `json:"hosts"` // that the server took
	Joining Phase    `json:"joining"`
	Working Phase    `json:"working"`
	Held    int      `json:"held"`              // that waited for news at the end
	Outages []Outage `json:"outages,omitempty"` // times in which hosts that waited had lost the server
	Up      int64    `json:"bytes-up"`          // on the wire, with TLS, while working
	Down    int64    `json:"bytes-down"`
	PerTurn float64  `json:"bytes-a-checkin"` // both directions, with what follows from it
	Memory  uint64   `json:"memory"`          // bytes that the simulator took of the system
}

// A Phase is a part of a simulation.
type Phase struct {
	Took      time.Duration `json:"took"`
	Requests  []Requests    `json:"requests"`
	LastError string        `json:"last-error,omitempty"`
}

// Of are the requests of a kind: about, appear (the first check-in), enrol, checkin,
// whole, delta, wait; or what was heard: news, counted from the first host that did.
func (p *Phase) Of(name string) Requests {
	for _, q := range p.Requests {
		if q.Name == name {
			return q
		}
	}
	return Requests{Name: name}
}

// Requests are those of one kind. Latencies are in milliseconds, within 3 %, of
// those that succeeded.
type Requests struct {
	Name   string  `json:"name"`
	Count  int64   `json:"count"`
	Errors int64   `json:"errors"`
	PutOff int64   `json:"put-off"` // that the server asked to come back later
	Rate   float64 `json:"rate"`    // a second
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	P999   float64 `json:"p99.9"`
	Max    float64 `json:"max"`
}

// phase lists what was counted in a time.
func (s *stats) phase(took time.Duration) Phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Phase{Took: took}
	for _, name := range slices.Sorted(maps.Keys(s.by)) {
		t := s.by[name]
		p.Requests = append(p.Requests, Requests{Name: name, Count: t.count, Errors: t.errors, PutOff: t.putOff, Rate: float64(t.count) / took.Seconds(),
			P50: t.percentile(.5), P90: t.percentile(.9), P99: t.percentile(.99), P999: t.percentile(.999), Max: float64(t.max) / 1e6})
	}
	if s.last != nil {
		p.LastError = s.last.Error()
	}
	return p
}

func (r *Report) finish(f *Fleet, took time.Duration, t traffic) {
	r.Working = f.stats.phase(took)
	r.Held, r.Outages = f.held.report()
	r.Up, r.Down = t.up, t.down
	if n := r.Working.Of("checkin").Count; n > 0 {
		r.PerTurn = float64(t.up+t.down) / float64(n)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Memory = m.Sys
}

// Print prints the report as tables.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "%d hosts came in %s\n", r.Hosts, r.Joining.Took.Round(time.Millisecond))
	if err := r.Joining.print(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "and worked for %s: %.1f kB up, %.1f kB down, %.0f bytes a check-in\n", r.Working.Took.Round(time.Millisecond),
		float64(r.Up)/1e3, float64(r.Down)/1e3, r.PerTurn)
	if err := r.Working.print(w); err != nil {
		return err
	}
	if r.Held > 0 {
		fmt.Fprintf(w, "%d hosts waited for news at the end\n", r.Held)
	}
	for _, o := range r.Outages {
		back := "and not all came back"
		if o.Took > 0 {
			back = fmt.Sprintf("the last was back after %s", o.Took.Round(time.Millisecond))
		}
		fmt.Fprintf(w, "%s: %d hosts lost the server, %s\n", o.At.Format(time.TimeOnly), o.Hosts, back)
	}
	_, err := fmt.Fprintf(w, "the simulator took %d MB\n", r.Memory/1e6)
	return err
}

func (p *Phase) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "request\tcount\terrors\tput off\ta second\tp50 ms\tp90 ms\tp99 ms\tp99.9 ms\tmax ms\t")
	for _, q := range p.Requests {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", q.Name, q.Count, q.Errors, q.PutOff, q.Rate, q.P50, q.P90, q.P99, q.P999, q.Max)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.LastError != "" {
		fmt.Fprintf(w, "last error: %s\n", p.LastError)
	}
	return nil
}
