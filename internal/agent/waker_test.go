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
