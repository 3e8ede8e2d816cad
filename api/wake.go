package api

import "time"

// firstReopen is that within which all hosts of a server come back that was started
// anew: 10,000 of them are 500 a second, which one processor can let in.
const (
	firstReopen = 20 * time.Second
	lastReopen  = 4 * time.Hour
)

// maxSpread bounds how long a server can keep hosts from answering.
const maxSpread = 5 * time.Minute

// Apart is how long a host that was given orders with [Wake.Spread] waits until it says
// what it did and asks anew. random is in [0,1). In the first tenth nobody speaks: who is
// still to be given the same goes first.
func Apart(spread int, random float64) time.Duration {
	if spread <= 0 {
		return 0
	}
	most := maxSpread
	if spread < int(maxSpread/time.Second) {
		most = time.Duration(spread) * time.Second
	}
	return most/10 + time.Duration(random*float64(most-most/10))
}

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
