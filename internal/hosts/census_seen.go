package hosts

import (
	"time"

	"muster/internal/db"
)

// A sighting is when and whence a host was heard of last.
type sighting struct {
	num, seen int64
	address   string
}

// heard takes sightings that are newer. The caller holds mu.
func (c *census) heard(all ...sighting) {
	for _, s := range all {
		place, ok := c.places[s.num]
		if !ok || s.seen < c.numbers["seen"][place] {
			continue
		}
		c.version++
		c.numbers["seen"][place] = s.seen
		c.texts["s.address"].put(place, s.address)
	}
}

// newest is what this server itself knows of a host: what it flushed while the host was
// being read may not be in what was read.
func (h *Hosts) newest(num int64) sighting {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.byNum[num]; e != nil {
		return sighting{num, e.seen, e.address}
	}
	return sighting{}
}

// What other servers on the database have seen is read as often as what they changed.
const (
	// drift is by how much their clocks may be behind, with what they keep before they
	// write it.
	drift = 30
	// resound is how often all is read, for servers that could not write for longer.
	resound = 10 * time.Minute
)

// deaf reports whether other servers may have seen hosts since the census listened.
func (c *census) deaf(h *Hosts) bool {
	if h.Refresh == 0 {
		return false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return h.Now().Sub(c.listened) >= h.Refresh
}

// listen reads what other servers have seen.
func (c *census) listen(tx *db.Tx, now time.Time) error {
	since := c.latest - drift
	if now.Truncate(resound) != c.listened.Truncate(resound) {
		since = 0
	}
	var all []sighting
	latest := c.latest
	err := tx.Each("SELECT host, seen, address FROM hosts_seen WHERE seen >= ?", []any{since}, func(scan db.Scan) error {
		var s sighting
		err := scan(&s.num, &s.seen, &s.address)
		all, latest = append(all, s), max(latest, s.seen)
		return err
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard(all...)
	c.listened, c.latest = now, latest
	return nil
}
