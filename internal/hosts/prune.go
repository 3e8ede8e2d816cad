package hosts

import (
	"context"

	"muster/internal/db"
)

// Prune ends what is older than it is to be kept, a little at a time.
func (h *Hosts) Prune(ctx context.Context) error {
	now := h.Now()
	if err := h.regroup(ctx, nil); err != nil {
		return err
	}
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM hosts_forgotten WHERE expires < ?", now.Unix()); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM hosts_seen WHERE host NOT IN (SELECT num FROM hosts_host)")
		return err
	})
}
