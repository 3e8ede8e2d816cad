package backoff

import (
	"math"
	"testing"
	"time"
)

// TestAfter holds the waits to their bounds, for any number of failures.
func TestAfter(t *testing.T) {
	const first, most = 30 * time.Second, time.Hour
	for failures, want := range map[int64]time.Duration{0: first, 1: first, 2: time.Minute, 3: 2 * time.Minute, 7: 32 * time.Minute, 8: most, 1000: most, math.MaxInt64: most} {
		least, longest := want-want/5, want+want/5
		seen := map[time.Duration]bool{}
		for range 100 {
			d := After(failures, first, most)
			if d < least || d > longest {
				t.Fatalf("after %d failures %s, not %s to %s", failures, d, least, longest)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("after %d failures 100 wait for %d different times", failures, len(seen))
		}
	}
}
