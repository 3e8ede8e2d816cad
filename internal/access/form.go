package access

import (
	"context"
	"time"

	"muster"
	"muster/internal/db"
)

// FormLasts is how long a form that was sent is known.
const FormLasts = 10 * time.Minute

// ClaimForm reports whether nobody has sent the form with this sum before, to any server of
// the database: then the caller acts on it.
func (a *Access) ClaimForm(ctx context.Context, sum [32]byte) (first bool, err error) {
	now := a.Now()
	err = a.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM access_form WHERE expires <= ?", now.Unix()); err != nil {
			return err
		}
		return tx.Insert("access_form", []string{"sum", "expires"}, [][]any{{sum[:], now.Add(FormLasts).Unix()}})
	})
	if muster.KindOf(err) == muster.Conflict {
		return false, nil
	}
	return err == nil, err
}

// ReleaseForm forgets a form: nothing came of it, and it may be sent again.
func (a *Access) ReleaseForm(ctx context.Context, sum [32]byte) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM access_form WHERE sum = ?", sum[:])
		return err
	})
}
