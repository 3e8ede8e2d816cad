package relay

import (
	"context"

	"muster/api"
	"muster/internal/db"
)

// Prune removes actions that have been over for long, some hundred at a time.
func (r *Relay) Prune(ctx context.Context) error {
	before := r.Now().Add(-r.Keep).Unix()
	for {
		n := 0
		err := r.DB.Write(ctx, func(tx *db.Tx) error {
			var nums []any
			n = 0
			err := tx.Each("SELECT num FROM relay_action WHERE state IN (?, ?) AND ends < ? ORDER BY ends LIMIT 10",
				[]any{api.ActionOver, api.ActionCancelled, before}, func(scan db.Scan) error {
					var num int64
					err := scan(&num)
					nums = append(nums, num)
					return err
				})
			if err != nil || len(nums) == 0 {
				return err
			}
			n = len(nums)
			if _, err := tx.Exec("DELETE FROM relay_target WHERE action IN "+db.In(n), nums...); err != nil {
				return err
			}
			_, err = tx.Exec("DELETE FROM relay_action WHERE num IN "+db.In(n), nums...)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
