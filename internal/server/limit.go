package server

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"muster"
)

// A class is a kind of requests that share a bound, so that a flood of one kind
// leaves room for the others.
type class struct {
	name    string
	perHost float64 // requests a second for every host that the server is made for
	least   float64 // requests a second at least
	atOnce  int     // that many are worked on, the next wait
	waits   time.Duration
}

// classes are sized so that all hosts may come back within ten seconds of a
// restart, and memory stays bounded: atOnce times the largest body.
var classes = []class{
	{name: "about", least: 500, atOnce: 64, waits: time.Second},
	{name: "checkin", perHost: 0.1, least: 100, atOnce: 64, waits: 10 * time.Second},
	{name: "enrol", perHost: 0.01, least: 100, atOnce: 16, waits: time.Second},
	{name: "inventory", perHost: 0.02, least: 20, atOnce: 8, waits: 20 * time.Second},
	{name: "login", least: 10, atOnce: 4, waits: 2 * time.Second},
	{name: "people", least: 200, atOnce: 32, waits: 10 * time.Second},
	{name: "repo", perHost: 1, least: 500, atOnce: 2048, waits: 10 * time.Second},
	{name: "upload", least: 50, atOnce: 8, waits: time.Minute},
	{name: "wake", perHost: 0.1, least: 100, atOnce: 0},
}

func classNames() (all []string) {
	for _, c := range classes {
		all = append(all, c.name)
	}
	return all
}

// A limiter bounds one class.
type limiter struct {
	class
	rate  *rate.Limiter
	slots chan struct{} // nil: any number
}

func newLimiters(l Limits) map[string]*limiter {
	all := map[string]*limiter{}
	for _, c := range classes {
		perSecond := max(c.least, c.perHost*float64(l.Hosts))
		if r, ok := l.Rates[c.name]; ok {
			perSecond = r
		}
		lim := &limiter{class: c, rate: rate.NewLimiter(rate.Limit(perSecond), int(4*perSecond)+1)}
		if c.atOnce > 0 {
			lim.slots = make(chan struct{}, c.atOnce)
		}
		all[c.name] = lim
	}
	return all
}

// enter takes a place, which leave gives back, or says Busy.
func (l *limiter) enter(ctx context.Context, now time.Time) (leave func(), err error) {
	if !l.rate.AllowN(now, 1) {
		return nil, l.busy()
	}
	if l.slots == nil {
		return func() {}, nil
	}
	select {
	case l.slots <- struct{}{}:
		return l.leave, nil
	default:
	}
	t := time.NewTimer(l.waits)
	defer t.Stop()
	select {
	case l.slots <- struct{}{}:
		return l.leave, nil
	case <-t.C:
	case <-ctx.Done():
	}
	return nil, l.busy()
}

func (l *limiter) perSecond() float64 { return float64(l.rate.Limit()) }

func (l *limiter) leave() { <-l.slots }

func (l *limiter) busy() error {
	return muster.WithHint(muster.Errorf(muster.Busy, "the server has too many requests of the kind %q", l.name),
		"ask again later; limits.hosts of the server's configuration says for how many hosts it is made")
}
