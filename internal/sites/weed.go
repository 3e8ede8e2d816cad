package sites

import (
	"context"
	"slices"
	"time"

	"muster/internal/db"
)

// Weed takes out of the dictionary what no set of packages and no host names any more:
// packages, then systems, then platforms. Their numbers are never given again: a package
// that comes back is another row, as one that was never seen. Who keeps something of
// packages asks [Sites.Absent] which are gone.
//
// Reports come in meanwhile, here and on other servers. What a set that is new since the
// look at all sets has, each write sees that deletes, as nothing else is written while
// it runs. And a report that looked numbers up before, in the database or in memory,
// finds that the dictionary was weeded when it writes its set: see [taking.there].
// Each write is good by itself, so that whatever breaks off in between leaves nothing
// that the next time does not find.
func (s *Sites) Weed(ctx context.Context, now time.Time) error {
	w := &weeding{s: s, before: now.Add(-unplanted).Unix()}
	if err := w.begin(ctx); err != nil {
		return err
	}
	for after, more := int64(0), true; more; {
		page, err := w.page(ctx, after)
		if err != nil {
			return err
		}
		if more = len(page) == weedAtOnce; more {
			after = page[len(page)-1]
		}
		page = slices.DeleteFunc(page, w.used.has)
		if err := w.pull(ctx, page); err != nil {
			return err
		}
	}
	if err := s.weedSystems(ctx); err != nil {
		return err
	}
	return s.weedPlatforms(ctx)
}

const (
	// unplanted is for how long a package may be there that no set has: a report adds
	// packages before its set.
	unplanted  = time.Hour
	weedAtOnce = 2000 // rows that one write deletes: others wait, some 0.1 s
	setsAtOnce = 2000 // that one snapshot is looked at for
)

// A weeding is one on its way through the dictionary.
type weeding struct {
	s      *Sites
	before int64  // packages that were seen first since then are left alone
	last   int64  // the newest package when it began
	newest int64  // the newest set that was looked at
	used   bitmap // packages that sets have
}

// begin finds out what all sets have.
func (w *weeding) begin(ctx context.Context) error {
	err := w.s.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT last FROM sites_number WHERE name = 'package'").Scan(&w.last)
	})
	if err != nil {
		return err
	}
	w.used = newBitmap(w.last)
	for n := setsAtOnce; n == setsAtOnce; {
		err := w.s.DB.Read(ctx, func(tx *db.Tx) (err error) {
			n, err = w.look(tx, setsAtOnce)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// look notes what some sets have, behind the last that was looked at. Sets get their
// numbers in the order in which they are written, so that none is passed over.
func (w *weeding) look(tx *db.Tx, most int) (n int, err error) {
	newest := w.newest
	err = tx.Each("SELECT num, base, body FROM sites_set WHERE num > ? ORDER BY num LIMIT ?", []any{w.newest, most}, func(scan db.Scan) error {
		var r setRow
		if err := scan(&r.num, &r.base, &r.body); err != nil {
			return err
		}
		n, newest = n+1, r.num
		return w.note(&r)
	})
	if err == nil && !tx.Writing() { // what a write sees may never have been
		w.newest = newest
	}
	return n, err
}

// note notes what a set has beside its base, which is looked at by itself.
func (w *weeding) note(r *setRow) error {
	plain, err := w.s.plain(r.body)
	if err != nil {
		return err
	}
	c := newCursor(plain)
	if r.base != 0 {
		c.runs(func(int64, int64) {}) // what it has not
	}
	c.runs(w.used.add)
	return c.End()
}

// page lists packages that may be unused, and looks at the sets that came since, so that
// few are left for the write.
func (w *weeding) page(ctx context.Context, after int64) (page []int64, err error) {
	err = w.s.DB.Read(ctx, func(tx *db.Tx) error {
		if err := eachNumber(tx, "SELECT num FROM sites_package WHERE num > ? AND num <= ? AND first < ? ORDER BY num LIMIT ?",
			[]any{after, w.last, w.before, weedAtOnce}, &page); err != nil {
			return err
		}
		_, err := w.look(tx, setsAtOnce)
		return err
	})
	return page, err
}

// pull deletes packages, but those that a set came to have.
func (w *weeding) pull(ctx context.Context, nums []int64) error {
	if len(nums) == 0 {
		return nil
	}
	return w.s.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := w.look(tx, 1<<30); err != nil {
			return err
		}
		gone := slices.DeleteFunc(slices.Clone(nums), w.used.has)
		if len(gone) == 0 {
			return nil
		}
		if _, err := tx.Next("sites_number", "pruned", 1); err != nil {
			return err
		}
		return deleteNumbered(tx, "sites_package", gone)
	})
}

func deleteNumbered(tx *db.Tx, table string, nums []int64) error {
	for part := range slices.Chunk(nums, chunk) {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE num IN "+db.In(len(part)), anys(part)...); err != nil {
			return err
		}
	}
	return nil
}

// Absent returns which of some numbers no package of the dictionary has any more, for
// who keeps something of each. What is absent stays so.
func (s *Sites) Absent(ctx context.Context, nums []int64) (absent []int64, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		there := make(map[int64]bool, len(nums))
		for part := range slices.Chunk(nums, chunk) {
			var found []int64
			if err := eachNumber(tx, "SELECT num FROM sites_package WHERE num IN "+db.In(len(part)), anys(part), &found); err != nil {
				return err
			}
			for _, n := range found {
				there[n] = true
			}
		}
		absent = slices.DeleteFunc(slices.Clone(nums), func(n int64) bool { return there[n] })
		return nil
	})
	return absent, err
}

// A bitmap has the numbers from 1 to that for which it was made.
type bitmap []uint64

func newBitmap(last int64) bitmap { return make(bitmap, last/64+1) }

// add adds a run, without what is behind the last.
func (b bitmap) add(first, length int64) {
	end := min(first+length, int64(len(b))*64)
	for n := first; n < end; n++ {
		b[n/64] |= 1 << (n % 64)
	}
}

func (b bitmap) has(n int64) bool { return n < int64(len(b))*64 && b[n/64]&(1<<(n%64)) != 0 }
