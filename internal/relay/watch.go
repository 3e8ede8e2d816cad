package relay

import (
	"context"
	"slices"

	"muster/api"
	"muster/internal/db"
)

// A Watch follows one action. Its fields are channels to wait at.
type Watch struct {
	// News has something when [Watch.Events] may have.
	News chan struct{}
	// Logs are what hosts say while they run it. Who does not read misses some.
	Logs chan api.ActionLog

	relay *Relay
	num   int64
	view  View
	said  map[string]int // bytes by host
}

// Watch follows an action, until its Close is called.
func (r *Relay) Watch(ctx context.Context, id string, v View) (*Watch, error) {
	w := &Watch{News: make(chan struct{}, 1), Logs: make(chan api.ActionLog, 256), relay: r, view: v, said: map[string]int{}}
	err := r.DB.Read(ctx, func(tx *db.Tx) (err error) {
		var a api.Action
		if w.num, err = r.find(tx, id, &a); err != nil {
			return err
		}
		return v.count(tx, w.num, &a)
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[w.num] = append(r.watchers[w.num], w)
	return w, nil
}

// Close ends the watch.
func (w *Watch) Close() {
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	left := slices.DeleteFunc(w.relay.watchers[w.num], func(o *Watch) bool { return o == w })
	if w.relay.watchers[w.num] = left; len(left) == 0 {
		delete(w.relay.watchers, w.num)
	}
}

// See changes what the watch shows from now on: who watches for long may lose rights.
func (w *Watch) See(v View) {
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	w.view = v
}

// tellWatchers has those who watch look. The caller holds mu.
func (r *Relay) tellWatchers(num int64) {
	for _, w := range r.watchers[num] {
		select {
		case w.News <- struct{}{}:
		default:
		}
	}
}

// atOnce bounds the events that are read together, but for those of one number.
const atOnce = 500

// Events returns what became of the action's hosts after the event of number after,
// the oldest first, and the number to ask after next; the same where there was
// nothing. A host that has only been named is no event.
func (w *Watch) Events(ctx context.Context, after int64) (all []api.ActionEvent, last int64, err error) {
	err = w.relay.DB.Read(ctx, func(tx *db.Tx) error {
		all, last = nil, after
		place, n := int64(0), 0
		take := func(scan db.Scan) error {
			at, changed, t, err := scanTarget(scan)
			last, place, n = changed, at, n+1
			if w.view == nil || w.view[t.Host] {
				all = append(all, api.ActionEvent{Number: changed, Target: &t})
			}
			return err
		}
		const query = selectTarget + "WHERE action = ? AND state <> 'queued' AND "
		err := tx.Each(query+"changed > ? ORDER BY changed, place LIMIT ?", []any{w.num, after, atOnce}, take)
		if err != nil || n < atOnce {
			return err
		}
		// What happened to many at once has one number: the rest of it belongs here.
		return tx.Each(query+"changed = ? AND place > ? ORDER BY place", []any{w.num, last, place}, take)
	})
	return all, last, err
}

// Action is the action that is watched, as it is now.
func (w *Watch) Action(ctx context.Context) (a api.Action, err error) {
	err = w.relay.DB.Read(ctx, func(tx *db.Tx) error {
		err := tx.Each(selectAction+"WHERE num = ?", []any{w.num}, func(scan db.Scan) (err error) {
			_, a, err = scanAction(scan)
			return err
		})
		if err != nil {
			return err
		}
		return w.view.count(tx, w.num, &a)
	})
	return a, err
}

// Log passes on what an action says on a host while it runs, and reports whether
// somebody reads it. Of one that the host was not given nothing is passed on, and
// nothing that would change a terminal.
func (r *Relay) Log(ctx context.Context, host, id, text string) (watched bool, err error) {
	r.mu.Lock()
	busy := len(r.watchers) > 0
	r.mu.Unlock()
	if !busy {
		return false, nil
	}
	text = api.LegibleLines(text)
	num, theirs, err := r.isTarget(ctx, host, id)
	if err != nil || !theirs {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.watchers[num] {
		if w.view != nil && !w.view[host] {
			continue
		}
		watched = true
		if w.said[host] += len(text); w.said[host] > api.MaxLog {
			continue
		}
		select {
		case w.Logs <- api.ActionLog{Host: host, Text: text}:
		default:
		}
	}
	return watched, nil
}

func (r *Relay) isTarget(ctx context.Context, host, id string) (num int64, is bool, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		num, is = 0, false
		return tx.Each("SELECT a.num FROM relay_action a JOIN relay_target t ON t.action = a.num WHERE a.id = ? AND t.host = ?", []any{id, host}, func(scan db.Scan) error {
			is = true
			return scan(&num)
		})
	})
	return num, is, err
}
