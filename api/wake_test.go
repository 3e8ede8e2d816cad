package api

import (
	"testing"
	"time"
)

// Hosts come back spread over the time that the server is given, and later and later.
func TestReopen(t *testing.T) {
	for _, c := range []struct {
		failures    int
		least, most time.Duration
	}{{0, 2 * time.Second, 20 * time.Second}, {1, 2 * time.Second, 20 * time.Second}, {2, 4 * time.Second, 40 * time.Second},
		{4, 16 * time.Second, 160 * time.Second}, {1000, 24 * time.Minute, 4 * time.Hour}} {
		if got := Reopen(c.failures, 0); got != c.least {
			t.Errorf("after %d failures at the earliest after %v, want %v", c.failures, got, c.least)
		}
		if got := Reopen(c.failures, 0.999999); got > c.most || got < c.most*9/10 {
			t.Errorf("after %d failures at the latest after %v, want %v", c.failures, got, c.most)
		}
	}
}

// Hosts that answer together leave the first tenth of the time to those that are still
// to be told, and no server keeps them for longer than five minutes.
func TestApart(t *testing.T) {
	for _, c := range []struct {
		spread int
		random float64
		want   time.Duration
	}{{0, .5, 0}, {-1, .5, 0}, {20, 0, 2 * time.Second}, {20, .5, 11 * time.Second}, {1 << 62, .999999, maxSpread}} {
		if got := Apart(c.spread, c.random).Round(time.Second); got != c.want {
			t.Errorf("Apart(%d, %g) is %s, want %s", c.spread, c.random, got, c.want)
		}
	}
}
