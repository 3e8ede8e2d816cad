package advisories

import (
	"context"
	"slices"

	"muster/internal/db"
)

// ForgetSite deletes what was counted of a site that was removed, day by day, and ends what
// was ignored there: a site that gets its name has nothing of it. Its hosts leave what is
// counted now as those do that are forgotten.
func (a *Advisories) ForgetSite(ctx context.Context, site string) error {
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM advisories_day WHERE site = ?", site); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE advisories_ignore SET ended = ? WHERE site = ? AND ended = 0", a.Now().Unix(), site)
		return err
	})
	if err == nil {
		a.Poke()
	}
	return err
}

// keptOf are the tables that keep something of rows of the dictionary, each with a column
// known.
var keptOf = []string{"advisories_row", "advisories_finding", "advisories_renamed", "advisories_kernel"}

// ForgetRows deletes what is kept of rows that absent says the dictionary has no more. A
// row that goes while it is matched is found the next time.
func (a *Advisories) ForgetRows(ctx context.Context, absent func(ctx context.Context, ids []int64) ([]int64, error)) error {
	_, err := a.work(ctx, func() error {
		for _, table := range keptOf {
			if err := a.forgetRows(ctx, table, absent); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// forgetRows goes through a table that has rows by their numbers.
func (a *Advisories) forgetRows(ctx context.Context, table string, absent func(ctx context.Context, ids []int64) ([]int64, error)) error {
	for last := int64(0); ; {
		var ids []int64
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			ids, err = numbers(tx, "SELECT DISTINCT known FROM "+table+" WHERE known > ? ORDER BY known LIMIT ?", last, 4*matchRows)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		last = ids[len(ids)-1]
		gone, err := absent(ctx, ids)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(gone, matchRows/5) { // each may have hundreds of findings
			if err := a.write(ctx, func(tx *db.Tx) error { return deleteRows(tx, part) }); err != nil {
				return err
			}
		}
	}
}

func deleteRows(tx *db.Tx, ids []int64) error {
	for _, table := range keptOf {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE known IN "+db.In(len(ids)), anys(ids)...); err != nil {
			return err
		}
	}
	return nil
}
