// Package backoff says how long whoever failed waits before the next attempt. It is for
// servers that tell others, or ask them: webhooks, GLPI, publishers of advisories, mail.
package backoff

import (
	"math/rand/v2"
	"time"
)

// After is how long after so many failures in a row the next attempt is: first, twice as
// long each time, and no longer than most; a fifth more or less, so that those who failed
// together do not come back together.
func After(failures int64, first, most time.Duration) time.Duration {
	d := first
	for n := int64(1); n < failures && d < most; n++ {
		d *= 2
	}
	d = min(d, most)
	return d - d/5 + rand.N(d/5*2+1)
}
