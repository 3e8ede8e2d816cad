package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/api"
	"muster/internal/engine"
	"muster/settings"
)

// A scene is an agent whose work and machine the test makes up, in the time of a
// bubble.
type scene struct {
	*Agent
	out  func(n int) *Done // of the n-th round
	cond Conditions
	log  []string // what was done, and when
}

func newScene(edit func(*settings.Agent)) *scene {
	s := &scene{out: func(int) *Done { return &Done{Outcome: found()} }}
	start, set := time.Now(), settings.Defaults()
	set.Jitter = 0
	if edit != nil {
		edit(set)
	}
	rounds := 0
	s.Agent = &Agent{Prompt: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Settings: func() *settings.Agent { return set },
		Instant:    func() Instant { return Instant{Wall: time.Now(), Up: time.Since(start)} },
		Conditions: func([]string) Conditions { return s.cond },
		Do: func(ctx context.Context, w *Work, tell func(News)) *Done {
			what := string(w.Action)
			if w.Collect {
				what += "+collect"
			}
			s.log = append(s.log, time.Since(start).Truncate(time.Minute).String()+" "+what)
			time.Sleep(time.Second)
			if w.Action == Look {
				rounds++
				return s.out(rounds)
			}
			return &Done{}
		}}
	return s
}

// run lets the agent run for so long.
func (s *scene) run(t *testing.T, d time.Duration) string {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	return strings.Join(s.log, ", ")
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("the agent did\n%s\nwant\n%s", got, want)
	}
}

// TestDay is a day in which nothing happens.
func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		got := s.run(t, 25*time.Hour)
		if n := strings.Count(got, "look"); n != 13 {
			t.Errorf("%d rounds in a day: %s", n, got)
		}
		if n := strings.Count(got, "collect"); n != 2 && n != 1 {
			t.Errorf("the machine was looked at %d times: %s", n, got)
		}
	})
}

// TestPostponed: an upgrade waits for the end of a program, and is made as soon as
// that has ended; what it needs is fetched meanwhile.
func TestPostponed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		s.cond.Running = []string{"firefox"}
		s.out = func(n int) *Done {
			if len(s.cond.Running) == 0 && strings.Contains(strings.Join(s.log, ""), "upgrade") {
				return &Done{Outcome: found()}
			}
			out := found("upgrade firefox 1 to 2")
			out.Upgrade.Download = 1 << 20
			return &Done{Outcome: out}
		}
		time.AfterFunc(30*time.Minute, func() { s.cond.Running = nil })
		time.AfterFunc(10*time.Minute, func() {
			if st := s.State(); st.Postponed != "firefox to be closed" || st.Until.Sub(time.Now()) < 6*24*time.Hour {
				t.Errorf("state: %+v", st)
			}
		})
		expect(t, s.run(t, time.Hour), "0s look+collect, 0s download, 30m0s upgrade, 30m0s look")
	})
}

// TestAsk: what a person asks for is done between two turns, and answered.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		events, stop := s.Watch()
		defer stop()
		done, err := s.Ask(ctx, &Work{Action: Upgraded, Request: &engine.Request{Upgrade: true, User: "bob"}})
		if err != nil || done.Error != nil {
			t.Errorf("%+v, %v", done, err)
		}
		synctest.Wait()
		if e := <-events; e.State == nil || e.State.Doing != Upgraded {
			t.Errorf("the first event is %+v", e)
		}
		time.Sleep(time.Minute)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		expect(t, strings.Join(s.log, ", "), "0s look+collect, 10m0s upgrade, 10m0s look")
	})
}

// TestFailedUpgrade: it is tried again, less and less often.
func TestFailedUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		s.out = func(int) *Done { return &Done{Outcome: found("upgrade tool")} }
		do := s.Do
		s.Do = func(ctx context.Context, w *Work, tell func(News)) *Done {
			d := do(ctx, w, tell)
			if w.Action == Upgraded {
				d.Error = failureOf(muster.Errorf(muster.Invalid, "the hook failed"))
			}
			return d
		}
		got := s.run(t, 24*time.Hour)
		if n := strings.Count(got, "upgrade"); n < 5 || n > 10 {
			t.Errorf("%d upgrades that fail in a day: %s", n, got)
		}
	})
}

// TestHeld: where another program has the root, whoever waits for a word hears of it.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(nil)
		held := 0
		s.Held = func() { held++ }
		s.out = func(n int) *Done {
			if n == 1 {
				return &Done{Error: failureOf(muster.Errorf(muster.Busy, "another muster works on the root"))}
			}
			return &Done{Error: failureOf(muster.Errorf(muster.Invalid, "something else"))}
		}
		if s.run(t, 10*time.Minute); held != 1 {
			t.Errorf("held %d times: %s", held, s.log)
		}
	})
}

// TestWaker: the server's word starts a round at once, a server that does not
// answer costs few requests, and nothing is asked while a round speaks.
func TestWaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var number int64
		news := make(chan int64)
		down, asks, kicks, speaking := false, 0, 0, false
		w := newWaker(func(ctx context.Context, since int64) (api.Wake, error) {
			if speaking {
				t.Error("asked while somebody else speaks")
			}
			asks++
			if down {
				return api.Wake{}, errors.New("down")
			}
			select {
			case n := <-news:
				return api.Wake{Number: n}, nil
			case <-time.After(5 * time.Minute):
				return api.Wake{Number: since}, nil
			case <-ctx.Done():
				return api.Wake{}, ctx.Err()
			}
		}, func() { kicks++ })
		go w.run(ctx)
		w.hush()
		w.want(true, number)
		w.resume()
		time.Sleep(time.Hour)
		if asks < 10 || asks > 14 || kicks != 0 {
			t.Errorf("in a quiet hour: %d requests, %d rounds", asks, kicks)
		}
		news <- 7
		synctest.Wait()
		if kicks != 1 {
			t.Errorf("the server called, and there were %d rounds", kicks)
		}
		w.hush()
		speaking = true
		time.Sleep(time.Minute)
		w.want(true, 7)
		speaking = false
		w.resume()
		down, asks = true, 0
		time.Sleep(24 * time.Hour)
		if asks > 30 || asks < 5 {
			t.Errorf("a server that is down was asked %d times in a day", asks)
		}
	})
}

// TestWakerHushed: a request that was sent just before a round is taken back.
func TestWakerHushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		open := 0
		w := newWaker(func(ctx context.Context, since int64) (api.Wake, error) {
			open++
			defer func() { open-- }()
			<-ctx.Done()
			return api.Wake{}, ctx.Err()
		}, func() {})
		go w.run(ctx)
		w.hush()
		w.want(true, 0)
		w.resume()
		synctest.Wait()
		w.hush()
		if open != 0 {
			t.Error("a request is on its way while a round speaks")
		}
		w.resume()
		time.Sleep(10 * time.Minute)
		w.hush()
		if open != 1 {
			t.Error("a request that has arrived was taken back")
		}
		w.resume()
	})
}

// TestGrace: what changes the root has time to leave it as it should be when the agent
// is stopped, and all of it less than the service manager gives.
func TestGrace(t *testing.T) {
	const unit = 15 * time.Minute // TimeoutStopSec
	for _, atStop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(func(a *settings.Agent) { a.AtStop = atStop })
			s.Stopping = func() bool { return true }
			s.cond.Battery = atStop
			s.out = func(int) *Done { return &Done{Outcome: found("upgrade tool")} }
			do, upgrades := s.Do, 0
			s.Do = func(ctx context.Context, w *Work, tell func(News)) *Done {
				if w.Action != Upgraded {
					return do(ctx, w, tell)
				}
				upgrades++
				began := time.Now()
				end, timed := ctx.Deadline()
				if !timed || !atStop {
					end = began
				}
				if left := end.Sub(began) + w.Grace; left >= unit || w.Grace < lastGrace || !atStop && w.Grace < 10*time.Minute {
					t.Errorf("an upgrade has %s, and %s to end", end.Sub(began), w.Grace)
				}
				return &Done{}
			}
			if s.run(t, time.Minute); upgrades == 0 {
				t.Error("there was no upgrade")
			}
		})
	}
}

// TestAtStop: where settings say so, an upgrade that waits is made while the machine
// stops, and not when only the agent is stopped.
func TestAtStop(t *testing.T) {
	for _, stops := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(func(a *settings.Agent) { a.AtStop = true })
			s.Stopping = func() bool { return stops }
			s.cond.Battery = true
			s.out = func(int) *Done { return &Done{Outcome: found("upgrade tool")} }
			want := "0s look+collect"
			if stops {
				want += ", 10m0s upgrade"
			}
			expect(t, s.run(t, 10*time.Minute), want)
		})
	}
}
