package server

import (
	"cmp"
	"context"
	"sync"
	"time"

	"muster/sitereport"
)

// Reports that ask what is published, and are not stored, are remembered here for as long
// as they may be asked with: the database knows those that were taken.
type answered struct {
	since time.Time // what is from before that may have been answered
	mu    sync.Mutex
	seen  map[string]time.Time // site and nonce; until when
}

const (
	answerFresh = time.Hour // how far a clock may be wrong
	maxAnswered = 100_000   // some 15 MB
)

// use reports whether a report was not answered before, and uses it up.
func (a *answered) use(r *sitereport.Report, now time.Time) bool {
	at := time.Unix(r.Time, 0)
	if at.Before(a.since) || at.Before(now.Add(-answerFresh)) || at.After(now.Add(answerFresh)) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) >= maxAnswered {
		for name, until := range a.seen {
			if until.Before(now) {
				delete(a.seen, name)
			}
		}
	}
	name := answeredName(r)
	if _, known := a.seen[name]; known || len(a.seen) >= maxAnswered {
		return false
	}
	if a.seen == nil {
		a.seen = map[string]time.Time{}
	}
	a.seen[name] = at.Add(2 * answerFresh)
	return true
}

func answeredName(r *sitereport.Report) string { return r.Site + "\x00" + r.Nonce }

func (a *answered) has(r *sitereport.Report) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.seen[answeredName(r)]
	return known
}

// mayHear reports whether the answer to a report may say what is published. Whoever
// overhears one that is sealed can send it again, over TLS: it must not open itself to
// them. So it is answered once, by its nonce, where nobody can have changed that; else
// to who is where the host reports from.
func (c *collector) mayHear(m *message, stored, from bool) bool {
	if usesNonce(m) && stored { // the database has used it up
		return !c.answered.has(m.report)
	}
	if usesNonce(m) {
		return c.answered.use(m.report, c.now())
	}
	return from
}

func usesNonce(m *message) bool {
	return m.report.Nonce != "" && (m.proven != "" || m.whole)
}

// heardFrom reports whether a letter is from where its host reports from. What came in
// clear says nothing to who heard it that they could not find out.
func (c *collector) heardFrom(ctx context.Context, l letter, m *message) bool {
	if usesNonce(m) || !isSealed(l.body) {
		return !usesNonce(m)
	}
	site := cmp.Or(m.report.Site, m.proven, c.site)
	h, err := c.sites.HostNamed(ctx, site, m.report.Host)
	return err == nil && l.address.IsValid() && h.Address == l.address.Unmap().WithZone("").String()
}
