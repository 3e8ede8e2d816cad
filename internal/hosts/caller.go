package hosts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/httpsig"
)

// A Caller is a host whose request was verified and came for the first time.
type Caller struct {
	e       *entry
	num     int64
	id      string
	counter uint64
	signed  int64 // when
	at      time.Time
}

// ID is the id of the host.
func (c *Caller) ID() string { return c.id }

// Accept lets in the verified request m of a host, from address, or refuses it:
// Denied for a host that is not accepted, Conflict for a message that came
// before, or whose counter did.
//
// # Counters
//
// The newest counter of a host is in memory, and written with presence every few
// seconds. After a crash it may be some seconds old, so that a request of those
// seconds could come again, while its signature is fresh. What that can do:
//
//   - A check-in that brings nothing changes when the host was seen last.
//   - Whatever writes something keeps its counter in the same transaction
//     ([Caller.act]), and is refused by it: on every server of the database.
//
// Two machines with one key, such as clones of a disk, both count. The one that
// is behind signs counters that were used, after they were used: that is the
// alarm. A message that came twice, or late, was signed before, or in the same
// second, which is as exact as signatures are dated.
func (h *Hosts) Accept(ctx context.Context, m *httpsig.Message, address netip.Addr) (*Caller, error) {
	now := h.Now()
	e, err := h.lookup(ctx, m.KeyID)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, unknownHost(m.KeyID)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := mayCall(e); err != nil {
		return nil, err
	}
	seq, err := e.seq.Next(m)
	if err != nil {
		return nil, h.repeated(ctx, e, m, err)
	}
	// Never backward, with the host's clock: what was taken is older than signed.
	e.signed = max(e.signed, m.Created.Unix())
	e.seq, e.seen, e.dirty = seq, now.Unix(), true
	if a := address.Unmap().WithZone(""); a.IsValid() {
		e.address = a.String()
	}
	return &Caller{e: e, num: e.num, id: e.id, counter: m.Counter, signed: m.Created.Unix(), at: now}, nil
}

// ErrWaits is of hosts about which nobody has decided yet.
var ErrWaits = errors.New("waits for approval")

// mayCall refuses hosts that a person has not let in.
func mayCall(e *entry) error {
	switch e.state {
	case api.Accepted, api.Cloned:
		return nil
	case api.Pending:
		return muster.WithHint(muster.Errorf(muster.Denied, "host %q %w", e.id, ErrWaits), "run 'muster host approve %s'", e.id)
	}
	return muster.Errorf(muster.Denied, "host %q was refused", e.id)
}

// repeated says why a counter is refused. The caller holds mu.
func (h *Hosts) repeated(ctx context.Context, e *entry, m *httpsig.Message, err error) error {
	if errors.Is(err, httpsig.ErrRepeated) || muster.KindOf(err) != muster.Conflict || m.Created.Unix() <= e.signed {
		return err
	}
	if e.state != api.Cloned {
		e.state = api.Cloned // at once, not only when it is written
		was := e.edited
		num, text := e.num, fmt.Sprintf("counter %d came again, the newest was %d", m.Counter, e.seq.Last)
		h.mu.Unlock()
		alarm := h.cloned(ctx, num, text)
		h.mu.Lock()
		if alarm != nil {
			if e.state == api.Cloned && e.edited == was { // nobody decided meanwhile
				e.state = api.Accepted // the next one raises it
			}
			return alarm
		}
	}
	return muster.WithHint(muster.Errorf(muster.Conflict, "two machines use the key of host %q: %w", e.id, err),
		"run 'muster join' anew on the copy, then 'muster host approve %s'", e.id)
}

// cloned keeps the alarm, until a person ends it.
func (h *Hosts) cloned(ctx context.Context, num int64, text string) error {
	var id, alarm string
	err := h.write(ctx, func(tx *db.Tx) error {
		alarm = ""
		r, err := readRecord(tx, "num", num)
		if err != nil || r.state != api.Accepted {
			return err
		}
		if err := r.become(tx, api.Cloned); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE hosts_host SET alarm = ? WHERE num = ?", "two machines use its key: "+text, num); err != nil {
			return err
		}
		id, alarm = r.id, "two machines use its key: "+text
		return addEvent(tx, event{at: h.Now().Unix(), host: num, id: r.id, what: "cloned", failed: true, note: text})
	})
	h.tell(ctx, err, id, alarm)
	return err
}

// tell tells of an alarm, if there is one and it was kept.
func (h *Hosts) tell(ctx context.Context, err error, id, text string) {
	if err == nil && text != "" && h.Alarm != nil {
		h.Alarm(ctx, id, text)
	}
}

// act keeps the caller's counter in a transaction that writes something. It
// refuses a request that has written before, here or on another server.
func (c *Caller) act(tx *db.Tx) error {
	var acted, signed int64
	if err := tx.QueryRow("SELECT acted, signed FROM hosts_seen WHERE host = ?", c.num).Scan(&acted, &signed); err != nil {
		if muster.KindOf(err) == muster.NotFound {
			return unknownHost(c.id)
		}
		return err
	}
	if int64(c.counter) <= acted {
		return muster.Errorf(muster.Conflict, "the counter %d of host %q was used before: the newest is %d", c.counter, c.id, acted)
	}
	_, err := tx.Exec("UPDATE hosts_seen SET acted = ?, signed = ? WHERE host = ?", int64(c.counter), max(signed, c.signed), c.num)
	return err
}

// write runs f, and learns what it changed of what memory has.
func (h *Hosts) write(ctx context.Context, f func(*db.Tx) error) error {
	if err := h.DB.Write(ctx, f); err != nil {
		return err
	}
	h.learned(ctx)
	return nil
}
