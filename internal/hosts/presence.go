package hosts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"fmt"

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
	key     *ecdsa.PublicKey // of spki, once somebody asked for it
	expires int64            // the certificate
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
	if err := h.catchUp(ctx); err != nil {
		return nil, err
	}
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
	defer h.mu.Unlock()
	if e.key == nil { // reading it costs a tenth of what it is for
		if e.key, err = readPublic(e.spki); err != nil {
			return nil, muster.WithKind(muster.Internal, fmt.Errorf("host %q: %w", id, err))
		}
	}
	return e.key, nil
}

// FlushPresence writes who was seen since the last time.
func (h *Hosts) FlushPresence(ctx context.Context) error {
	h.mu.Lock()
	var rows [][]any
	var entries []*entry
	var all []sighting
	for _, e := range h.byID {
		if e.dirty {
			e.dirty = false
			entries, all = append(entries, e), append(all, sighting{e.num, e.seen, e.address})
			rows = append(rows, []any{e.num, e.seen, int64(e.seq.Last), e.signed, e.address, e.skew, e.serial, bit(e.stale)})
		}
	}
	h.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	err := h.DB.Write(ctx, func(tx *db.Tx) error {
		newer, err := newerPresence(tx, rows)
		if err != nil {
			return err
		}
		return tx.Upsert("hosts_seen", []string{"host"}, seenColumns, newer)
	})
	if err == nil {
		h.census.mu.Lock()
		defer h.census.mu.Unlock()
		h.census.heard(all...)
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range entries {
		e.dirty = true
	}
	return err
}

// newerPresence leaves out rows of hosts whom another server has seen since, or
// that were forgotten. Nobody else writes meanwhile.
func newerPresence(tx *db.Tx, rows [][]any) (newer [][]any, err error) {
	byHost := make(map[int64][]any, len(rows))
	nums := make([]any, len(rows))
	for i, r := range rows {
		nums[i], byHost[r[0].(int64)] = r[0], r
	}
	err = inChunks(nums, func(in string, nums []any) error {
		return tx.Each("SELECT host, counter FROM hosts_seen WHERE host IN "+in, nums, func(scan db.Scan) error {
			var host, counter int64
			err := scan(&host, &counter)
			if r := byHost[host]; err == nil && counter <= r[2].(int64) {
				newer = append(newer, r)
			}
			return err
		})
	})
	return newer, err
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
