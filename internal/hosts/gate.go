package hosts

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"muster"
)

// A gate bounds enrolments: those of one address, for nobody joins machines
// so fast by hand, and those of all, so that a flood from many addresses leaves
// the database to hosts that check in. Addresses are forgotten when there are
// too many of them: what is left then is the bound of all.
type gate struct {
	all *rate.Limiter

	mu   *sync.Mutex
	each map[netip.Prefix]*rate.Limiter
}

const (
	perAddress   = rate.Limit(5.0 / 60)
	addressBurst = 20
	maxAddresses = 10_000
)

func newGate(perSecond float64) gate {
	return gate{all: rate.NewLimiter(rate.Limit(perSecond), int(4*perSecond)+1), mu: new(sync.Mutex), each: map[netip.Prefix]*rate.Limiter{}}
}

// enter takes a place, or says Busy. Who turns out to have been let in calls
// leave, so that a room full of new machines behind one address can join at the
// rate of all.
func (g *gate) enter(address netip.Addr, now time.Time) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := neighbours(address)
	l := g.each[p]
	if l == nil {
		if len(g.each) >= maxAddresses {
			clear(g.each)
		}
		l = rate.NewLimiter(perAddress, addressBurst)
		g.each[p] = l
	}
	r := l.ReserveN(now, 1)
	if r.DelayFrom(now) > 0 {
		r.CancelAt(now)
		return nil, muster.Errorf(muster.Busy, "too many machines enrol from %s", p)
	}
	if err := g.room(now); err != nil {
		return nil, err
	}
	return func() { r.CancelAt(now) }, nil
}

// room takes a place of all, for hosts whose certificate is checked already.
func (g *gate) room(now time.Time) error {
	if !g.all.AllowN(now, 1) {
		return muster.Errorf(muster.Busy, "too many machines enrol at once")
	}
	return nil
}

// neighbours are the addresses that one machine can have: with IPv6 a /64.
func neighbours(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // all that have no address are one
	}
	return p
}

// A budget lets some things a second through.
type budget struct{ *rate.Limiter }

func newBudget(perSecond float64) *budget {
	return &budget{rate.NewLimiter(rate.Limit(perSecond), int(perSecond)+1)}
}
