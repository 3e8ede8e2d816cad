package references

import (
	"context"

	"muster/internal/db"
)

// ForgetSite deletes what was counted of a site that was removed. What its hosts were
// until they are seen to be gone may be counted once more, on that day.
func (r *References) ForgetSite(ctx context.Context, site string) error {
	var lists []string
	err := r.DB.Read(ctx, func(tx *db.Tx) error {
		lists = nil
		return tx.Each("SELECT DISTINCT list FROM references_day WHERE site = ?", []any{site}, func(scan db.Scan) error {
			var list string
			err := scan(&list)
			lists = append(lists, list)
			return err
		})
	})
	for _, list := range lists { // each has a row a day at most
		if err == nil {
			err = r.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec("DELETE FROM references_day WHERE list = ? AND site = ?", list, site)
				return err
			})
		}
	}
	return err
}
