package access

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"muster"
)

// tries bounds how often passwords may be guessed: by name and neighbourhood, and,
// less tightly, by name alone. The second is for who has many addresses. It would let
// strangers lock a person out, so that it does not count where the person has logged
// in from before (access_home): there, the first alone does. A name that nobody has is
// bounded in the same way. It is in memory: each server counts for itself.
type tries struct {
	mu  sync.Mutex
	all map[try]*rate.Limiter
}

// A try is what is counted. Without near it counts those from everywhere.
type try struct {
	name string
	near netip.Prefix
}

const (
	// maxTries bounds the memory: some 3 MB.
	maxTries  = 20_000
	nearBurst = 5
	nearEvery = 20 * time.Second
	farBurst  = 30
	farEvery  = 20 * time.Second
)

func newTries() *tries { return &tries{all: map[try]*rate.Limiter{}} }

// begin counts a guess before it is made, so that many at once count as many. A
// right one is given back. home: the name has logged in from there before.
func (t *tries) begin(name string, from netip.Addr, home bool, now time.Time) (giveBack func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := []*rate.Limiter{t.limiter(try{name, neighbourhood(from)}, nearEvery, nearBurst, now)}
	if !home {
		all = append(all, t.limiter(try{name: name}, farEvery, farBurst, now))
	}
	for _, l := range all {
		if l.TokensAt(now) < 1 {
			return nil, muster.WithHint(muster.Errorf(muster.Busy, "too many passwords were tried"), "wait a minute")
		}
	}
	for _, l := range all {
		l.AllowN(now, 1)
	}
	return func() { t.forget(name, from) }, nil
}

func (t *tries) limiter(k try, every time.Duration, burst int, now time.Time) *rate.Limiter {
	l := t.all[k]
	if l == nil {
		t.makeRoom(now)
		l = rate.NewLimiter(rate.Every(every), burst)
		t.all[k] = l
	}
	return l
}

// forget takes back what a name had wrong from there: its owner is there.
func (t *tries) forget(name string, from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, try{name, neighbourhood(from)})
	delete(t.all, try{name: name})
}

// makeRoom forgets those that have all their tries again, or everybody where nobody has.
func (t *tries) makeRoom(now time.Time) {
	if len(t.all) < maxTries {
		return
	}
	for k, l := range t.all {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(t.all, k)
		}
	}
	if len(t.all) >= maxTries {
		clear(t.all)
	}
}

// neighbourhood are the addresses that one stranger is likely to have.
func neighbourhood(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 56
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
