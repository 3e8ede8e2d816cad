package sites

import (
	"context"
	"encoding/binary"
	"slices"

	"muster/internal/db"
)

// sweeps bounds how often one pruning looks for sets: those on top of others go first.
const sweeps = maxDepth + 4

// dropSets deletes sets that no host has, no history names and no other is built on.
// First they lose their names, so that nothing can come to refer to them; what did so
// in between is seen when it is looked again, and its set stays, without a name.
func (s *Sites) dropSets(ctx context.Context) error {
	for range sweeps {
		unused, err := s.unused(ctx, nil)
		if err != nil || len(unused) == 0 {
			return err
		}
		err = s.each(ctx, unused, func(tx *db.Tx, num int64) error {
			_, err := tx.Exec("UPDATE sites_set SET sum = ? WHERE num = ?", binary.BigEndian.AppendUint64(nil, uint64(num)), num)
			return err
		})
		if err != nil {
			return err
		}
		if unused, err = s.unused(ctx, unused); err != nil {
			return err
		}
		err = s.each(ctx, unused, func(tx *db.Tx, num int64) error {
			if n, err := findOr(tx, "SELECT num FROM sites_set WHERE base = ? LIMIT 1", []any{num}, func() (int64, error) { return 0, nil }); err != nil || n != 0 {
				return err
			}
			_, err := tx.Exec("DELETE FROM sites_set WHERE num = ?", num)
			return err
		})
		s.sets.drop()
		if err != nil {
			return err
		}
	}
	return nil
}

// unused lists the sets that nothing refers to, of some, or, where that is nil, of all.
func (s *Sites) unused(ctx context.Context, of []int64) (all []int64, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = slices.Clone(of)
		if of == nil {
			if err := eachNumber(tx, "SELECT num FROM sites_set", nil, &all); err != nil {
				return err
			}
		}
		used := map[int64]bool{}
		for _, query := range []string{"SELECT DISTINCT has FROM sites_state", "SELECT DISTINCT has FROM sites_host", "SELECT DISTINCT base FROM sites_set"} {
			if err := addNumbers(tx, query, used); err != nil {
				return err
			}
		}
		all = slices.DeleteFunc(all, func(n int64) bool { return used[n] })
		return nil
	})
	return all, err
}

// addNumbers adds what a query answers.
func addNumbers(tx *db.Tx, query string, to map[int64]bool) error {
	return tx.Each(query, nil, func(scan db.Scan) error {
		var n int64
		err := scan(&n)
		to[n] = true
		return err
	})
}

// each writes in parts, so that others do not wait long.
func (s *Sites) each(ctx context.Context, nums []int64, f func(*db.Tx, int64) error) error {
	for part := range slices.Chunk(nums, some) {
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			for _, n := range part {
				if err := f(tx, n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
