package rollouts

import (
	"context"
	"fmt"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/rollout"
	"muster/version"
)

// adopt brings the rows in line with what the repository lists: new rollouts begin,
// newer documents count, older ones never, and what is gone is marked so.
func (r *Rollouts) adopt(ctx context.Context, listed []Listed, gates map[string]rollout.Gate) error {
	have, err := r.rows(ctx, "1 = 1")
	if err != nil {
		return err
	}
	known := map[string]*row{}
	for _, row := range have {
		known[row.id] = row
	}
	for _, l := range listed {
		row, gate := known[l.Document.ID], gates[l.Document.ID]
		delete(known, l.Document.ID)
		if row != nil && row.listed && version.Compare(l.Version, row.version) <= 0 && !row.behind(l, gate) {
			continue
		}
		if err := r.begin(ctx, l, gate); err != nil {
			return err
		}
	}
	for id, row := range known {
		if !row.listed {
			continue
		}
		if err := r.DB.Write(ctx, func(tx *db.Tx) error { return list(tx, id, 0) }); err != nil {
			return err
		}
	}
	return nil
}

func list(tx *db.Tx, id string, listed int) error {
	_, err := tx.Exec("UPDATE rollouts_rollout SET listed = ? WHERE id = ?", listed, id)
	return err
}

// behind reports whether the head tells of a later step than the row, as where a
// backup of the database was brought back: what was aborted since stays aborted. Else
// the database is never behind: it is written first. A gate over which a newer
// document has gone is never taken, for that document's first step is later.
func (w *row) behind(l Listed, gate rollout.Gate) bool {
	return gate.Since > w.since && l.Document.State == rollout.Running &&
		(w.version == "" || version.Compare(l.Version, w.version) >= 0)
}

// begin takes a document that is new, or newer than the one known: by the word of
// who signed it the rollout is over, or it begins anew. gate is how far it has come
// by the head, where the head is ahead of this database.
func (r *Rollouts) begin(ctx context.Context, l Listed, gate rollout.Gate) error {
	d := l.Document
	var told []api.RolloutStep
	err := r.DB.Write(ctx, func(tx *db.Tx) error {
		told = nil
		was, err := read(tx, d.ID)
		fresh := muster.KindOf(err) == muster.NotFound
		if err != nil && !fresh {
			return err
		}
		if fresh {
			was = &row{id: d.ID, state: rollout.Running, created: r.Now().Unix()}
		}
		behind := was.behind(l, gate)
		if newer := fresh || version.Compare(l.Version, was.version) > 0; newer {
			if err := r.write(tx, was, l); err != nil {
				return err
			}
		} else if !behind { // it had been removed, or another server was faster
			return list(tx, d.ID, 1)
		}
		s, err := r.step(tx, was, r.beginning(l, gate, behind))
		if err == nil && behind { // the ring is watched since then, not since now
			_, err = tx.Exec("UPDATE rollouts_rollout SET listed = 1, since = ? WHERE id = ?", gate.Since, d.ID)
		}
		told = append(told, s)
		return err
	})
	for _, s := range told {
		r.Told(ctx, d.ID, s)
	}
	return err
}

// beginning is how a rollout stands by its document.
func (r *Rollouts) beginning(l Listed, gate rollout.Gate, behind bool) change {
	d := l.Document
	switch {
	case d.State == rollout.Aborted:
		return change{state: rollout.Aborted, why: "aborted by who signed version " + l.Version}
	case d.State == rollout.Completed:
		return change{state: rollout.Completed, ring: len(d.Rings), why: "completed by who signed version " + l.Version}
	case behind:
		return change{state: gate.State, ring: gate.Ring, why: "as the head of the repository says"}
	}
	return change{state: rollout.Running, why: fmt.Sprintf("%s %s is rolled out in %d rings", d.Package, d.Version, len(d.Rings))}
}

// write makes the row of a rollout that begins, or begins anew: nobody failed yet.
func (r *Rollouts) write(tx *db.Tx, was *row, l Listed) error {
	d := l.Document
	if _, err := tx.Exec("DELETE FROM rollouts_failure WHERE rollout = ?", d.ID); err != nil {
		return err
	}
	return tx.Upsert("rollouts_rollout", []string{"id"},
		[]string{"id", "version", "listed", "state", "ring", "since", "why", "name", "target", "created", "looked", "waits", "counts", "peopled"},
		[][]any{{d.ID, l.Version, 1, was.state, was.ring, was.since, was.why, d.Package, d.Version, was.created, 0, "", []byte("[]"), 0}})
}

// fail notes the hosts whose change to a version that is rolled out failed.
func (r *Rollouts) fail(ctx context.Context) error {
	for {
		var since int64
		err := r.DB.Read(ctx, func(tx *db.Tx) error {
			return tx.QueryRow("SELECT last FROM rollouts_number WHERE name = 'event'").Scan(&since)
		})
		if err != nil {
			return err
		}
		failed, newest, err := r.Fleet.Failures(ctx, since)
		if err != nil || newest == since {
			return err
		}
		if err := r.DB.Write(ctx, func(tx *db.Tx) error { return r.keepFailures(tx, failed, since, newest) }); err != nil {
			return err
		}
	}
}

func (r *Rollouts) keepFailures(tx *db.Tx, failed []Failure, since, newest int64) error {
	done, err := tx.Exec("UPDATE rollouts_number SET last = ? WHERE name = 'event' AND last = ?", newest, since)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err // another server was faster
	}
	for _, f := range failed {
		var rows [][]any
		err := tx.Each("SELECT id FROM rollouts_rollout WHERE name = ? AND target = ?", []any{f.Package, f.Version}, func(scan db.Scan) error {
			var id string
			err := scan(&id)
			rows = append(rows, []any{id, f.Host, f.Time, cut(f.Error, 500), 0})
			return err
		})
		if err == nil {
			err = keepFailed(tx, rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
