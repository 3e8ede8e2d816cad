package server

import (
	"sync"

	"muster"
)

// An intake bounds the bodies of hosts and people that are in memory. They are
// read before there is a place to work on them, so that who sends slowly holds no
// place: memory is all that they could take, and it is bounded here. When it runs
// out, who has been sending longest gives way.
type intake struct {
	mu   sync.Mutex
	free int64
	open map[*steadyReader]bool
}

// maxIntake is in bytes: eight of the largest inventories, and half as much again.
const maxIntake = 384 << 20

func newIntake(size int64) *intake { return &intake{free: size, open: map[*steadyReader]bool{}} }

func (i *intake) enter(b *steadyReader) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.open[b] = true
}

// end is called when b has been read, or will not be.
func (i *intake) end(b *steadyReader) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.open, b)
}

// leave gives back what b took.
func (i *intake) leave(b *steadyReader) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free += b.taken
}

// take has n more bytes of b in memory.
func (i *intake) take(b *steadyReader, n int) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free -= int64(n)
	b.taken += int64(n)
	if i.free >= 0 {
		return nil
	}
	oldest := i.oldest()
	if oldest == nil || oldest == b {
		return errGaveWay()
	}
	// It ends in a moment: what it took is free already, or others would have to go too.
	i.free, oldest.taken = i.free+oldest.taken, 0
	delete(i.open, oldest)
	oldest.giveWay()
	return nil
}

func (i *intake) oldest() (oldest *steadyReader) {
	for b := range i.open {
		if oldest == nil || b.began.Before(oldest.began) {
			oldest = b
		}
	}
	return oldest
}

func errGaveWay() error {
	return muster.WithHint(muster.Errorf(muster.Busy, "too many bodies are on their way, and this one takes longest"), "ask again later")
}

// A marks says who is being served: a host has one request of a class at a time, from
// its body to its answer, and a person one of a class that is single.
type marks struct {
	mu  sync.Mutex
	set map[mark]bool
}

type mark struct{ class, who string }

func newMarks() *marks { return &marks{set: map[mark]bool{}} }

func (m *marks) enter(k mark) (leave func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set[k] {
		return nil, muster.Errorf(muster.Busy, "%q sends several requests of the kind %q at once", k.who, k.class)
	}
	m.set[k] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.set, k)
	}, nil
}
