package relay

import (
	"context"
	"slices"
	"time"

	"muster/api"
	"muster/internal/db"
)

// A reading is one refresh that several callers wait for.
type reading struct {
	done chan struct{}
	err  error
}

// refresh reads what changed since memory was last the same as the database. What
// was committed before the call is known after it. Callers that come while one
// reads share the next reading.
func (r *Relay) refresh(ctx context.Context) error {
	r.mu.Lock()
	next := r.reading
	if next != nil {
		r.mu.Unlock()
		<-next.done
		return next.err
	}
	next = &reading{done: make(chan struct{})}
	r.reading = next
	r.mu.Unlock()

	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	r.mu.Lock()
	r.reading = nil // who comes now may have committed after this one begins
	since := r.change
	r.mu.Unlock()
	// Others wait for it too, so that it does not end with its first caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	next.err = r.read(ctx, since)
	close(next.done)
	return next.err
}

// learned is refresh after a commit. What was committed stays so, and who is told of
// a failure would send it once more: where memory cannot follow it is marked as
// behind, and [Relay.Run] tries again.
func (r *Relay) learned(ctx context.Context) {
	err := r.refresh(ctx)
	if err == nil {
		return
	}
	r.Logger.Error("what was written cannot be read yet", "error", err.Error())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behind = true
}

// catchUp refreshes memory that is behind.
func (r *Relay) catchUp(ctx context.Context) error {
	r.mu.Lock()
	behind := r.behind
	r.mu.Unlock()
	if !behind {
		return nil
	}
	return r.refresh(ctx)
}

// news is what changed.
type news struct {
	newest  int64
	parcels []*parcel
	targets []target
}

// A target is a row of relay_target as memory needs it.
type target struct {
	action int64
	place  int
	host   string
	state  string
}

const selectParcel = "SELECT num, id, state, begins, ends, hosts, message FROM relay_action "

func (r *Relay) read(ctx context.Context, since int64) error {
	var n news
	err := r.DB.Read(ctx, func(tx *db.Tx) error {
		n = news{}
		if err := tx.QueryRow("SELECT last FROM relay_number WHERE name = 'change'").Scan(&n.newest); err != nil || n.newest == since {
			return err
		}
		if err := n.readParcels(tx, selectParcel+"WHERE changed > ?", since); err != nil {
			return err
		}
		return n.readTargets(tx, "WHERE changed > ?", since)
	})
	if err == nil {
		r.learn(&n)
	}
	return err
}

// load reads what is still to be delivered: far less than everything that changed.
func (r *Relay) load(ctx context.Context) error {
	var n news
	err := r.DB.Read(ctx, func(tx *db.Tx) error {
		n = news{}
		if err := tx.QueryRow("SELECT last FROM relay_number WHERE name = 'change'").Scan(&n.newest); err != nil {
			return err
		}
		if err := n.readParcels(tx, selectParcel+"WHERE state IN (?, ?)", api.ActionHeld, api.ActionOpen); err != nil {
			return err
		}
		for _, p := range n.parcels {
			if err := n.readTargets(tx, "WHERE action = ? AND state = ?", p.num, api.TargetQueued); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		r.learn(&n)
	}
	return err
}

func (n *news) readParcels(tx *db.Tx, query string, args ...any) error {
	return tx.Each(query, args, func(scan db.Scan) error {
		p := &parcel{waiting: map[string]*order{}}
		n.parcels = append(n.parcels, p)
		return scan(&p.num, &p.id, &p.state, &p.begins, &p.ends, &p.hosts, &p.message)
	})
}

func (n *news) readTargets(tx *db.Tx, where string, args ...any) error {
	return tx.Each("SELECT action, place, host, state FROM relay_target "+where, args, func(scan db.Scan) error {
		var t target
		err := scan(&t.action, &t.place, &t.host, &t.state)
		n.targets = append(n.targets, t)
		return err
	})
}

// learn puts what the database has into memory, and tells those who wait.
func (r *Relay) learn(n *news) {
	r.mu.Lock()
	defer r.mu.Unlock()
	hosts, actions := map[string]bool{}, map[int64]bool{}
	for _, p := range n.parcels {
		actions[p.num] = true
		r.keep(p)
		for host := range r.waiting(p.num) {
			hosts[host] = true // it may have been held until now
		}
	}
	for _, t := range n.targets {
		actions[t.action] = true
		p := r.parcels[t.action]
		switch {
		case p == nil:
		case t.state == api.TargetQueued && !r.hasTaken(t):
			r.put(p, t.host, t.place)
			hosts[t.host] = true
		default:
			r.drop(p, t.host)
		}
	}
	r.change, r.behind = max(r.change, n.newest), false
	r.knock(hosts)
	for num := range actions {
		r.tellWatchers(num)
	}
}

// keep replaces what memory has of an action. Of one that no host is given any more
// nothing is left. The caller holds mu.
func (r *Relay) keep(p *parcel) {
	old := r.parcels[p.num]
	if p.state != api.ActionHeld && p.state != api.ActionOpen {
		for host := range r.waiting(p.num) {
			r.drop(old, host)
		}
		delete(r.parcels, p.num)
		return
	}
	if old == nil {
		p.tree = r.posted[p.id]
		r.parcels[p.num] = p
		return
	}
	old.state, old.message = p.state, p.message
}

// waiting are the orders of an action that hosts have not. The caller holds mu.
func (r *Relay) waiting(num int64) map[string]*order {
	if p := r.parcels[num]; p != nil {
		return p.waiting
	}
	return nil
}

// hasTaken reports whether the host has said since that it has it. The caller holds
// mu.
func (r *Relay) hasTaken(t target) bool {
	return slices.Contains(r.taken, taking{t.action, t.host})
}

// Turn begins and ends actions whose time has come.
func (r *Relay) Turn(ctx context.Context) error {
	now := r.Now()
	var over []int64
	r.mu.Lock()
	for num, p := range r.parcels {
		if p.ends < now.Unix() {
			over = append(over, num)
		}
	}
	// Those that begin now, and those that were given and are not taken.
	var due []*box
	for _, b := range r.boxes {
		if len(b.tell) > 0 && r.due(b, now) {
			due = append(due, b)
		}
	}
	r.knockAt(due, now)
	r.mu.Unlock()
	if len(over) == 0 {
		return nil
	}
	return r.write(ctx, func(tx *db.Tx) error {
		for _, num := range over {
			if err := r.end(tx, num, api.ActionOver, api.TargetExpired); err != nil {
				return err
			}
		}
		return nil
	})
}

// end has an action be given to no more hosts.
func (r *Relay) end(tx *db.Tx, num int64, state api.ActionState, targets string) error {
	n, err := tx.Next("relay_number", "change", 1)
	if err != nil {
		return err
	}
	done, err := tx.Exec("UPDATE relay_action SET state = ?, changed = ? WHERE num = ? AND state IN (?, ?)", state, n, num, api.ActionHeld, api.ActionOpen)
	if err != nil {
		return err
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 0 {
		return err // another server was first
	}
	_, err = tx.Exec("UPDATE relay_target SET state = ?, changed = ?, at = ? WHERE action = ? AND state = ?", targets, n, r.Now().Unix(), num, api.TargetQueued)
	return err
}
