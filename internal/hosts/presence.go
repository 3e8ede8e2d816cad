package hosts

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/httpsig"
)

// An entry is what memory has of a host, so that a check-in needs no database.
type entry struct {
	known
	seq    httpsig.Sequence
	signed int64 // when the request with the newest counter was signed
	seen   int64
	due    int64 // by when it should check in again
	held   int   // connections that wait for a wish
	// reporting: an inventory of it is being taken apart.
	reporting bool

	address string
	skew    int64
	serial  int64
	stale   bool
	dirty   bool          // differs from hosts_seen
	wished  chan struct{} // closed when there is a wish; nil: nobody waits
}

// known is what the database has of a host, as of the change edited.
type known struct {
	num     int64
	id      string
	state   api.State
	edited  int64
	wake    int64
	spki    []byte
	expires int64 // the certificate
	agent   string
	unit    string
	fqdn    string
	set     string // set-hash of the inventory, hexadecimal; "" is none
	groups  []string
}

const selectKnown = `SELECT h.num, h.id, h.state, h.edited, h.wake, h.spki, h.expires, h.agent, h.unit,
	f.fqdn, i.sum, s.seen, s.counter, s.acted, s.signed, s.address, s.skew, s.serial, s.stale
	FROM hosts_host h JOIN hosts_fact f ON f.host = h.num JOIN hosts_seen s ON s.host = h.num
	LEFT JOIN hosts_inventory i ON i.host = h.num WHERE h.edited > ?`

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
	r = &reading{done: make(chan struct{})}
	h.reading = r
	h.mu.Unlock()

	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	h.mu.Lock()
	h.reading = nil // who comes now may have committed after this one begins
	since := h.change
	h.mu.Unlock()
	// Others wait for it too, so that it does not end with its first caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	r.err = h.read(ctx, since)
	close(r.done)
	return r.err
}

func (h *Hosts) read(ctx context.Context, since int64) error {
	var newest, wakeAll int64
	var changed []*entry
	var gone []string
	err := h.DB.Read(ctx, func(tx *db.Tx) (err error) {
		err = each(tx, "SELECT name, last FROM hosts_number WHERE name IN ('change', 'wake')", nil, func(scan scanner) error {
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
		return each(tx, "SELECT id FROM hosts_forgotten WHERE edited > ?", []any{since}, func(scan scanner) error {
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
	err := each(tx, selectKnown, []any{since}, func(scan scanner) error {
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
	return all, each(tx, `SELECT m.host, g.name FROM hosts_host h JOIN hosts_member m ON m.host = h.num
		JOIN hosts_group g ON g.num = m.grp WHERE h.edited > ? ORDER BY g.name`, []any{since}, func(scan scanner) error {
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

func scanEntry(scan scanner) (*entry, error) {
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
		if n.seq.Last > e.seq.Last {
			e.seq, e.signed = n.seq, n.signed
		}
		e.seen = max(e.seen, n.seen)
	}
	if wakeAll > h.wakeAll {
		h.wakeAll = wakeAll
		for _, e := range h.byID {
			e.tell()
		}
	}
	h.change = max(h.change, newest)
}

func (h *Hosts) drop(id string) {
	if e := h.byID[id]; e != nil {
		e.tell()
		delete(h.byID, id)
		delete(h.byNum, e.num)
	}
}

// lookup returns the entry of a host, from another server's hand if need be.
// The caller does not hold mu.
func (h *Hosts) lookup(ctx context.Context, id string) (*entry, error) {
	h.mu.Lock()
	e := h.byID[id]
	h.mu.Unlock()
	// Anybody can name hosts that are not there. Who is not found in time comes
	// back later, or returns, and is known then.
	if e != nil || h.Refresh == 0 || !h.asks.AllowN(h.Now(), 1) {
		return e, nil
	}
	if err := h.refresh(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byID[id], nil
}

// Key returns the key by which requests of a host are verified. It says
// NotFound of a host that is not known, which may [Hosts.Return].
func (h *Hosts) Key(ctx context.Context, id string) (crypto.PublicKey, error) {
	e, err := h.lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, unknownHost(id)
	}
	h.mu.Lock()
	spki := e.spki
	h.mu.Unlock()
	key, err := readPublic(spki)
	if err != nil {
		return nil, muster.WithKind(muster.Internal, fmt.Errorf("host %q: %w", id, err))
	}
	return key, nil
}

// FlushPresence writes who was seen since the last time.
func (h *Hosts) FlushPresence(ctx context.Context) error {
	h.mu.Lock()
	var rows [][]any
	var entries []*entry
	for _, e := range h.byID {
		if e.dirty {
			e.dirty = false
			entries = append(entries, e)
			rows = append(rows, []any{e.num, e.seen, int64(e.seq.Last), e.signed, e.address, e.skew, e.serial, bit(e.stale)})
		}
	}
	h.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	// A host that was forgotten meanwhile gets a row that belongs to nobody;
	// Prune takes it away.
	err := h.DB.Write(ctx, func(tx *db.Tx) error {
		return tx.Upsert("hosts_seen", []string{"host"}, seenColumns, rows)
	})
	if err == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range entries {
		e.dirty = true
	}
	return err
}

// seenColumns are those of hosts_seen but acted, which requests that write
// something set themselves.
var seenColumns = []string{"host", "seen", "counter", "signed", "address", "skew", "serial", "stale"}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
