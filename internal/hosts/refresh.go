package hosts

import (
	"context"
	"time"

	"muster"
	"muster/internal/db"
	"muster/internal/httpsig"
)

// A reading is one refresh that several callers wait for.
type reading struct {
	done chan struct{}
	err  error
}

// refresh reads what changed since memory was last the same as the database. What
// was committed before the call is known after it. Callers that come while one
// reads share the next reading.
func (h *Hosts) refresh(ctx context.Context) error {
	h.mu.Lock()
	r := h.reading
	if r != nil {
		h.mu.Unlock()
		<-r.done
		return r.err
	}
	r = &reading{done: make(chan struct{}), err: muster.Errorf(muster.Internal, "reading what changed did not end")}
	h.reading = r
	h.mu.Unlock()

	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	defer close(r.done) // also when it panics
	h.mu.Lock()
	h.reading = nil // who comes now may have committed after this one begins
	since := h.change
	h.mu.Unlock()
	// Others wait for it too, so that it does not end with its first caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	r.err = h.read(ctx, since)
	return r.err
}

// learned is refresh after a commit. What was committed stays so: where memory
// cannot follow it is marked as behind, and nobody is let in by it until it has caught up.
func (h *Hosts) learned(ctx context.Context) {
	if h.refresh(ctx) == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind = true
}

// catchUp refreshes memory that is behind.
func (h *Hosts) catchUp(ctx context.Context) error {
	h.mu.Lock()
	behind := h.behind
	h.mu.Unlock()
	if !behind {
		return nil
	}
	return muster.WithKind(muster.Unavailable, h.refresh(ctx))
}

func (h *Hosts) read(ctx context.Context, since int64) error {
	var newest, wakeAll int64
	var changed []*entry
	var gone []string
	err := h.DB.Read(ctx, func(tx *db.Tx) (err error) {
		err = tx.Each("SELECT name, last FROM hosts_number WHERE name IN ('change', 'wake')", nil, func(scan db.Scan) error {
			var name string
			var last int64
			if err := scan(&name, &last); err != nil {
				return err
			}
			if name == "wake" {
				wakeAll = last
			} else {
				newest = last
			}
			return nil
		})
		if err != nil || newest == since {
			return err
		}
		if changed, err = readKnown(tx, since); err != nil {
			return err
		}
		return tx.Each("SELECT id FROM hosts_forgotten WHERE edited > ?", []any{since}, func(scan db.Scan) error {
			gone = append(gone, "")
			return scan(&gone[len(gone)-1])
		})
	})
	if err != nil {
		return err
	}
	h.learn(newest, wakeAll, changed, gone)
	return nil
}

// readKnown reads the hosts that changed since.
func readKnown(tx *db.Tx, since int64) ([]*entry, error) {
	var all []*entry
	byNum := map[int64]*entry{}
	err := tx.Each(selectKnown, []any{since}, func(scan db.Scan) error {
		e, err := scanEntry(scan)
		if err != nil {
			return err
		}
		all, byNum[e.num] = append(all, e), e
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, tx.Each(`SELECT m.host, g.name FROM hosts_host h JOIN hosts_member m ON m.host = h.num
		JOIN hosts_group g ON g.num = m.grp WHERE h.edited > ? ORDER BY g.name`, []any{since}, func(scan db.Scan) error {
		var num int64
		var name string
		if err := scan(&num, &name); err != nil {
			return err
		}
		if e := byNum[num]; e != nil {
			e.groups = append(e.groups, name)
		}
		return nil
	})
}

func scanEntry(scan db.Scan) (*entry, error) {
	e := new(entry)
	var sum []byte
	var counter, acted int64
	var stale int
	err := scan(&e.num, &e.id, &e.state, &e.edited, &e.wake, &e.spki, &e.expires, &e.agent, &e.unit,
		&e.fqdn, &sum, &e.seen, &counter, &acted, &e.signed, &e.address, &e.skew, &e.serial, &stale)
	e.set, e.stale = hexSum(sum), stale != 0
	// Which of the counters below came is not kept: none may come again.
	e.seq = httpsig.Sequence{Last: uint64(max(counter, acted)), Seen: ^uint64(0)}
	return e, err
}

// catchUp takes what the database has of presence where it is newer.
func (e *entry) catchUp(n *entry) {
	if n.seq.Last > e.seq.Last {
		e.seq, e.signed = n.seq, n.signed
	}
	if n.seen > e.seen {
		e.seen, e.due = n.seen, 0
		e.address, e.skew, e.serial, e.stale = n.address, n.skew, n.serial, n.stale
	}
}

// learn puts what the database has into memory. What memory has of presence
// stays where it is newer.
func (h *Hosts) learn(newest, wakeAll int64, changed []*entry, gone []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range gone {
		h.drop(id)
	}
	for _, n := range changed {
		h.marked[n.num] = true
		e := h.byID[n.id]
		if e == nil || e.num != n.num {
			h.byID[n.id], h.byNum[n.num] = n, n
			continue
		}
		if n.edited < e.edited {
			continue
		}
		if n.wake != e.wake {
			e.tell()
		}
		e.known = n.known
		e.catchUp(n)
	}
	if wakeAll > h.wakeAll {
		h.wakeAll = wakeAll
		for _, e := range h.byID {
			e.tell()
		}
	}
	h.change, h.behind = max(h.change, newest), false
}
