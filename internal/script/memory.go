package script

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// memoryMark starts the reason for which a script was stopped.
const memoryMark = "more memory than "

const heapObjects = "/memory/classes/heap/objects:bytes"

// watchPause is how long the watchdog sleeps.
const watchPause = 20 * time.Millisecond

// watchMemory ends a script whose heap grows inside a builtin, where inspect is
// not called. One huge allocation is ended by the kernel's limit, or, where
// there is none, here: by the end of the process.
func (s *session) watchMemory() {
	debug.SetMemoryLimit(hardLimit(s.req.Memory) - runtimeShare)
	strikes := 0
	for range time.Tick(watchPause) {
		huge := heap() > 2*s.req.Memory
		if !huge && !s.tooLarge() {
			continue
		}
		s.stop(s.memoryMessage())
		if strikes++; huge || strikes > 5 {
			s.send(&ending{Failure: &failure{Kind: string(OutOfMemory), Message: s.memoryMessage()}})
			os.Exit(goCrash)
		}
	}
}

// tooLarge reports whether live objects exceed the limit.
func (s *session) tooLarge() bool {
	if heap() <= s.req.Memory {
		return false
	}
	runtime.GC() // it may have been garbage
	return heap() > s.req.Memory
}

func (s *session) memoryMessage() string {
	return fmt.Sprintf("%s%d MiB needed", memoryMark, s.req.Memory>>20)
}

// runtimeShare is what a Go program maps writable on Linux before it does
// anything: 141 MiB were measured.
const runtimeShare = 192 << 20

// hardLimit is where the kernel ends a process whose live objects may have
// memory bytes: as many again may wait for the collector.
func hardLimit(memory int64) int64 { return 2*memory + runtimeShare }

// heap is the size of live objects and of those not yet collected.
func heap() int64 {
	sample := []metrics.Sample{{Name: heapObjects}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// goCrash is the exit code of a Go program after a fatal error.
const goCrash = 2
