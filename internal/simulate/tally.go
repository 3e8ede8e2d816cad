package simulate

import (
	"math"
	"sync"
	"time"
)

// stats counts requests by name.
type stats struct {
	mu   sync.Mutex
	by   map[string]*tally
	last error
}

// A tally has a histogram whose buckets grow by 3 %.
type tally struct {
	count, errors, putOff int64
	buckets               [600]int64
	max                   time.Duration
}

func newStats() *stats { return &stats{by: map[string]*tally{}} }

const (
	growth   = 1.03
	smallest = 50 * time.Microsecond
)

func bucketOf(d time.Duration) int {
	if d <= smallest {
		return 0
	}
	return min(int(math.Log(float64(d)/float64(smallest))/math.Log(growth))+1, 599)
}

func (s *stats) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by, s.last = map[string]*tally{}, nil
}

// add counts a request that took so long.
func (s *stats) add(name string, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.by[name]
	if t == nil {
		t = new(tally)
		s.by[name] = t
	}
	t.count++
	if _, ok := putOff(err); ok {
		t.putOff++
		return
	}
	if err != nil {
		t.errors++
		s.last = err
		return
	}
	t.buckets[bucketOf(took)]++
	t.max = max(t.max, took)
}

// percentile is in milliseconds; of successes.
func (t *tally) percentile(p float64) float64 {
	left := int64(math.Ceil(p * float64(t.count-t.errors-t.putOff)))
	for i, n := range t.buckets {
		if left -= n; left <= 0 && n > 0 {
			return float64(smallest) * math.Pow(growth, float64(i)) / 1e6
		}
	}
	return 0
}
