package api

import "time"

// firstReopen is that within which all hosts of a server come back that was started
// anew: 10,000 of them are 500 a second, which one processor can let in.
const (
	firstReopen = 20 * time.Second
	lastReopen  = 4 * time.Hour
)

// Reopen is how long a host leaves its server alone before it sends [RouteWake] again,
// which failed so often in a row. random is in [0,1), so that the hosts of a server
// that was away do not all come in one second. After none, when a request had been
// held for a while and was cut off, it is within the first such time too: what ended it
// ended those of all others.
func Reopen(failures int, random float64) time.Duration {
	most := firstReopen
	for range failures - 1 {
		if most *= 2; most > lastReopen {
			most = lastReopen
			break
		}
	}
	return most/10 + time.Duration(random*float64(most-most/10))
}
