// Package simulate is a fleet of hosts that do not exist: they speak the real
// protocol, with keys and signatures of their own, to a real server.
//
// Start with [Fleet.Run]. Every host enrols with a token, sends a whole inventory
// when it is asked to, and then checks in; a part of the check-ins brings a
// change of software and its result. Of one seed comes one fleet.
//
// Without [Fleet.Every] the loop is closed: the next check-in begins when one
// ends, which finds the most that a server can do. With it every host comes in
// its turn, and latency is counted from when it was due: a server that is late
// does not hide behind those that it kept waiting.
package simulate

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"time"

	"muster"
)

// A Fleet says what to simulate.
type Fleet struct {
	URL      string
	TLS      *tls.Config // nil: the authorities of the system
	Token    string      // lets Hosts hosts enrol
	Hosts    int
	For      time.Duration // of check-ins, after all are enrolled; 0: until ctx ends
	Every    time.Duration // between two check-ins of a host; 0: as fast as the server answers
	Parallel int           // requests at a time: 64 where it is 0
	Changes  float64       // part of the check-ins that brings a change, 0 to 1
	Template string        // windows, debian or mixed, which is the default
	Seed     uint64
	// Kept is told of every result that the server has acknowledged.
	Kept func(host, result string)
	// Working is called when all hosts have enrolled and the measured part begins.
	Working func()

	wire  *wire
	stats *stats
}

// Run simulates until For is over or ctx ends, and says how it was. Requests that
// fail are counted, and no reason to end, but when nothing could be enrolled.
func (f *Fleet) Run(ctx context.Context) (*Report, error) {
	if f.Hosts < 1 || f.Hosts > 1_000_000 || f.Changes < 0 || f.Changes > 1 {
		return nil, muster.Errorf(muster.Invalid, "cannot simulate %d hosts with %g changes a check-in", f.Hosts, f.Changes)
	}
	if f.Parallel == 0 {
		f.Parallel = 64
	}
	if templates[f.template()] == nil {
		return nil, muster.Errorf(muster.Invalid, "there is no template %q: give windows, debian or mixed", f.Template)
	}
	f.stats = newStats()
	var err error
	if f.wire, err = dial(ctx, f.URL, f.TLS, f.Parallel, f.stats); err != nil {
		return nil, err
	}
	defer f.wire.close()
	began := time.Now()
	hosts, err := f.enrolAll(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Hosts: len(hosts), Joining: f.stats.phase(time.Since(began))}
	f.stats = newStats()
	f.wire.stats = f.stats
	if f.Working != nil {
		f.Working()
	}
	began = time.Now()
	before := f.wire.bytes()
	limit, cancel := ctx, context.CancelFunc(func() {})
	if f.For > 0 {
		limit, cancel = context.WithTimeout(ctx, f.For)
	}
	defer cancel()
	f.work(limit, hosts)
	r.finish(f.stats, time.Since(began), f.wire.bytes().minus(before))
	return r, nil
}

func (f *Fleet) template() string {
	if f.Template == "" {
		return "mixed"
	}
	return f.Template
}

// enrolAll enrols the hosts and has each send its inventory.
func (f *Fleet) enrolAll(ctx context.Context) ([]*host, error) {
	hosts := make([]*host, f.Hosts)
	var mu sync.Mutex
	var last error
	f.each(ctx, func(i int) {
		h, err := f.newHost(i)
		if err == nil {
			err = h.enrol(ctx)
		}
		if err == nil {
			hosts[i] = h
			err = h.turn(ctx, time.Now(), false)
		}
		if err != nil {
			mu.Lock()
			last = err
			mu.Unlock()
		}
	})
	in := hosts[:0]
	for _, h := range hosts {
		if h != nil {
			in = append(in, h)
		}
	}
	if len(in) == 0 {
		return nil, muster.Errorf(kindOf(last), "no host could enrol: %w", last)
	}
	return in, ctx.Err()
}

func kindOf(err error) muster.ErrorKind {
	if err == nil {
		return muster.Unavailable
	}
	return muster.KindOf(err)
}

// each calls do for every host, so many at a time.
func (f *Fleet) each(ctx context.Context, do func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range min(f.Parallel, f.Hosts) {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := 0; i < f.Hosts && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	all.Wait()
}

// A visit is a check-in that is due.
type visit struct {
	host   *host
	due    time.Time
	change bool
}

// work has hosts check in, one after the other and round again.
func (f *Fleet) work(ctx context.Context, hosts []*host) {
	visits := make(chan visit)
	var all sync.WaitGroup
	for range f.Parallel {
		all.Go(func() {
			for v := range visits {
				if v.due.IsZero() {
					v.due = time.Now()
				}
				v.host.busy.Lock()
				v.host.turn(ctx, v.due, v.change) //nolint:errcheck // counted
				v.host.busy.Unlock()
			}
		})
	}
	f.pace(ctx, hosts, visits)
	close(visits)
	all.Wait()
}

// pace says who is due.
func (f *Fleet) pace(ctx context.Context, hosts []*host, visits chan<- visit) {
	r := rand.New(rand.NewPCG(f.Seed, 2))
	began := time.Now()
	for n := 0; ; n++ {
		v := visit{host: hosts[n%len(hosts)], change: r.Float64() < f.Changes}
		if f.Every > 0 {
			v.due = began.Add(time.Duration(float64(n) / float64(len(hosts)) * float64(f.Every)))
			if wait := time.Until(v.due); wait > 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
			}
		}
		select {
		case visits <- v:
		case <-ctx.Done():
			return
		}
	}
}
