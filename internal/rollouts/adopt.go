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
// newer documents count, and what is gone is marked so.
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
		row := known[l.Document.ID]
		delete(known, l.Document.ID)
		if row != nil && row.listed && version.Compare(row.version, l.Version) == 0 {
			continue
		}
		gate, ok := gates[l.Document.ID]
		if !ok || row != nil {
			gate = rollout.Gate{State: rollout.Running}
		}
		if err := r.begin(ctx, l, gate); err != nil {
			return err
		}
	}
	for id, row := range known {
		if !row.listed {
			continue
		}
		err := r.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE rollouts_rollout SET listed = 0 WHERE id = ?", id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// begin takes a document that is new, or newer than the one known: by the word of
// who signed it the rollout is over, or it begins anew. gate is how far it had come
// where this database does not know it and the head does.
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
		if !fresh && was.listed && version.Compare(was.version, l.Version) == 0 {
			return nil // another server was faster
		}
		again := !fresh && version.Compare(was.version, l.Version) == 0 // it had been removed
		if fresh {
			was = &row{id: d.ID, state: gate.State, ring: gate.Ring, since: gate.Since, created: r.Now().Unix()}
		}
		if err := r.write(tx, was, l); err != nil || again {
			return err
		}
		if _, err := tx.Exec("DELETE FROM rollouts_failure WHERE rollout = ?", d.ID); err != nil {
			return err
		}
		s, err := r.step(tx, was, r.beginning(l, gate, fresh))
		if err == nil && fresh && gate.Since > 0 { // the ring is watched since then, not since now
			_, err = tx.Exec("UPDATE rollouts_rollout SET since = ? WHERE id = ?", gate.Since, d.ID)
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
func (r *Rollouts) beginning(l Listed, gate rollout.Gate, fresh bool) change {
	d := l.Document
	switch {
	case d.State == rollout.Aborted:
		return change{state: rollout.Aborted, ring: gate.Ring, why: "aborted by who signed version " + l.Version}
	case d.State == rollout.Completed:
		return change{state: rollout.Completed, ring: len(d.Rings), why: "completed by who signed version " + l.Version}
	case fresh && gate.Since > 0:
		return change{state: gate.State, ring: gate.Ring, why: "as the head of the repository says"}
	}
	return change{state: rollout.Running, why: fmt.Sprintf("%s %s is rolled out in %d rings", d.Package, d.Version, len(d.Rings))}
}

// write makes the row of a rollout, or marks it as one that is listed.
func (r *Rollouts) write(tx *db.Tx, was *row, l Listed) error {
	d := l.Document
	return tx.Upsert("rollouts_rollout", []string{"id"},
		[]string{"id", "version", "listed", "state", "ring", "since", "why", "name", "target", "created", "looked", "waits", "counts"},
		[][]any{{d.ID, l.Version, 1, was.state, was.ring, was.since, was.why, d.Package, d.Version, was.created, 0, "", []byte("[]")}})
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
		rows, err := tx.Query("SELECT id FROM rollouts_rollout WHERE name = ? AND target = ?", f.Package, f.Version)
		if err != nil {
			return err
		}
		var ids []string
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				rows.Close()
				return err
			}
			ids = append(ids, id)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		for _, id := range ids {
			err := tx.Upsert("rollouts_failure", []string{"rollout", "host"}, []string{"rollout", "host", "happened", "note"},
				[][]any{{id, f.Host, f.Time, cut(f.Error, 500)}})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
