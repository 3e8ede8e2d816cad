package advisories

import (
	"context"
	"time"

	"muster"
	"muster/internal/db"
)

// hold is for how long a server has the work after it last wrote: longer than any one
// step takes. A server that stops lets go at once.
const hold = 15 * time.Minute

// errLost is the end of work that another server has taken over.
var errLost = muster.Errorf(muster.Busy, "another server of this database matches advisories now")

// work runs f while no other goroutine and no other server does any, and reports
// whether it did.
func (a *Advisories) work(ctx context.Context, f func() error) (bool, error) {
	if err := a.takeTurn(ctx); err != nil {
		return false, err
	}
	defer func() { <-a.turn }()
	mine, err := a.claim(ctx)
	if err != nil || !mine {
		return false, err
	}
	defer a.release(ctx)
	return true, f()
}

// takeTurn waits until no other goroutine works. One that reads a list is asked to follow
// hosts meanwhile.
func (a *Advisories) takeTurn(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case a.wanted <- struct{}{}:
	default: // it is asked already
	}
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Advisories) claim(ctx context.Context) (mine bool, err error) {
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		now := a.Now()
		holder, held, err := holderOf(tx)
		mine = err == nil && (holder == a.Self || held <= now.Unix())
		if !mine {
			return err
		}
		return a.extend(tx, now)
	})
	return mine, err
}

func holderOf(tx *db.Tx) (holder string, held int64, err error) {
	err = tx.QueryRow("SELECT holder, held FROM advisories_self WHERE name = 'work'").Scan(&holder, &held)
	return holder, held, err
}

func (a *Advisories) extend(tx *db.Tx, now time.Time) error {
	_, err := tx.Exec("UPDATE advisories_self SET holder = ?, held = ? WHERE name = 'work'", a.Self, now.Add(hold).Unix())
	a.heldTo.Store(now.Add(hold).Unix())
	return err
}

// prolong keeps the work with this server while it reads what takes long, and writes
// nothing.
func (a *Advisories) prolong(ctx context.Context) error {
	if a.heldTo.Load() >= a.Now().Add(hold/2).Unix() {
		return nil
	}
	return a.write(ctx, nothing)
}

func (a *Advisories) release(ctx context.Context) {
	a.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error { //nolint:errcheck // it ends by itself
		_, err := tx.Exec("UPDATE advisories_self SET held = 0 WHERE name = 'work' AND holder = ?", a.Self)
		return err
	})
}

// write is a step of the work. It changes nothing once another server has taken over:
// what this one computed may be about what is not so any more.
func (a *Advisories) write(ctx context.Context, f func(*db.Tx) error) (err error) {
	if a.broken != nil {
		if err := a.broken(false); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				err = a.broken(true)
			}
		}()
	}
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		now := a.Now()
		holder, held, err := holderOf(tx)
		if err != nil {
			return err
		}
		if holder != a.Self {
			return errLost
		}
		if held < now.Add(hold/2).Unix() {
			if err := a.extend(tx, now); err != nil {
				return err
			}
		}
		return f(tx)
	})
}

// self reads a number of the work's row.
func self[T int64 | string](ctx context.Context, a *Advisories, column string) (v T, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT " + column + " FROM advisories_self WHERE name = 'work'").Scan(&v)
	})
	return v, err
}

// setSelf sets a column of it.
func setSelf(tx *db.Tx, column string, v any) error {
	_, err := tx.Exec("UPDATE advisories_self SET "+column+" = ? WHERE name = 'work'", v)
	return err
}
