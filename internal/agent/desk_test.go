package agent

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"muster"
)

// crowd runs the agent and has n requests made together, each as the given user, an
// hour after its start. It returns what the agent did from then on.
func crowd(t *testing.T, s *scene, n int, id string, ask func(loop, ctx context.Context) error) (did string, failed int) {
	ctx, stop := context.WithCancel(t.Context())
	s.once.Do(s.prepare) // as Serve does
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	time.Sleep(time.Hour)
	synctest.Wait()
	before := len(s.log)
	peer := context.WithValue(ctx, peerKey{}, &Peer{ID: id, Name: "bob", Admin: id == "0"})
	var all sync.WaitGroup
	var mu sync.Mutex
	for range n {
		all.Go(func() {
			if ask(ctx, peer) != nil {
				mu.Lock()
				failed++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	time.Sleep(time.Minute)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return strings.Join(s.log[before:], ", "), failed
}

// TestManyLooks: looks that people ask for together are one, beside that which had
// begun already.
func TestManyLooks(t *testing.T) {
	for _, id := range []string{"0", "12345"} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(nil)
			did, failed := crowd(t, s, 500, id, func(loop, ctx context.Context) error {
				_, err := s.lookFor(loop, ctx)
				return err
			})
			if n := strings.Count(did, "look"); failed != 0 || n < 1 || n > 2 {
				t.Errorf("user %s: %d rounds for 500 who ask, %d failed", id, n, failed)
			}
		})
	}
}

// TestLookGone: who goes away does not take the look from those who wait for it too.
func TestLookGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		var first atomic.Bool
		_, failed := crowd(t, s, 20, "0", func(loop, ctx context.Context) error {
			if first.CompareAndSwap(false, true) {
				gone, cancel := context.WithCancel(ctx)
				cancel()
				ctx = gone
			}
			_, err := s.lookFor(loop, ctx)
			return err
		})
		if failed > 1 {
			t.Errorf("%d of 20 had no answer", failed)
		}
	})
}

// TestManyWishes: what a user wishes for and may not have costs no round, and only so
// many attempts.
func TestManyWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		do := s.Do
		s.Do = func(ctx context.Context, w *Work, tell func(News)) *Done {
			d := do(ctx, w, tell)
			if w.Request != nil {
				d.Error = failureOf(muster.Errorf(muster.Denied, "bob may not"))
			}
			return d
		}
		did, failed := crowd(t, s, 500, "12345", func(_, ctx context.Context) error {
			for range 10 {
				d, err := s.grant(ctx, &Wish{Remove: []string{"tool"}})
				if err == nil {
					err = d.Error.Err()
				}
				if muster.KindOf(err) == "" {
					t.Errorf("granted: %v", err)
				}
			}
			return nil
		})
		if n := strings.Count(did, "upgrade"); n > wishBurst || n < 1 || strings.Contains(did, "look") || failed != 0 {
			t.Errorf("for 500 wishes that were denied: %s", did)
		}
	})
}

// TestDesk: a user is let in again after a while, and others are not held up.
func TestDesk(t *testing.T) {
	var d desk
	now, in := time.Hour, 0
	ask := func(id string) {
		if leave, err := d.admit(id, now); err == nil {
			in++
			leave()
		} else if muster.KindOf(err) != muster.Busy || muster.HintOf(err) == "" {
			t.Error(err)
		}
	}
	for range 100 {
		ask("alice")
	}
	if ask("bob"); in != wishBurst+1 {
		t.Errorf("%d were let in", in)
	}
	now += 3 * wishPause
	for range 100 {
		ask("alice")
	}
	if in != wishBurst+4 {
		t.Errorf("after a while %d were let in", in)
	}
	for uid := range 10 * maxUsers {
		now += time.Second
		ask(strconv.Itoa(uid))
	}
	if len(d.next) > 2*maxUsers {
		t.Errorf("%d users are remembered", len(d.next))
	}
}
