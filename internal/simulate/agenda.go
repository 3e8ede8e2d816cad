package simulate

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// A visit is a check-in.
type visit struct {
	host *host
	due  time.Time // latency counts from here
	at   time.Time // not before: later than due where the server asked for it
	more bool      // beside those that come in their turn
}

// An agenda is the visits to come, the next one first.
type agenda struct {
	mu     sync.Mutex
	visits visits
	sooner chan struct{} // there is another first one
}

func newAgenda() *agenda { return &agenda{sooner: make(chan struct{}, 1)} }

func (a *agenda) add(v visit) {
	a.mu.Lock()
	heap.Push(&a.visits, v)
	a.mu.Unlock()
	select {
	case a.sooner <- struct{}{}:
	default:
	}
}

// next waits for the next visit; it reports false when ctx ends before.
func (a *agenda) next(ctx context.Context) (v visit, ok bool) {
	for ctx.Err() == nil {
		a.mu.Lock()
		wait := time.Hour
		if len(a.visits) > 0 {
			if wait = time.Until(a.visits[0].at); wait <= 0 {
				v = heap.Pop(&a.visits).(visit)
				a.mu.Unlock()
				return v, true
			}
		}
		a.mu.Unlock()
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-a.sooner:
		case <-ctx.Done():
		}
		t.Stop()
	}
	return v, false
}

// visits is a heap.
type visits []visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].at.Before(v[j].at) }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)        { *v = append(*v, x.(visit)) }

func (v *visits) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

// plan spreads the first visits over the interval.
func (f *Fleet) plan(hosts []*host, began time.Time) {
	for i, h := range hosts {
		due := began.Add(time.Duration(float64(i) / float64(len(hosts)) * float64(f.Every)))
		f.due.add(visit{host: h, due: due, at: due})
	}
}

// again plans the visit that follows one that came in its turn.
func (f *Fleet) again(v visit, random float64) {
	if v.more {
		return
	}
	next := v.due.Add(time.Duration(float64(f.Every) * (1 + f.Jitter*(2*random-1))))
	f.due.add(visit{host: v.host, due: next, at: next})
}

// open has hosts check in when they are due, whatever became of the visits before.
func (f *Fleet) open(ctx context.Context, hosts []*host) {
	r := rand.New(rand.NewPCG(f.Seed, 2))
	f.plan(hosts, time.Now())
	work := f.start(ctx)
	defer work.end()
	for {
		v, ok := f.due.next(ctx)
		if !ok {
			return
		}
		f.again(v, r.Float64())
		work.do(v)
	}
}

// closed has hosts check in one after the other, and round again.
func (f *Fleet) closed(ctx context.Context, hosts []*host) {
	work := f.start(ctx)
	defer work.end()
	for n := 0; ctx.Err() == nil; n++ {
		work.do(visit{host: hosts[n%len(hosts)]})
	}
}

// work are those who carry out visits: a host that is connected is its own.
type work struct {
	f      *Fleet
	ctx    context.Context
	visits chan visit
	all    sync.WaitGroup
}

func (f *Fleet) start(ctx context.Context) *work {
	w := &work{f: f, ctx: ctx, visits: make(chan visit)}
	if f.Connected {
		return w
	}
	for range f.Parallel {
		w.all.Go(func() {
			for v := range w.visits {
				w.visit(v)
			}
		})
	}
	return w
}

func (w *work) do(v visit) {
	if w.f.Connected {
		w.all.Go(func() { w.visit(v) })
		return
	}
	select {
	case w.visits <- v:
	case <-w.ctx.Done():
	}
}

func (w *work) end() {
	close(w.visits)
	w.all.Wait()
}

// hurry is how long a host that could not tell of its actions waits until it tries again.
const hurry = 5 * time.Second

// visit carries out v, and puts it off when the server asks for that.
func (w *work) visit(v visit) {
	if v.host.away.Load() {
		return // it is made up for when the host is back
	}
	if v.due.IsZero() {
		v.due = time.Now()
	}
	v.host.busy.Lock()
	err := v.host.turn(w.ctx, v.due)
	v.host.busy.Unlock()
	if after, ok := putOff(err); ok && w.f.Every > 0 {
		v.at, v.more = time.Now().Add(after), true
		w.f.due.add(v)
	} else if err != nil && w.ctx.Err() == nil && v.host.orders.unsaid() {
		v.at, v.more = time.Now().Add(hurry), true
		w.f.due.add(v)
	}
}
