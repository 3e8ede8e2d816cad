package agent

import (
	"sync"
	"time"
)

// A nameBook remembers what accounts are called. A name may have to be asked of another
// machine, which may be away: whoever asks waits for a bounded time, and takes the accounts
// whose names are not known then by their numbers.
type nameBook struct {
	look     func(id string) (string, error)
	patience time.Duration // of who asks
	asking   chan struct{} // of one: who asks the system

	mu    sync.Mutex
	known map[string]nameEntry
}

type nameEntry struct {
	name  string // "" is that there is none
	until time.Time
}

// How long a name is remembered, how long that there is none, and how many.
const (
	nameLife   = 10 * time.Minute
	noNameLife = time.Minute
	maxNames   = 4096
)

func newNameBook(look func(id string) (string, error), patience time.Duration) *nameBook {
	return &nameBook{look: look, patience: patience, asking: make(chan struct{}, 1), known: map[string]nameEntry{}}
}

// names returns those names of accounts that are found in time.
func (b *nameBook) names(ids []string) map[string]string {
	if len(b.missing(ids)) > 0 {
		found := make(chan struct{})
		go func() {
			defer close(found)
			b.ask(ids)
		}()
		late := time.NewTimer(b.patience)
		defer late.Stop()
		select {
		case <-found:
		case <-late.C:
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	called := map[string]string{}
	for _, id := range ids {
		if e := b.known[id]; e.name != "" {
			called[id] = e.name
		}
	}
	return called
}

// missing are those that have to be asked for.
func (b *nameBook) missing(ids []string) (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, id := range ids {
		if !b.known[id].until.After(now) {
			all = append(all, id)
		}
	}
	return all
}

// ask asks the system. However many wait for a machine that is away, one thread does.
func (b *nameBook) ask(ids []string) {
	b.asking <- struct{}{}
	defer func() { <-b.asking }()
	for _, id := range b.missing(ids) {
		name, err := b.look(id)
		life := nameLife
		if err != nil {
			name, life = "", noNameLife
		}
		b.keep(id, nameEntry{name, time.Now().Add(life)})
	}
}

func (b *nameBook) keep(id string, e nameEntry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known) >= maxNames {
		clear(b.known)
	}
	b.known[id] = e
}
