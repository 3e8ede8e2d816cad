package server

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"muster"
)

// One person's requests leave half of those of the class to the others.
func TestOnePersonsPart(t *testing.T) {
	l := newLimiters(Limits{})["people"]
	now := time.Now()
	took := 0
	for ; l.charge("carol", now) == nil; took++ {
	}
	if all := l.rate.Burst(); took != all/2 {
		t.Errorf("one person sends %d of %d requests at once", took, all)
	}
	if err := l.charge("carol", now); muster.KindOf(err) != muster.Busy {
		t.Errorf("too many: %v", err)
	}
	for range 100 {
		check(t, l.charge("dora", now))
	}
	check(t, l.charge("carol", now.Add(time.Second)))
}

// Those who ask now and then are forgotten, those who ask too often are not.
func TestPersonsForgotten(t *testing.T) {
	p := &persons{rates: map[string]*rate.Limiter{}}
	all, now := rate.NewLimiter(200, 801), time.Now()
	for p.of("carol", all, now).AllowN(now, 1) {
	}
	for i := range 2 * maxPersons {
		p.of(fmt.Sprint(i), all, now).AllowN(now, 1)
		now = now.Add(5 * time.Millisecond)
	}
	if len(p.rates) > maxPersons || p.of("carol", all, now).AllowN(now, 400) {
		t.Errorf("%d are remembered, and carol is not", len(p.rates))
	}
}
