package glpisync

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/internal/db"
)

// hold is how long one server tells without a word, above the time of the slowest
// push. A server that stops lets go at once.
const hold = 15 * time.Minute

// self is the row of glpi_self.
type self struct {
	target, place  string
	swept          int64
	failing, tries int64
	due            int64
}

func (s *Sync) prepare(ctx context.Context) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		var target string
		err := tx.QueryRow("SELECT target FROM glpi_self WHERE name = 'glpi'").Scan(&target)
		if muster.KindOf(err) != muster.NotFound {
			return err
		}
		return tx.Insert("glpi_self", []string{"name", "target", "place", "swept", "pushed", "failing", "tries", "due", "error", "holder", "held"},
			[][]any{{"glpi", "", "", 0, 0, 0, 0, 0, "", "", 0}})
	})
}

// claim takes the work for a while, or returns nil: another server has it.
func (s *Sync) claim(ctx context.Context) (me *self, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		me = nil
		now := s.Now()
		var holder string
		var held int64
		var x self
		err := tx.QueryRow("SELECT target, place, swept, failing, tries, due, holder, held FROM glpi_self WHERE name = 'glpi'").
			Scan(&x.target, &x.place, &x.swept, &x.failing, &x.tries, &x.due, &holder, &held)
		if err != nil || holder != s.Self && held > now.Unix() {
			return err
		}
		me = &x
		_, err = tx.Exec("UPDATE glpi_self SET holder = ?, held = ? WHERE name = 'glpi'", s.Self, now.Add(hold).Unix())
		return err
	})
	return me, err
}

// release lets another server go on.
func (s *Sync) release(ctx context.Context) {
	s.set(context.WithoutCancel(ctx), "held = 0") //nolint:errcheck // it ends by itself
}

// set changes the row if it is still this server's.
func (s *Sync) set(ctx context.Context, what string, args ...any) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error { return s.setIn(tx, what, args...) })
}

func (s *Sync) setIn(tx *db.Tx, what string, args ...any) error {
	_, err := tx.Exec("UPDATE glpi_self SET "+what+" WHERE name = 'glpi' AND holder = ?", append(args, s.Self)...)
	return err
}

// anew forgets what another GLPI, or this one of other hosts, was told. Its place in
// the feed is taken before the hosts are looked over, so that none is missed.
func (s *Sync) anew(ctx context.Context, me *self) error {
	place, err := s.Source.Now(ctx)
	if err != nil {
		return err
	}
	*me = self{target: s.target(), place: place}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM glpi_host"); err != nil {
			return err
		}
		return s.setIn(tx, "target = ?, place = ?, swept = 0, pushed = 0, failing = 0, tries = 0, due = 0, error = ''", me.target, me.place)
	})
}

// mark notes that hosts changed, and in the same breath that the feed was read so far.
func (s *Sync) mark(ctx context.Context, ids []string, place string) error {
	now, interval := s.Now().Unix(), int64(s.Interval.Seconds())
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		for _, id := range ids {
			r, err := tx.Exec(`UPDATE glpi_host SET marked = marked + 1, due = CASE WHEN due > 0 THEN due WHEN pushed + ? > ? THEN pushed + ? ELSE ? END WHERE id = ?`,
				interval, now, interval, now, id)
			if err != nil {
				return err
			}
			if n, err := r.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				if err := insertHosts(tx, []string{id}, now); err != nil {
					return err
				}
			}
		}
		return s.setIn(tx, "place = ?", place)
	})
}

func insertHosts(tx *db.Tx, ids []string, due int64) error {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id, due, 1, []byte{}, 0, 0, ""}
	}
	return tx.Insert("glpi_host", []string{"id", "due", "marked", "sum", "pushed", "tries", "error"}, rows)
}

// A row is one of glpi_host.
type row struct {
	id            string
	due, marked   int64
	sum           []byte
	pushed, tries int64
}

// rows reads those with a condition.
func (s *Sync) rows(ctx context.Context, where string, args ...any) (all []row, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each("SELECT id, due, marked, sum, pushed, tries FROM glpi_host WHERE "+where, args, func(scan db.Scan) error {
			var r row
			err := scan(&r.id, &r.due, &r.marked, &r.sum, &r.pushed, &r.tries)
			all = append(all, r)
			return err
		})
	})
	return all, err
}

// sweep looks all hosts over. Those that are not there any more are not told again;
// in GLPI they stay.
func (s *Sync) sweep(ctx context.Context) error {
	known, err := s.rows(ctx, "1=1")
	if err != nil {
		return err
	}
	gone := make(map[string]row, len(known))
	for _, r := range known {
		gone[r.id] = r
	}
	now := s.Now()
	var fresh, again []string
	err = s.Source.Each(ctx, func(id string, seen int64) error {
		r, there := gone[id]
		delete(gone, id)
		switch {
		case !there:
			fresh = append(fresh, id)
		case r.due == 0 && seen > r.pushed && now.Unix() >= r.pushed+int64(s.Refresh.Seconds()):
			again = append(again, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		for part := range slices.Chunk(fresh, 500) {
			if err := insertHosts(tx, part, now.Unix()); err != nil {
				return err
			}
		}
		if err := forHosts(tx, "UPDATE glpi_host SET due = ? WHERE due = 0 AND id IN ", again, now.Unix()); err != nil {
			return err
		}
		if err := forHosts(tx, "DELETE FROM glpi_host WHERE id IN ", slices.Collect(maps.Keys(gone))); err != nil {
			return err
		}
		return s.setIn(tx, "swept = ?", now.Unix())
	})
}

// forHosts runs a statement that ends in a list of ids.
func forHosts(tx *db.Tx, statement string, ids []string, args ...any) error {
	for part := range slices.Chunk(ids, 500) {
		all := slices.Clone(args)
		for _, id := range part {
			all = append(all, id)
		}
		if _, err := tx.Exec(statement+db.In(len(part)), all...); err != nil {
			return err
		}
	}
	return nil
}

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "?"), "")
}
