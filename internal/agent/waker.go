package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"muster"
	"muster/api"
)

// A waker holds a request open at the server, which answers when it wants the host
// to look. Where it is not answered, polling goes on as if there were none.
//
// The numbers of a host's requests have to arrive in order. So none is sent while
// a round speaks; one that was sent just before is taken back, and one that was
// sent a while ago has arrived.
type waker struct {
	wait    func(ctx context.Context, since int64) (api.Wake, error)
	kick    func()
	orders  func(context.Context, *ordered) // returns when they are carried out
	changed chan struct{}

	speak  chan struct{} // full while somebody speaks for the host
	wanted bool
	number int64
	sent   time.Time
	cancel context.CancelFunc // of the request that is open, if any
	ended  chan struct{}
}

// held is how long a request has waited of which nobody can say that it did not reach
// the server. Proxies are about to cut it off then.
const held = 50 * time.Second

// settled is how long ago a request was sent that has certainly arrived.
const settled = 5 * time.Second

func newWaker(wait func(context.Context, int64) (api.Wake, error), kick func()) *waker {
	return &waker{wait: wait, kick: kick, changed: make(chan struct{}, 1), speak: make(chan struct{}, 1)}
}

// hush keeps the waker from speaking until resume.
func (w *waker) hush() {
	w.speak <- struct{}{}
	if w.cancel != nil && time.Since(w.sent) < settled {
		w.cancel()
		<-w.ended
	}
}

func (w *waker) resume() { <-w.speak }

// want has the waker wait for another number than the given one, or not at all.
// The caller holds it hushed.
func (w *waker) want(waking bool, number int64) {
	w.wanted, w.number = waking, number
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// run waits for the server's word until ctx ends.
func (w *waker) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		number, wanted, answer := w.open(ctx)
		if !wanted {
			select {
			case <-w.changed:
			case <-ctx.Done():
			}
			continue
		}
		began := time.Now()
		news, hushed, err := answer()
		n := news.Number
		pause := time.Duration(0)
		switch {
		case hushed:
			// The round that was in its way is about to say what to wait for.
		case api.CodeOf(err) == api.UnknownHost:
			// It lost its database: the next round makes the host known again.
			w.kick()
			failures++
			pause = retry(failures)
		case muster.KindOf(err) == muster.NotFound:
			pause = time.Hour // the server has no such thing
		case err != nil && time.Since(began) >= held:
			failures = 0 // it was cut short by something that lets nobody wait for long, or the server ended
			pause = api.Reopen(failures, rand.Float64())
		case err != nil:
			failures++
			pause = max(api.Reopen(failures, rand.Float64()), after(err))
		case n != number || len(news.Orders) > 0:
			failures = 0
			if len(news.Orders) > 0 {
				o := &ordered{all: news.Orders, answer: time.Now().Add(api.Apart(news.Spread, rand.Float64()))}
				w.orders(ctx, o)
				// A server that sends without end does not keep the host from resting; and who
				// is still to be given the same goes before those who ask anew.
				pause = max(time.Until(o.answer), time.Second+time.Duration(rand.Float64()*float64(settled-time.Second)))
			}
			if n != number {
				w.heard(n)
				pause = settled // the round that follows brings the number too
			}
		case time.Since(began) < time.Minute:
			failures++ // something between us answers for the server, or that ends
			pause = api.Reopen(failures, rand.Float64())
		default:
			failures = 0
		}
		sleep(ctx, pause)
	}
}

// open begins a request, when nobody else speaks.
func (w *waker) open(ctx context.Context) (number int64, wanted bool, answer func() (news api.Wake, hushed bool, err error)) {
	w.speak <- struct{}{}
	defer w.resume()
	if !w.wanted {
		return 0, false, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	w.cancel, w.ended, w.sent = cancel, ended, time.Now()
	number = w.number
	return number, true, func() (api.Wake, bool, error) {
		news, err := w.wait(ctx, number)
		hushed := err != nil && ctx.Err() != nil
		close(ended)
		cancel()
		return news, hushed, err
	}
}

func (w *waker) heard(n int64) {
	w.speak <- struct{}{}
	defer w.resume()
	if n != w.number {
		w.number = n
		w.kick()
	}
}
