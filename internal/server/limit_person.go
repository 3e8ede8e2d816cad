package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// persons are the parts of a class that each person has.
type persons struct {
	mu    sync.Mutex
	rates map[string]*rate.Limiter // by name
}

// maxPersons is how many are remembered before those that count no more are forgotten.
const maxPersons = 256

// of is the part of one person: half of what all have.
func (p *persons) of(name string, all *rate.Limiter, now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.rates[name]; l != nil {
		return l
	}
	if len(p.rates) >= maxPersons {
		p.forget(now)
	}
	l := rate.NewLimiter(all.Limit()/2, max(all.Burst()/2, 1))
	p.rates[name] = l
	return l
}

// forget leaves out those whose part is whole again.
func (p *persons) forget(now time.Time) {
	for name, l := range p.rates {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(p.rates, name)
		}
	}
}
