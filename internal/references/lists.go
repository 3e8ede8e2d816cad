package references

import (
	"context"
	"strings"

	"muster"
	"muster/internal/db"
	"muster/reference"
)

func cmpText(a, b string) int { return strings.Compare(a, b) }

// followLists takes in lists that changed, those that take versions from one that did,
// those in which a wish expired, and those that are worn.
func (r *References) followLists(ctx context.Context) error {
	changed, last, err := r.changedLists(ctx)
	if err != nil {
		return err
	}
	now := r.Now().Unix()
	fresh := make(map[string]*view) // nil: removed
	for i := range changed {
		s := &changed[i]
		if s.removed {
			fresh[s.name] = nil
			continue
		}
		_, l, err := r.unpacked(s)
		if err != nil {
			return err
		}
		s.body = nil
		fresh[s.name] = &view{stored: *s, list: l}
	}
	for name, v := range r.views {
		_, replaced := fresh[name]
		_, other := fresh[v.list.NewestOf]
		if !replaced && (v.list.NewestOf != "" && other || v.worn() || v.changes != 0 && now >= v.changes) {
			fresh[name] = &view{stored: v.stored, list: v.list}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	lists := r.currentLists(fresh)
	for name, v := range fresh {
		if v != nil {
			fresh[name] = r.makeView(v, lists, now)
		}
	}
	r.show(fresh, last)
	return nil
}

// changedLists reads the newest revisions of lists, of those behind the last that was read.
func (r *References) changedLists(ctx context.Context) (all []stored, last int64, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		if err := tx.QueryRow("SELECT last FROM references_number WHERE name = 'revision'").Scan(&last); err != nil {
			return err
		}
		if last == r.seen {
			return nil
		}
		all, err = read(tx, "revision > ? AND revision IN (SELECT revision FROM references_list)", r.seen)
		return err
	})
	return all, last, err
}

// currentLists are all lists as they will be.
func (r *References) currentLists(fresh map[string]*view) map[string]*reference.List {
	lists := make(map[string]*reference.List)
	for name, v := range r.views {
		lists[name] = v.list
	}
	for name, v := range fresh {
		if delete(lists, name); v != nil {
			lists[name] = v.list
		}
	}
	return lists
}

// makeView judges all that is known by a list. Only who has the turn changes what it
// reads, so that it needs no lock.
func (r *References) makeView(of *view, lists map[string]*reference.List, now int64) *view {
	v := newView(of.stored, of.list, lists[of.list.NewestOf], now)
	v.extendAll(&r.fleet)
	v.addAll(&r.fleet)
	return v
}

// show lets others see views.
func (r *References) show(fresh map[string]*view, last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, v := range fresh {
		if v == nil {
			delete(r.views, name)
		} else {
			r.views[name] = v
		}
	}
	r.seen, r.dirty = last, true
}

// catchUp takes in what changed, so that who put a list, or reported, sees it. Where
// another does so it does not wait, unless nothing was read yet: then it is Busy.
func (r *References) catchUp(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
		return r.follow(ctx)
	default:
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.ready {
		return muster.WithHint(muster.Errorf(muster.Busy, "the server still reads what hosts have"), "try again in some seconds")
	}
	return nil
}
