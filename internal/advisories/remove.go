package advisories

import (
	"context"
	"slices"

	"muster"
	"muster/internal/db"
)

// A source is removed in steps, of which each may be the last before a crash: it is marked
// as leaving, in one row; all that it says is withdrawn, as if its publisher had done it;
// counts follow; then its rows are deleted, some hundred at a time, and at last its own.
// Whoever works next goes on where that broke off.
//
// What a source said is not mended by that nobody says it any more: sites are not told
// that they have it no more.

// RemoveSource forgets a source and all that it said. When it returns nil, findings and
// counts follow. One of the configuration would come back by itself: that is a Conflict.
// It is Busy while another server of the database works; that server then goes on.
func (a *Advisories) RemoveSource(ctx context.Context, name string) error {
	if slices.ContainsFunc(a.Sources, func(s Source) bool { return s.Name == name }) {
		err := muster.Errorf(muster.Conflict, "source %q of advisories is one of the server's configuration", name)
		return muster.WithHint(err, "take its line out of advisories.sources, start the server anew, and remove it then")
	}
	err := a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := sourceNamed(tx, name); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE advisories_source SET leaving = 1 WHERE name = ?", name)
		return err
	})
	if err != nil {
		return err
	}
	mine, err := a.work(ctx, func() error { return a.follow(ctx) })
	if err == nil && !mine {
		return errLost
	}
	return err
}

// leave removes sources that are to leave.
func (a *Advisories) leave(ctx context.Context) error {
	all, err := a.sourceRows(ctx)
	for i := range all {
		if err == nil && all[i].leaving {
			err = a.leaveSource(ctx, all[i])
		}
	}
	return err
}

func (a *Advisories) leaveSource(ctx context.Context, src sourceRow) error {
	if src.entries > 0 || src.matched < src.generation {
		if err := a.withdrawAll(ctx, src); err != nil {
			return err
		}
	}
	if err := a.forgetTold(ctx, src.num); err != nil {
		return err
	}
	if err := a.expire(ctx); err != nil {
		return err
	}
	if err := a.soil(ctx); err != nil {
		return err
	}
	if err := a.recount(ctx); err != nil {
		return err
	}
	if err := a.deleteVersions(ctx, src.num, "1 = 1"); err != nil {
		return err
	}
	return a.write(ctx, func(tx *db.Tx) error {
		for _, table := range []string{"advisories_score WHERE source", "advisories_source WHERE num"} {
			if _, err := tx.Exec("DELETE FROM "+table+" = ?", src.num); err != nil {
				return err
			}
		}
		return nil
	})
}

// withdrawAll has a source say nothing, and findings follow.
func (a *Advisories) withdrawAll(ctx context.Context, src sourceRow) error {
	if err := a.settleSource(ctx, src); err != nil {
		return err
	}
	src, err := a.source(ctx, src.name)
	if err != nil {
		return err
	}
	st, err := a.begin(ctx, src)
	if err != nil {
		return err
	}
	if err := st.withdraw(ctx); err != nil {
		return err
	}
	if err := a.flip(ctx, st, &content{place: src.place}, nil, 0); err != nil {
		return err
	}
	if src, err = a.source(ctx, src.name); err != nil {
		return err
	}
	return a.settleSource(ctx, src)
}

// forgetTold marks what sites were told of by a source: [Advisories.tell] drops what is
// marked in silence when the site's count of it is gone.
func (a *Advisories) forgetTold(ctx context.Context, source int64) error {
	return a.eachOf(ctx, source, func(tx *db.Tx, nums []int64) error {
		_, err := tx.Exec("UPDATE advisories_told SET since = 0 WHERE advisory IN "+db.In(len(nums)), anys(nums)...)
		return err
	})
}

// eachOf calls f in a write with some advisories of a source after the other.
func (a *Advisories) eachOf(ctx context.Context, source int64, f func(tx *db.Tx, nums []int64) error) error {
	for last := int64(0); ; {
		var nums []int64
		err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
			nums, err = numbers(tx, "SELECT num FROM advisories_advisory WHERE source = ? AND num > ? ORDER BY num LIMIT ?", source, last, someIDs)
			return err
		})
		if err != nil || len(nums) == 0 {
			return err
		}
		last = nums[len(nums)-1]
		if err := a.write(ctx, func(tx *db.Tx) error { return f(tx, nums) }); err != nil {
			return err
		}
	}
}
