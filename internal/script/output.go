package script

import (
	"fmt"
	"io"
	"sync"
)

// An output keeps the head and the tail of what is written to it, in bounded
// memory: the head says what was done, the tail how it ended.
type output struct {
	mu    sync.Mutex
	head  []byte
	tail  []byte // ring, once full
	next  int    // where the ring goes on
	total int64
	half  int
	tee   io.Writer // may be nil; its errors are nobody's concern
}

// newOutput keeps max bytes.
func newOutput(max int, tee io.Writer) *output {
	return &output{half: max / 2, tee: tee}
}

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	if o.tee != nil {
		_, _ = o.tee.Write(p)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	o.total += int64(n)
	if room := o.half - len(o.head); room > 0 {
		k := min(room, len(p))
		o.head = append(o.head, p[:k]...)
		p = p[k:]
	}
	o.keepTail(p)
	return n, nil
}

func (o *output) keepTail(p []byte) {
	if len(p) > o.half {
		p = p[len(p)-o.half:]
	}
	if room := o.half - len(o.tail); room > 0 {
		k := min(room, len(p))
		o.tail = append(o.tail, p[:k]...)
		p = p[k:]
	}
	for len(p) > 0 {
		k := copy(o.tail[o.next:], p)
		p = p[k:]
		o.next = (o.next + k) % o.half
	}
}

// bytes returns what was kept, with a line between head and tail that says how
// much is missing, and whether any is.
func (o *output) bytes() (text []byte, truncated bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text = append(text, o.head...)
	if gap := o.total - int64(len(o.head)+len(o.tail)); gap > 0 {
		text = fmt.Appendf(text, "\n[%d bytes of output left out]\n", gap)
		truncated = true
	}
	text = append(text, o.tail[o.next:]...)
	return append(text, o.tail[:o.next]...), truncated
}
