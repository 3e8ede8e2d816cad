package hosts

import (
	"context"

	"muster/api"
	"muster/internal/db"
)

// Names returns the names of those of the hosts that are accepted, by id.
func (h *Hosts) Names(ctx context.Context, ids []string) (names map[string]string, err error) {
	all := make([]any, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		names = make(map[string]string, len(ids))
		return inChunks(all, func(in string, ids []any) error {
			query := "SELECT id, name FROM hosts_host WHERE state IN (?, ?) AND id IN " + in
			return tx.Each(query, append([]any{api.Accepted, api.Cloned}, ids...), func(scan db.Scan) error {
				var id, name string
				err := scan(&id, &name)
				names[id] = name
				return err
			})
		})
	})
	return names, err
}
