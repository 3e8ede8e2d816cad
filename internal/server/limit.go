package server

import (
	"context"
	"net/netip"
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
	// strangers is how many requests a second one neighbourhood may send that are
	// not of whom they claim to be, after ten seconds' worth at once.
	strangers float64
	// shared is for classes where nobody knows who asks until the work is done: one
	// neighbourhood takes no more than a quarter of the places.
	shared bool
	// fair is for classes of which one person takes no more than half: whoever writes
	// a loop, or has a browser do it, leaves the rest to the others.
	fair bool
	// single is for what takes long: one person has one at a time.
	single bool
}

// classes are sized so that all hosts may come back within ten seconds of a
// restart, and memory stays bounded: atOnce times the largest body.
var classes = []class{
	{name: "about", least: 500, atOnce: 64, waits: time.Second},
	{name: "checkin", perHost: 0.1, least: 100, atOnce: 64, waits: 10 * time.Second, strangers: 20},
	{name: "enrol", perHost: 0.01, least: 100, atOnce: 16, waits: time.Second, strangers: 10, shared: true},
	// As long as it takes, and as slowly as the caller reads: apart from what people
	// wait for, or 32 downloads would lock everybody out.
	{name: "export", least: 20, atOnce: 8, waits: 5 * time.Second, strangers: 10, single: true},
	{name: "follow", least: 50, atOnce: 256, waits: time.Second, strangers: 10},
	{name: "inventory", perHost: 0.02, least: 20, atOnce: 8, waits: 20 * time.Second, strangers: 20},
	{name: "login", least: 10, atOnce: 4, waits: 2 * time.Second, strangers: 1, shared: true},
	// Nobody has proved anything when a login by OpenID Connect begins: each counts as
	// a stranger's.
	{name: "oidc", least: 20, atOnce: 16, waits: 2 * time.Second, strangers: 1, shared: true},
	{name: "people", least: 200, atOnce: 32, waits: 10 * time.Second, strangers: 10, fair: true},
	{name: "repo", perHost: 1, least: 500, atOnce: 2048, waits: 10 * time.Second},
	// Who reports is known when the report is open: that is most of the work.
	{name: "reports", perHost: 0.01, least: 200, atOnce: reportPlaces, waits: 20 * time.Second, strangers: 20, shared: true},
	{name: "upload", least: 50, atOnce: 8, waits: time.Minute, strangers: 10},
	{name: "watch", least: 50, atOnce: 512, waits: time.Second, strangers: 10},
	{name: "wake", perHost: 0.1, least: 100, atOnce: 0, strangers: 20},
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
	rate      *rate.Limiter
	slots     chan struct{} // nil: any number
	shares    *shares       // nil: whoever comes takes them
	strangers *strangers    // nil: anybody may ask
	persons   *persons      // nil: one may take all
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
		if c.shared {
			lim.shares = newShares(c.atOnce / 4)
		}
		if c.fair {
			lim.persons = &persons{rates: map[string]*rate.Limiter{}}
		}
		if c.strangers > 0 {
			lim.strangers = newStrangers(c.strangers)
		}
		all[c.name] = lim
	}
	return all
}

// charge counts one request, of a person if there is a name, or says Busy.
func (l *limiter) charge(person string, now time.Time) error {
	if l.persons != nil && person != "" && !l.persons.of(person, l.rate, now).AllowN(now, 1) {
		return muster.WithHint(muster.Errorf(muster.Busy, "you have sent too many requests of the kind %q", l.name), "ask again later")
	}
	if !l.rate.AllowN(now, 1) {
		return l.busy()
	}
	return nil
}

// place takes a place for who asks from near, which leave gives back, or says Busy.
func (l *limiter) place(ctx context.Context, near netip.Prefix) (leave func(), err error) {
	if l.slots == nil {
		return func() {}, nil
	}
	if l.shares == nil {
		return func() { <-l.slots }, l.wait(ctx, l.slots)
	}
	share := l.shares.of(near)
	if err := l.wait(ctx, share); err != nil {
		l.shares.done(near)
		return nil, err
	}
	if err := l.wait(ctx, l.slots); err != nil {
		<-share
		l.shares.done(near)
		return nil, err
	}
	return func() {
		<-l.slots
		<-share
		l.shares.done(near)
	}, nil
}

func (l *limiter) wait(ctx context.Context, slots chan<- struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	t := time.NewTimer(l.waits)
	defer t.Stop()
	select {
	case slots <- struct{}{}:
		return nil
	case <-t.C:
	case <-ctx.Done():
	}
	return l.busy()
}

func (l *limiter) perSecond() float64 { return float64(l.rate.Limit()) }

func (l *limiter) busy() error {
	return muster.WithHint(muster.Errorf(muster.Busy, "the server has too many requests of the kind %q", l.name),
		"ask again later; limits.hosts of the server's configuration says for how many hosts it is made")
}
