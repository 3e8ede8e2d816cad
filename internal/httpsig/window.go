package httpsig

import (
	"sync"
	"time"

	"muster"
)

// A Window knows the messages of the last minutes, in memory of bounded size, and
// refuses those that come again. It is of one process: see [Sequence] for what
// outlives that. It may be used by several goroutines.
type Window struct {
	skew  time.Duration
	limit int

	mu sync.Mutex
	// since is the time from which on all messages are known: those that were
	// created before may have been taken by an earlier process, or been forgotten.
	since time.Time
	// ages are messages by the time of their creation, in units of skew. At most
	// four ages are alive at once, and an age goes as a whole.
	ages  map[int64]map[short128]struct{}
	count int
}

// A short128 is half of an ID. Who wants two messages with one has to find a
// second preimage of 128 bits.
type short128 [16]byte

// NewWindow makes a window that begins at start, for messages that
// [Message.Verify] accepts with maxSkew, of up to limit messages at a time. A message
// takes some 40 bytes.
func NewWindow(start time.Time, maxSkew time.Duration, limit int) *Window {
	return &Window{
		skew:  max(maxSkew, time.Second),
		limit: limit,
		since: start.Truncate(time.Second), // messages are dated to the second
		ages:  map[int64]map[short128]struct{}{},
	}
}

// Take takes a verified message in. An error of kind muster.Conflict says that
// it came before. One of kind muster.Busy says that this cannot be known, because
// the message is older than the window or the window is full: signed anew, it
// may be taken.
func (w *Window) Take(m *Message, now time.Time) error {
	if !m.ok {
		return muster.Errorf(muster.Denied, "the message of %q has not been verified", short(m.KeyID))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(now)
	id, age := short128(m.id[:]), m.Created.UnixNano()/int64(w.skew)
	if _, ok := w.ages[age][id]; ok {
		return muster.Errorf(muster.Conflict, "the request came before")
	}
	if m.Created.Before(w.since) {
		return muster.Errorf(muster.Busy, "the request was signed before this server began to count requests")
	}
	if w.count == w.limit {
		return muster.Errorf(muster.Busy, "there are too many requests")
	}
	if w.ages[age] == nil {
		w.ages[age] = map[short128]struct{}{}
	}
	w.ages[age][id] = struct{}{}
	w.count++
	return nil
}

// forget drops the ages of which Verify accepts no message any more. A clock
// that is set back later would make them acceptable again: since says no.
func (w *Window) forget(now time.Time) {
	for age, ids := range w.ages {
		end := time.Unix(0, (age+1)*int64(w.skew))
		if now.Sub(end) <= w.skew {
			continue
		}
		delete(w.ages, age)
		w.count -= len(ids)
		if w.since.Before(end) {
			w.since = end
		}
	}
}
