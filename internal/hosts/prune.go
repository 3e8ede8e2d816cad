package hosts

import (
	"context"
	"errors"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// waiting is how long a host may wait for approval. After that it is forgotten; a
// machine that is still there asks again.
const waiting = 14 * 24 * time.Hour

// pruned is how much one transaction takes away, for reports wait behind it.
const pruned = 500

// Prune ends what is older than it is to be kept, some hundred rows at a time, and
// looks at saved searches whose answer changes by itself.
func (h *Hosts) Prune(ctx context.Context) error {
	now := h.Now()
	errs := []error{h.pruneWaiting(ctx, now.Add(-waiting).Unix())}
	if h.KeepHistory > 0 {
		errs = append(errs, h.pruneHistory(ctx, now.Add(-h.KeepHistory).Unix()))
	}
	if h.KeepEvents > 0 {
		errs = append(errs, h.pruneEvents(ctx, now.Add(-h.KeepEvents).Unix()))
	}
	errs = append(errs, h.DB.Write(ctx, func(tx *db.Tx) error {
		// For a day after that they tell other servers that the host is gone.
		if _, err := tx.Exec("DELETE FROM hosts_forgotten WHERE expires < ?", now.Add(-24*time.Hour).Unix()); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM hosts_seen WHERE host NOT IN (SELECT num FROM hosts_host)")
		return err
	}), h.regroup(ctx, nil))
	return errors.Join(errs...) // a search that cannot be done keeps nothing else from its end
}

// pruneWaiting forgets hosts that nobody approved.
func (h *Hosts) pruneWaiting(ctx context.Context, before int64) error {
	var old map[int64]bool
	err := h.DB.Read(ctx, func(tx *db.Tx) (err error) {
		old, err = numbersOf(tx, "SELECT num FROM hosts_host WHERE state = ? AND enrolled < ?", string(api.Pending), before)
		return err
	})
	if err != nil {
		return err
	}
	for num := range old {
		err := h.write(ctx, func(tx *db.Tx) error {
			r, err := readRecord(tx, "num", num)
			if muster.KindOf(err) == muster.NotFound || err == nil && r.state != api.Pending {
				return nil
			}
			if err != nil {
				return err
			}
			// Nobody decided that it must not return: that ends at once.
			return h.forget(tx, "nobody, who did not approve it", func(*record) int64 { return h.Now().Unix() }, r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneHistory takes reports away, the oldest first. What a document was like is
// known since the oldest report that is left.
func (h *Hosts) pruneHistory(ctx context.Context, before int64) error {
	if old, err := h.anyBefore(ctx, "hosts_report", before); err != nil || !old {
		return err
	}
	// First, for a crash in between: a document may be there of a time of which it is
	// said to be unknown, but none is made of what is left.
	err := h.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE hosts_inventory SET first = ? WHERE first < ?", before, before)
		return err
	})
	if err != nil {
		return err
	}
	newest, err := h.pruneNumbered(ctx, "hosts_report", before)
	if err != nil || newest == 0 {
		return err
	}
	return h.pruneBelow(ctx, "hosts_touched", "family", newest)
}

// anyBefore reports whether the oldest row of a table is older.
func (h *Hosts) anyBefore(ctx context.Context, table string, before int64) (old bool, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		old = false
		return tx.Each("SELECT happened FROM "+table+" ORDER BY number LIMIT 1", nil, func(scan db.Scan) error {
			var at int64
			err := scan(&at)
			old = at < before
			return err
		})
	})
	return old, err
}

// pruneEvents takes events away, and the ids of results with them: a host does not
// send one again so late.
func (h *Hosts) pruneEvents(ctx context.Context, before int64) error {
	newest, err := h.pruneNumbered(ctx, "hosts_event", before)
	if err != nil || newest == 0 {
		return err
	}
	return h.pruneBelow(ctx, "hosts_result", "host", newest)
}

// pruneNumbered deletes the rows of a table, in the order of their numbers, up to
// the first that happened later. It returns the newest number that went.
func (h *Hosts) pruneNumbered(ctx context.Context, table string, before int64) (newest int64, err error) {
	for {
		var nums []any
		err := h.DB.Read(ctx, func(tx *db.Tx) error {
			late := false
			return tx.Each("SELECT number, happened FROM "+table+" ORDER BY number LIMIT ?", []any{pruned}, func(scan db.Scan) error {
				var n, at int64
				if err := scan(&n, &at); err != nil {
					return err
				}
				if late = late || at >= before; !late {
					nums = append(nums, n)
				}
				return nil
			})
		})
		if err != nil || len(nums) == 0 {
			return newest, err
		}
		newest = nums[len(nums)-1].(int64)
		err = h.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM "+table+" WHERE number IN "+db.In(len(nums)), nums...)
			return err
		})
		if err != nil {
			return newest, err
		}
	}
}

// pruneBelow deletes rows up to a number, for some values of the first column of
// the key at a time: there is no index of the number.
func (h *Hosts) pruneBelow(ctx context.Context, table, column string, newest int64) error {
	var last int64
	err := h.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COALESCE(MAX(" + column + "), 0) FROM " + table).Scan(&last)
	})
	for from := int64(0); err == nil && from <= last; from += pruned {
		err = h.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM "+table+" WHERE "+column+" >= ? AND "+column+" < ? AND number <= ?", from, from+pruned, newest)
			return err
		})
	}
	return err
}
