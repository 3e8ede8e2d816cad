package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector of Go lets as much garbage gather as there is live memory, stacks
// included. Ten thousand hosts that wait hold half a gigabyte of the latter and make
// hardly any of the former: there a server is content with less, and looks often
// enough not to be surprised by hosts that all come at once.
const (
	room         = 64 << 20 // of garbage
	leastPercent = 15
	lookAtMemory = 5 * time.Second
)

// boundGarbage bounds how much garbage gathers until ctx ends, unless whoever started
// the program has said how it is to be.
func boundGarbage(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for now := 100; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if next := garbagePercent(liveMemory()); max(next-now, now-next) > now/10 {
			debug.SetGCPercent(next)
			now = next
		}
	}
}

// liveMemory is what the newest collection left, with the stacks.
func liveMemory() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// garbagePercent is how much garbage may gather, in percent of what is live.
func garbagePercent(live uint64) int {
	return int(min(100, max(leastPercent, room*100/max(live, 1))))
}
