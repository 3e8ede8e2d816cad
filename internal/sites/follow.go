package sites

import (
	"context"
	"time"

	"muster"
	"muster/internal/db"
)

// A Place is how far something was followed.
type Place struct {
	Cursor string // "": from the beginning
	Swept  int64  // when all was looked over, in Unix seconds
}

// Lead has a server follow something for a while, of several on one database: until it
// says [Sites.Follow] no more for that long. ok is false where another does.
func (s *Sites) Lead(ctx context.Context, now time.Time, name, self string, hold time.Duration) (at Place, ok bool, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		at, ok = Place{}, false
		var holder string
		var held int64
		err := tx.QueryRow("SELECT place, swept, holder, held FROM sites_follow WHERE name = ?", name).Scan(&at.Cursor, &at.Swept, &holder, &held)
		if none(err) {
			err = tx.Insert("sites_follow", []string{"name", "place", "swept", "holder", "held"}, [][]any{{name, "", 0, "", 0}})
		}
		if err != nil || holder != self && held > now.Unix() {
			return err
		}
		ok = true
		_, err = tx.Exec("UPDATE sites_follow SET holder = ?, held = ? WHERE name = ?", self, now.Add(hold).Unix(), name)
		return err
	})
	return at, ok, err
}

// Follow notes how far something was followed, by the server that leads, and until when
// it goes on leading. A server that does not lead any more is told so: Conflict.
func (s *Sites) Follow(ctx context.Context, name, self string, at Place, until time.Time) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := tx.Exec("UPDATE sites_follow SET place = ?, swept = ?, held = ? WHERE name = ? AND holder = ?", at.Cursor, at.Swept, until.Unix(), name, self)
		if err != nil {
			return err
		}
		// MySQL counts rows that changed: who says the same twice leads all the same.
		if n, err := r.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var holder string
		if err := tx.QueryRow("SELECT holder FROM sites_follow WHERE name = ?", name).Scan(&holder); err != nil {
			return err
		}
		if holder != self {
			return muster.Errorf(muster.Conflict, "another server follows %q now", name)
		}
		return nil
	})
}
