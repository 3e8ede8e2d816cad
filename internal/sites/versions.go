package sites

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"muster/internal/db"
)

// An Interval is a time for which a host had a package.
type Interval struct {
	Host        int64
	Known       Known
	From, Until int64 // Until 0: it has it
	Seen        int64 // when it was last reported to have it; 0: see [Host.Last]
}

// Versions calls f with every time for which a host had a package of this name, or of
// a source of this name, of those that reach into the time from one moment to another;
// to 0 is now. They come host by host, each in its order. f runs while the database is
// read.
func (s *Sites) Versions(ctx context.Context, name string, from, to int64, f func(Interval) error) error {
	return s.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := knownNamed(tx, []string{name})
		if err != nil || len(all) == 0 {
			return err
		}
		return s.intervals(tx, all, from, to, f)
	})
}

func (s *Sites) intervals(tx *db.Tx, all []Known, from, to int64, f func(Interval) error) error {
	byID := map[int64]*Known{}
	var ids []int64
	for i := range all {
		byID[all[i].ID], ids = &all[i], append(ids, all[i].ID)
	}
	reach, args := "(until = 0 OR until > ?)", []any{from}
	if to != 0 {
		reach, args = reach+" AND began <= ?", append(args, to)
	}
	found, err := s.hunt(tx, ids).everywhere()
	if err != nil || len(found) == 0 {
		return err
	}
	w := walk{f: f, byID: byID, open: map[int64]*Interval{}}
	if err := statesWith(tx, found, reach, args, w.step); err != nil {
		return err
	}
	return w.flush(func(*Interval) bool { return true })
}

// manyStates is in how many sets something is for all states to be read, one by one; if it
// is in fewer, those that have them are looked up, and kept until they are sorted.
const manyStates = 2000

// statesWith calls f with the states of hosts that have one of some sets, host by host.
func statesWith(tx *db.Tx, found map[int64][]int64, reach string, args []any, f func(host int64, x *State, ids []int64) error) error {
	const columns = "SELECT host, began, until, seen, has FROM sites_state WHERE "
	if len(found) > manyStates {
		return tx.Each(columns+reach+" ORDER BY host, began", args, func(scan db.Scan) error {
			r, err := ownStateFrom(scan)
			if err != nil {
				return err
			}
			return f(r.host, &r.State, found[r.set])
		})
	}
	var all []ownState
	for part := range slices.Chunk(slices.Sorted(maps.Keys(found)), chunk) {
		err := tx.Each(columns+"has IN "+db.In(len(part))+" AND "+reach, slices.Concat(anys(part), args), func(scan db.Scan) error {
			r, err := ownStateFrom(scan)
			all = append(all, r)
			return err
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(all, func(a, b ownState) int { return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.From, b.From)) })
	for i := range all {
		if err := f(all[i].host, &all[i].State, found[all[i].set]); err != nil {
			return err
		}
	}
	return nil
}

// An ownState is a state, without its system, and of which host.
type ownState struct {
	State
	host int64
}

func ownStateFrom(scan db.Scan) (r ownState, err error) {
	err = scan(&r.host, &r.From, &r.Until, &r.Seen, &r.set)
	return r, err
}

// A walk goes through the states of hosts and joins those that follow each other and
// have the same package.
type walk struct {
	f    func(Interval) error
	byID map[int64]*Known
	host int64
	open map[int64]*Interval
}

func (w *walk) step(host int64, x *State, ids []int64) error {
	over := func(i *Interval) bool {
		return host != w.host || i.Until != x.From || !slices.Contains(ids, i.Known.ID)
	}
	if err := w.flush(over); err != nil {
		return err
	}
	w.host = host
	for _, id := range ids {
		i := w.open[id]
		if i == nil {
			i = &Interval{Host: host, Known: *w.byID[id], From: x.From}
			w.open[id] = i
		}
		i.Until, i.Seen = x.Until, x.Seen
	}
	return nil
}

// flush gives away those that are over, in their order.
func (w *walk) flush(over func(*Interval) bool) error {
	var all []*Interval
	for id, i := range w.open {
		if over(i) {
			all = append(all, i)
			delete(w.open, id)
		}
	}
	slices.SortFunc(all, func(a, b *Interval) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Known.ID, b.Known.ID))
	})
	for _, i := range all {
		if err := w.f(*i); err != nil {
			return err
		}
	}
	return nil
}
