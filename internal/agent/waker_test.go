package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/api"
)

// TestWakerForgotten: a server that lost its database answers a waiting host that
// it does not know it. The next round makes the host known, so it comes at once.
func TestWakerForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		kicked := make(chan time.Time, 10)
		w := newWaker(func(context.Context, int64) (api.Wake, error) {
			return api.Wake{}, muster.WithKind(muster.NotFound, error(&api.StatusError{Status: 404, Code: api.UnknownHost}))
		}, func() { kicked <- time.Now() })
		w.want(true, 1)
		done := make(chan struct{})
		go func() { w.run(ctx); close(done) }()
		start := time.Now()
		if at := <-kicked; at.Sub(start) > time.Second {
			t.Errorf("kicked after %v", at.Sub(start))
		}
		if at := <-kicked; at.Sub(start) < 10*time.Second {
			t.Errorf("and again after %v", at.Sub(start))
		}
		stop()
		<-done
	})
}

// TestWakerApart: a host that was given what many were given asks anew at its moment,
// and a host among few within seconds.
func TestWakerApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		asked := make(chan time.Time, 10)
		spreads := []int{0, 100}
		w := newWaker(func(ctx context.Context, _ int64) (api.Wake, error) {
			asked <- time.Now()
			if len(spreads) == 0 {
				stop()
				return api.Wake{}, ctx.Err()
			}
			now := spreads[0]
			spreads = spreads[1:]
			return api.Wake{Number: 1, Orders: []api.Order{{ID: "1"}}, Spread: now}, nil
		}, func() {})
		var answer time.Time
		w.orders = func(_ context.Context, o *ordered) { answer = o.answer }
		w.want(true, 1)
		w.run(ctx)
		first, second, third := <-asked, <-asked, <-asked
		if d := second.Sub(first); d < time.Second || d > settled {
			t.Errorf("asked anew after %s", d)
		}
		if d := third.Sub(second); d < 10*time.Second || d > 100*time.Second || third.Before(answer) {
			t.Errorf("among many asked anew after %s", d)
		}
	})
}

// TestWakerCutShort: something between host and server cuts requests off that wait.
// The host asks again, and is not deaf for longer and longer.
func TestWakerCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		var listened time.Duration
		w := newWaker(func(ctx context.Context, _ int64) (api.Wake, error) {
			began := time.Now()
			defer func() { listened += time.Since(began) }()
			if sleep(ctx, time.Minute) != nil {
				return api.Wake{}, ctx.Err()
			}
			return api.Wake{}, muster.Errorf(muster.Unavailable, "the stream was reset")
		}, func() { t.Error("nobody called") })
		w.want(true, 1)
		w.run(ctx)
		if listened < 44*time.Minute {
			t.Errorf("in an hour the host listened for %s", listened)
		}
	})
}
