package sites

import (
	"context"
	"time"

	"muster/internal/db"
	"muster/sitereport"
)

// Ask lets a report in that is answered and not kept: as Take, and counts it against the
// quota of its site, but nothing is known of its host afterwards. That it comes again only
// after one that was taken shows here; who answers remembers the others.
func (s *Sites) Ask(ctx context.Context, now time.Time, r *sitereport.Report, from Sender) error {
	t := newTaking(s, now, r, from)
	if err := t.begin(ctx); err != nil {
		return err
	}
	err := s.DB.Read(ctx, func(tx *db.Tx) (err error) {
		t.was, err = readHost(tx, t.siteNum, t.ident)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.fresh(t.was); err != nil {
		return err
	}
	return s.DB.Write(ctx, t.chargeReport)
}
