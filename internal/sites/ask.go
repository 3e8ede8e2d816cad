package sites

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"muster/internal/db"
	"muster/sitereport"
)

// AskFresh is how far the time of a report may be from the server's for [Sites.Ask] to
// say that it came first.
const AskFresh = time.Hour

// Ask lets a report in that is answered and not kept: as [Sites.Take], and counts it
// against the quotas of its site, but nothing is known of its host afterwards. first says
// that no server of the database was asked with it before, nor can know: it has a nonce,
// which is remembered for as long as its time is right, within [AskFresh].
func (s *Sites) Ask(ctx context.Context, now time.Time, r *sitereport.Report, from Sender) (first bool, err error) {
	t := newTaking(s, now, r, from)
	if err := t.begin(ctx); err != nil {
		return false, err
	}
	err = s.DB.Read(ctx, func(tx *db.Tx) (err error) {
		if t.was, err = readHost(tx, t.siteNum, t.ident); err != nil {
			return err
		}
		if err := t.fresh(t.was); err != nil {
			return err
		}
		return t.roomDay(tx)
	})
	if err != nil {
		return false, cmp.Or(t.attempt(ctx), err)
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		if err := t.chargeReport(tx); err != nil {
			return err
		}
		first, err = t.askedFirst(tx)
		return err
	})
	return first, err
}

// askedFirst uses up the nonce of a report.
func (t *taking) askedFirst(tx *db.Tx) (bool, error) {
	fresh := int64(AskFresh / time.Second)
	if len(t.nonce) == 0 || t.r.Time < t.now-fresh || t.r.Time > t.now+fresh {
		return false, nil
	}
	asked, err := askedWith(tx, t.siteNum, t.nonce)
	if err != nil || asked {
		return false, err
	}
	return true, tx.Insert("sites_asked", []string{"site", "nonce", "until"}, [][]any{{t.siteNum, t.nonce, t.r.Time + 2*fresh}})
}

func askedWith(tx *db.Tx, site int64, nonce []byte) (bool, error) {
	var n int
	err := tx.QueryRow("SELECT COUNT(*) FROM sites_asked WHERE site = ? AND nonce = ?", site, nonce).Scan(&n)
	return n > 0, err
}

// clearAsked forgets reports that were answered, in parts.
func (s *Sites) clearAsked(ctx context.Context, which string, arg int64) error {
	for {
		n := 0
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			type key struct {
				site  int64
				nonce []byte
			}
			var all []key
			err := tx.Each("SELECT site, nonce FROM sites_asked WHERE "+which+" LIMIT ?", []any{arg, weedAtOnce}, func(scan db.Scan) error {
				var k key
				err := scan(&k.site, &k.nonce)
				k.nonce = slices.Clone(k.nonce)
				all = append(all, k)
				return err
			})
			for _, k := range all {
				if err != nil {
					break
				}
				_, err = tx.Exec("DELETE FROM sites_asked WHERE site = ? AND nonce = ?", k.site, k.nonce)
			}
			n = len(all)
			return err
		})
		if err != nil || n < weedAtOnce {
			return err
		}
	}
}

// Asked reports whether somebody was answered with a report before, which was not kept
// then.
func (s *Sites) Asked(ctx context.Context, r *sitereport.Report) (asked bool, err error) {
	nonce, err := hex.DecodeString(r.Nonce)
	if err != nil {
		return false, nil // not taken, either
	}
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		one, err := readSite(tx, r.Site)
		if err != nil {
			return err
		}
		asked, err = askedWith(tx, one.ID, nonce)
		return err
	})
	return asked, err
}
