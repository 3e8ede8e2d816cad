package script

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const memoryMark = "more memory than "

const heapObjects = "/memory/classes/heap/objects:bytes"

// watchMemory ends the script when its heap exceeds limit. Slow growth ends
// with a backtrace. One huge allocation inside a builtin is ended by the
// kernel's limit, or, where there is none, here: by the end of the process.
func (s *session) watchMemory(limit int64) {
	// The collector works harder near the limit, so that what counts is live.
	debug.SetMemoryLimit(limit)
	sample := []metrics.Sample{{Name: heapObjects}}
	tick := time.NewTicker(watchPause)
	strikes := 0
	for range tick.C {
		metrics.Read(sample)
		used := int64(sample[0].Value.Uint64())
		if used <= limit {
			continue
		}
		msg := fmt.Sprintf("%s%d MiB needed", memoryMark, limit>>20)
		s.stop(msg)
		if strikes++; strikes > 5 || used > limit+limit/2 {
			s.send(&ending{Failure: &failure{Kind: string(OutOfMemory), Message: msg}})
			os.Exit(goCrash)
		}
	}
}
