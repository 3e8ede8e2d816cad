package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector of Go lets as much garbage gather as there is live memory, stacks
// included. Ten thousand hosts that wait hold hundreds of megabytes of the latter and
// make hardly any of the former: there a server is content with less. But each collection
// looks at all that is live, which takes half a second of a processor, and when all those
// hosts answer it would do little else. So the room grows while collecting takes a large
// part of the work, and shrinks when it does not.
const (
	room         = 64 << 20 // of garbage
	leastPercent = 15
	lookAtMemory = time.Second
	tooMuch      = 0.2 // part of the work that is collecting
	calm         = 5   // looks until room is halved again
)

// boundGarbage bounds how much garbage gathers until ctx ends, unless whoever started
// the program has said how it is to be.
func boundGarbage(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	var h haste
	for now := 100; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		m, large := lookAt(), h.doubled > 0
		if next := garbagePercent(m.live, h.room(m.collecting, m.working)); max(next-now, now-next) > now/10 {
			debug.SetGCPercent(next)
			now = next
		}
		if large && h.doubled == 0 {
			debug.FreeOSMemory() // the runtime by itself takes minutes
		}
	}
}

// haste is how much of the work is collecting.
type haste struct {
	collecting, working float64 // seconds of processors until the newest collection that was seen
	quiet               int     // looks since the room was changed or there was reason to
	doubled             int     // how often the room is
}

// room is how much garbage may gather, when processors have worked for so many seconds.
func (h *haste) room(collecting, working float64) uint64 {
	part := (collecting - h.collecting) / max(working-h.working, 1e-9)
	news := collecting > h.collecting
	h.collecting, h.working = collecting, working
	h.quiet++
	switch {
	case news && part > tooMuch:
		h.quiet, h.doubled = 0, min(h.doubled+1, 4)
	case h.quiet >= calm && h.doubled > 0:
		h.quiet, h.doubled = 0, h.doubled-1
	}
	return room << h.doubled
}

// memory is how a process does.
type memory struct {
	live                uint64  // what the newest collection left, with the stacks
	collecting, working float64 // seconds of processors, the latter with the former
}

func lookAt() memory {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"}, {Name: "/cpu/classes/user:cpu-seconds"}}
	metrics.Read(s)
	collecting := s[2].Value.Float64() + s[3].Value.Float64()
	return memory{s[0].Value.Uint64() + s[1].Value.Uint64(), collecting, collecting + s[4].Value.Float64()}
}

// garbagePercent is how much garbage may gather, in percent of what is live.
func garbagePercent(live, room uint64) int {
	return int(min(100, max(leastPercent, room*100/max(live, 1))))
}
