package hosts

import (
	"context"
	"sync"
	"time"

	"muster"
	"muster/internal/db"
	"muster/search"
)

// maxCounts is how many searches are counted at once.
const maxCounts = 100

// Counts says how many hosts each of some searches finds, all as of one moment.
func (p *Part) Counts(ctx context.Context, texts []string) (counts []int, err error) {
	if len(texts) > maxCounts {
		return nil, muster.Errorf(muster.Invalid, "%d searches are more than %d", len(texts), maxCounts)
	}
	queries := make([]*search.Query, len(texts))
	for i, text := range texts {
		if queries[i], err = search.Parse(text); err != nil {
			return nil, muster.WithField(err, "q")
		}
	}
	counts = make([]int, len(texts))
	return counts, p.h.DB.Read(ctx, func(tx *db.Tx) error {
		return p.h.ask(tx, func(q *inquiry) error {
			if p.see.All() {
				p.h.tally.counts(q, texts, queries, counts)
				return nil
			}
			scope := q.scope(p.see)
			for i := range queries {
				counts[i] = q.in(queries[i].Root()).countOf(scope)
			}
			return nil
		})
	})
}

// A tally keeps what was counted of all hosts until the census changes: the first page
// of the console asks for the same again and again. Some searches change with the time
// alone, and so nothing is kept for longer than presence is before it is written.
type tally struct {
	mu      sync.Mutex
	version uint64 // of the census
	at      time.Time
	known   map[string]int
}

// maxTally bounds the memory; searches are as long as their parser lets them be.
const maxTally = 500

// counts fills in how many hosts each search finds.
func (t *tally) counts(q *inquiry, texts []string, queries []*search.Query, counts []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := q.now.Sub(t.at); t.version != q.version || age < 0 || age >= q.h.Flush || len(t.known) > maxTally {
		t.version, t.at, t.known = q.version, q.now, map[string]int{}
	}
	for i, text := range texts {
		n, ok := t.known[text]
		if !ok {
			n = q.in(queries[i].Root()).count()
			t.known[text] = n
		}
		counts[i] = n
	}
}
