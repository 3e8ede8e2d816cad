package server

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"muster"
)

// neighbourhood are the addresses that one stranger is likely to have: a /24, with
// IPv6 the /56 that providers give to a line. All without an address are one.
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

// strangers counts, by neighbourhood, the requests that were not of whom they
// claimed to be. Finding that out is two thirds of the work for a check-in, so
// that a neighbourhood with too many is not listened to for a while. What proves
// to be of a host or a person is not counted: a site of ten thousand hosts behind
// one address is no flood. Who stands behind the same address as a flood waits with it.
type strangers struct {
	perSecond rate.Limit
	burst     int

	mu   sync.Mutex
	seen map[netip.Prefix]*rate.Limiter
}

// maxNeighbours bounds the memory: some 2 MB a class.
const maxNeighbours = 10_000

func newStrangers(perSecond float64) *strangers {
	return &strangers{perSecond: rate.Limit(perSecond), burst: int(10 * perSecond), seen: map[netip.Prefix]*rate.Limiter{}}
}

// check says Busy to a neighbourhood that had too many.
func (s *strangers) check(near netip.Prefix, now time.Time) error {
	s.mu.Lock()
	l := s.seen[near]
	s.mu.Unlock()
	if l == nil || l.TokensAt(now) >= 1 {
		return nil
	}
	return muster.WithHint(muster.Errorf(muster.Busy, "too many requests from %s are not of whom they claim to be", near), "ask again later")
}

// count counts one. What was under way at the same time may go below nothing, and
// is made up for.
func (s *strangers) count(near netip.Prefix, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.seen[near]
	if l == nil {
		s.makeRoom(now)
		l = rate.NewLimiter(s.perSecond, s.burst)
		s.seen[near] = l
	}
	l.ReserveN(now, 1)
}

// makeRoom forgets who has been quiet, or everybody where nobody has.
func (s *strangers) makeRoom(now time.Time) {
	if len(s.seen) < maxNeighbours {
		return
	}
	for near, l := range s.seen {
		if l.TokensAt(now) >= float64(s.burst) {
			delete(s.seen, near)
		}
	}
	if len(s.seen) >= maxNeighbours {
		clear(s.seen)
	}
}

// shares are the places of a class that each neighbourhood may take.
type shares struct {
	each int

	mu   sync.Mutex
	held map[netip.Prefix]*share
}

type share struct {
	slots chan struct{}
	users int // that hold a place, or wait for one
}

func newShares(each int) *shares {
	return &shares{each: max(1, each), held: map[netip.Prefix]*share{}}
}

// of returns the places of a neighbourhood, until done is called as often.
func (s *shares) of(near netip.Prefix) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[near]
	if h == nil {
		h = &share{slots: make(chan struct{}, s.each)}
		s.held[near] = h
	}
	h.users++
	return h.slots
}

func (s *shares) done(near netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[near]
	if h.users--; h.users == 0 {
		delete(s.held, near)
	}
}
