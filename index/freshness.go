package index

import (
	"fmt"
	"time"

	"muster"
)

// MaxAhead is how far in the future a head may lie: clocks differ. A thief of
// the head's key who jumps ahead is stuck with what heals within a day.
const MaxAhead = 24 * time.Hour

// MaxLag is how far a mirror may lag behind a head that was accepted from
// elsewhere. What is older is a rollback. Neither is ever accepted; the
// difference is whether somebody has to hear of it.
const MaxLag = 24 * time.Hour

// Rollback is a head older than one that was accepted, or another one of the
// same serial.
type Rollback struct{ Have, Offered int64 }

func (e *Rollback) Error() string {
	if e.Have == e.Offered {
		return fmt.Sprintf("the head of serial %d is not the one of the same serial that was accepted before", e.Have)
	}
	return fmt.Sprintf("the head has serial %d, older than serial %d that was accepted before", e.Offered, e.Have)
}

// Lags reports whether the head offered is one that a slow mirror would offer:
// older, but not by more than [MaxLag]. Serials are times of publication.
func (e *Rollback) Lags() bool {
	return e.Offered < e.Have && e.Have-e.Offered <= int64(MaxLag/time.Second)
}

// TooNew is a head from the future.
type TooNew struct{ Head, Now time.Time }

func (e *TooNew) Error() string {
	return fmt.Sprintf("the head is of %s, more than a day after now (%s)", stamp(e.Head), stamp(e.Now))
}

// OtherRepository is a head of another repository than the one expected.
type OtherRepository struct{ Want, Got string }

func (e *OtherRepository) Error() string {
	return fmt.Sprintf("the head is of repository %q, not %q", e.Got, e.Want)
}

// Expired is a head whose time is over: the repository is stale.
type Expired struct {
	Repository string
	At         time.Time
}

func (e *Expired) Error() string {
	return fmt.Sprintf("repository %q is stale: its head expired on %s", e.Repository, stamp(e.At))
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// CheckHead reports why a verified head new may not follow old, which is the
// newest one accepted so far, or nil at first use. now is the time after the
// clock's floor. The errors are [*OtherRepository], [*TooNew], [*Rollback] and
// [*Expired]. The same head again is no error.
func CheckHead(new, old *Head, now time.Time) error {
	if old != nil && new.Repository != old.Repository {
		return muster.WithKind(muster.Denied, &OtherRepository{old.Repository, new.Repository})
	}
	if at := time.Unix(max(new.Date, new.Serial), 0); at.After(now.Add(MaxAhead)) {
		return muster.WithHint(muster.WithKind(muster.Denied, &TooNew{at, now}), "check the clock of this machine")
	}
	if old != nil {
		if err := follows(new, old); err != nil {
			return muster.WithKind(muster.Denied, err)
		}
	}
	return new.Fresh(now)
}

func follows(new, old *Head) error {
	if new.Serial < old.Serial || new.Serial == old.Serial && !same(new, old) {
		return &Rollback{old.Serial, new.Serial}
	}
	if new.Trust.Number < old.Trust.Number || new.Index.Serial < old.Index.Serial {
		return fmt.Errorf("the head of serial %d goes back to an older index or link of trust", new.Serial)
	}
	return nil
}

func same(a, b *Head) bool {
	x, errX := a.Encode()
	y, errY := b.Encode()
	return errX == nil && errY == nil && string(x) == string(y)
}

// Fresh reports that h has expired at now as an [*Expired] of kind stale.
func (h *Head) Fresh(now time.Time) error {
	at := time.Unix(h.Expires, 0)
	if now.Before(at) {
		return nil
	}
	return muster.WithHint(muster.WithKind(muster.Stale, &Expired{h.Repository, at}),
		"ask who publishes %q to run 'muster repo refresh'; check the clock of this machine", h.Repository)
}
