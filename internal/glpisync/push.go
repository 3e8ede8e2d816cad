package glpisync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"muster"
	"muster/glpi"
	"muster/internal/backoff"
	"muster/internal/db"
)

// together is how many hosts are told before it is looked what changed meanwhile.
const together = 50

// tooOdd is how many hosts one after the other may be refused before that is taken
// for a fault of GLPI's own.
const tooOdd = 10

// pushAll tells of the hosts that are due, the longest due first, until there are none
// or GLPI is not well.
func (s *Sync) pushAll(ctx context.Context, me *self) error {
	for ctx.Err() == nil {
		due, err := s.rows(ctx, "due > 0 AND due <= ? ORDER BY due, id LIMIT ?", s.Now().Unix(), together)
		if err != nil || len(due) == 0 {
			return err
		}
		for i := range due {
			if ctx.Err() != nil {
				return nil
			}
			if err := s.push(ctx, me, &due[i]); err != nil {
				return err
			}
		}
		if again, err := s.claim(ctx); err != nil || again == nil {
			return err
		}
		if err := s.follow(ctx, me); err != nil {
			return err
		}
	}
	return nil
}

// push tells of one host. An error says that no other should be tried now.
func (s *Sync) push(ctx context.Context, me *self, r *row) error {
	h, d, v, err := s.Source.Whole(ctx, r.id)
	if muster.KindOf(err) == muster.NotFound {
		return s.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM glpi_host WHERE id = ? AND marked = ?", r.id, r.marked)
			return err
		})
	}
	if muster.KindOf(err) == muster.Unavailable {
		return s.later(ctx, r, "", backoff.After(r.tries+1, time.Minute, time.Hour))
	}
	if err != nil {
		return err
	}
	// What changes by itself is told along, and is no reason to tell.
	lasting, err := glpi.Make(h, d, nil).Marshal()
	if err != nil {
		return s.refused(ctx, me, r, &refusal{ofHost: true, err: err})
	}
	sum := sha256.Sum256(lasting)
	if bytes.Equal(sum[:], r.sum) && s.Now().Unix() < r.pushed+int64(s.Refresh.Seconds()) {
		return s.settled(ctx, r)
	}
	data, err := glpi.Make(h, d, v).Marshal()
	if err == nil {
		if err := s.pace(ctx); err != nil {
			return err
		}
		err = s.client.send(ctx, r.id, data)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil // the server stops: GLPI was told nothing
		}
		return s.refused(ctx, me, r, err)
	}
	s.odd = 0
	*me = self{target: me.target, place: me.place, swept: me.swept}
	return s.told(ctx, r, sum[:])
}

// pace waits until GLPI may be asked again.
func (s *Sync) pace(ctx context.Context) error {
	if d := s.next.Sub(s.Now()); d > 0 {
		if err := s.Wait(ctx, d); err != nil {
			return err
		}
	}
	s.next = s.Now().Add(time.Duration(float64(time.Second) / s.Rate))
	return nil
}

// settled notes that GLPI has it already.
func (s *Sync) settled(ctx context.Context, r *row) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE glpi_host SET due = 0, tries = 0, error = '' WHERE id = ? AND marked = ?", r.id, r.marked)
		return err
	})
}

// told notes what GLPI took. What changed while it was told waits for its turn.
func (s *Sync) told(ctx context.Context, r *row, sum []byte) error {
	now := s.Now()
	return s.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE glpi_host SET sum = ?, pushed = ?, tries = 0, error = '', due = CASE WHEN marked = ? THEN 0 ELSE ? END WHERE id = ?",
			sum, now.Unix(), r.marked, now.Add(s.Interval).Unix(), r.id)
		if err != nil {
			return err
		}
		return s.setIn(tx, "pushed = ?, failing = 0, tries = 0, due = 0, error = '', held = ?", now.Unix(), now.Add(hold).Unix())
	})
}

// refused notes that a host could not be told of: later it is tried again. Where that
// is not for the host's sake, GLPI is left alone for a while, which is an error.
func (s *Sync) refused(ctx context.Context, me *self, r *row, err error) error {
	var f *refusal
	if !errors.As(err, &f) {
		f = &refusal{err: err}
	}
	now := s.Now()
	if f.ofHost || f.slow {
		if err := s.later(ctx, r, f.err.Error(), backoff.After(r.tries+1, 5*time.Minute, 24*time.Hour)); err != nil {
			return err
		}
	}
	if f.ofHost {
		if s.odd++; s.odd < tooOdd {
			return nil
		}
		s.odd = 0
		f.err = muster.Errorf(muster.KindOf(f.err), "%d hosts one after the other were refused: %w", tooOdd, f.err)
	}
	if me.failing == 0 {
		me.failing = now.Unix()
	}
	me.tries++
	me.due = now.Add(max(f.wait, backoff.After(me.tries, 30*time.Second, time.Hour))).Unix()
	text := cut(f.err.Error(), 500)
	err = s.set(context.WithoutCancel(ctx), "failing = ?, tries = ?, due = ?, error = ?", me.failing, me.tries, me.due, text)
	if err != nil {
		return err
	}
	return f.err
}

// later puts a host behind the others.
func (s *Sync) later(ctx context.Context, r *row, why string, wait time.Duration) error {
	return s.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE glpi_host SET tries = ?, error = ?, due = ? WHERE id = ?", r.tries+1, cut(why, 500), s.Now().Add(wait).Unix(), r.id)
		return err
	})
}
