// Package simulate is a fleet of hosts that do not exist: they speak the real
// protocol, with keys and signatures of their own, to a real server.
//
// Start with [Fleet.Run]. Every host enrols with a token, sends a whole inventory
// when it is asked to, and then checks in; a part of the check-ins brings a
// change of software and its result. Of one seed comes one fleet, keys included: a
// second run goes on with the hosts of the first, and nobody should let such
// hosts into a server that matters.
//
// Without [Fleet.Every] the loop is closed: the next check-in begins when one
// ends, which finds the most that a server can do. With it every host comes in
// its turn, and latency is counted from when it was due: a server that is late
// does not hide behind those that it kept waiting.
//
// With [Fleet.Connected] each host also has a TLS connection of its own, on which
// it waits for the server's word as agents do, loses it, and comes back.
//
// # What is spared
//
// One process plays all of them, so it does once what each would do for itself: the
// chain of the server's certificate is verified when it is seen for the first
// time, and compared from then on. The signatures of an action are verified once,
// because all hosts get the same bytes; whether it is for a host, by its place in the
// tree of targets, is verified for each. So it is with the head of the repository and
// what it lists: each host asks for it, and decides for itself about what is rolled out.
package simulate

import (
	"context"
	"crypto/tls"
	"maps"
	"slices"
	"sync"
	"time"

	"muster"
)

// A Fleet says what to simulate.
type Fleet struct {
	URL       string
	TLS       *tls.Config // nil: the authorities of the system
	Token     string      // lets Hosts hosts enrol
	Hosts     int
	Ramp      time.Duration // over which the hosts come, one after the other
	For       time.Duration // of check-ins, after all have come; 0: until ctx ends
	Every     time.Duration // between two check-ins of a host; 0: as fast as the server answers
	Jitter    float64       // part of Every by which a check-in is early or late at most
	Connected bool          // each host has a connection, and waits on it; needs Every
	Certified bool          // each that is connected gets its certificate before it waits: what it kept of an earlier run
	Parallel  int           // requests at a time of hosts that are not connected, and of those that come: 64 where it is 0
	Changes   float64       // part of the check-ins that brings a change, 0 to 1
	Failing   float64       // part of the changes, and of the actions, that fails
	Offline   float64       // part of the intervals between check-ins in which a connected host goes offline
	Takes     time.Duration // how long an action, or to take what is rolled out, lasts on average
	// FailingVersions is the part of the hosts on which a version that is rolled out
	// fails, by "name=version".
	FailingVersions map[string]float64
	Template        string // windows, debian or mixed, which is the default
	Seed            uint64
	// Kept is told of every result that the server has acknowledged.
	Kept func(host, result string)
	// Begun is told of every action that a host begins.
	Begun func(action string, at time.Time)
	// Working is called when all hosts have come and the measured part begins.
	Working func()

	wire   *wire
	stats  *stats
	held   *held
	due    *agenda
	opened *opened
	begun  *firsts

	repository *repository // nil: the server has none
}

// Run simulates until For is over or ctx ends, and says how it was. Requests that
// fail are counted, and no reason to end, but when nothing could be enrolled.
func (f *Fleet) Run(ctx context.Context) (*Report, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	f.stats, f.due, f.held, f.begun = newStats(), newAgenda(), new(held), new(firsts)
	var err error
	if f.wire, err = dial(ctx, f); err != nil {
		return nil, err
	}
	defer f.wire.close()
	if f.opened, err = newOpened(f.wire.server.Anchors); err != nil {
		return nil, err
	}
	if f.repository, err = f.openRepository(); err != nil {
		return nil, err
	}
	defer f.repository.close()
	waits, stop := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer stop()
	began := time.Now()
	hosts, err := f.join(ctx, func(h *host) {
		if f.Connected {
			waiting.Go(func() { h.stay(waits) })
		}
	})
	if err != nil {
		return nil, err
	}
	r := &Report{Hosts: len(hosts), Joining: f.stats.phase(time.Since(began))}
	f.measured(ctx, hosts, r)
	return r, nil
}

// check refuses what cannot be simulated, and prepares what it needs.
func (f *Fleet) check() error {
	for _, part := range append(slices.Collect(maps.Values(f.FailingVersions)), f.Changes, f.Jitter, f.Failing, f.Offline) {
		if !(part >= 0 && part <= 1) {
			return muster.Errorf(muster.Invalid, "a part of %g is not between 0 and 1", part)
		}
	}
	if f.Hosts < 1 || f.Hosts > 1_000_000 {
		return muster.Errorf(muster.Invalid, "cannot simulate %d hosts", f.Hosts)
	}
	if f.Template == "" {
		f.Template = "mixed"
	}
	if templates[f.Template] == nil {
		return muster.Errorf(muster.Invalid, "there is no template %q: give windows, debian or mixed", f.Template)
	}
	if f.Parallel == 0 {
		f.Parallel = 64
	}
	if !f.Connected {
		return nil
	}
	if f.Every <= 0 {
		return muster.Errorf(muster.Invalid, "hosts that are connected check in from time to time: say how often")
	}
	return allowFiles(f.Hosts + 200)
}

// measured is what follows when all have come.
func (f *Fleet) measured(ctx context.Context, hosts []*host, r *Report) {
	f.stats.reset()
	if f.Working != nil {
		f.Working()
	}
	began, before := time.Now(), f.wire.bytes()
	if f.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.For)
		defer cancel()
	}
	if f.Every > 0 {
		f.open(ctx, hosts)
	} else {
		f.closed(ctx, hosts)
	}
	r.finish(f, time.Since(began), f.wire.bytes().minus(before))
}

// join has the hosts come, and calls come with each that the server takes.
func (f *Fleet) join(ctx context.Context, come func(*host)) ([]*host, error) {
	hosts := make([]*host, f.Hosts)
	var mu sync.Mutex
	var last error
	f.each(ctx, func(i int) {
		h, err := f.newHost(i)
		if err == nil {
			err = h.appear(ctx)
		}
		if err == nil && f.Connected && f.Certified {
			_, err = h.identity(ctx)
		}
		if err == nil {
			hosts[i] = h
			come(h)
			return
		}
		mu.Lock()
		last = err
		mu.Unlock()
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

// each calls do for every host when its time in the ramp comes, so many at a time.
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
	began := time.Now()
	for i := 0; i < f.Hosts && ctx.Err() == nil; i++ {
		rest(ctx, time.Until(began.Add(time.Duration(float64(f.Ramp)*float64(i)/float64(f.Hosts)))))
		next <- i
	}
	close(next)
	all.Wait()
}

// rest waits, but not longer than ctx lasts.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
