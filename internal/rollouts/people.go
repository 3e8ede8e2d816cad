package rollouts

import (
	"context"
	"fmt"
	"slices"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/rollout"
)

// maxShown bounds the failures and steps that are told of one rollout.
const maxShown = 100

// List lists rollouts, the newest first.
func (r *Rollouts) List(ctx context.Context) (out api.RolloutPage, err error) {
	all, err := r.rows(ctx, "1 = 1")
	out.Rollouts = []api.Rollout{}
	for _, row := range all {
		out.Rollouts = append(out.Rollouts, row.told())
	}
	return out, err
}

func (w *row) told() api.Rollout {
	out := api.Rollout{ID: w.id, Version: w.version, Package: w.name, Of: w.target, State: string(w.state), Ring: w.ring, Since: w.since,
		Why: w.why, Waits: w.waits, Created: w.created, Counted: w.looked, Gone: !w.listed}
	for _, c := range w.counts {
		out.Rings = append(out.Rings, api.RolloutCounts(c))
	}
	return out
}

// Detail tells all about one rollout.
func (r *Rollouts) Detail(ctx context.Context, id string) (out api.RolloutDetail, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		was, err := read(tx, id)
		if err != nil {
			return err
		}
		out = api.RolloutDetail{Rollout: was.told()}
		out.Steps, err = steps(tx, id)
		return err
	})
	if err != nil {
		return out, err
	}
	failed, err := r.failures(ctx, id)
	out.Failures = sorted(failed)
	out.Failures = out.Failures[:min(len(out.Failures), maxShown)]
	if err != nil {
		return out, err
	}
	listed, _, err := r.Repository.Rollouts(ctx)
	if i := slices.IndexFunc(listed, func(l Listed) bool { return l.Document.ID == id }); i >= 0 {
		out.Document = listed[i].Document.String()
	}
	return out, err
}

func steps(tx *db.Tx, id string) ([]api.RolloutStep, error) {
	all := []api.RolloutStep{}
	return all, tx.Each("SELECT number, happened, who, state, ring, why FROM rollouts_step WHERE rollout = ? ORDER BY number DESC LIMIT ?",
		[]any{id, maxShown}, func(scan db.Scan) error {
			var s api.RolloutStep
			err := scan(&s.Number, &s.Time, &s.Who, &s.State, &s.Ring, &s.Why)
			all = append(all, s)
			return err
		})
}

// asked says what a person may ask for: the state that it leads to, and from which.
var asked = map[string]struct {
	to   rollout.State
	from []rollout.State
}{
	api.RolloutPause:  {rollout.Paused, []rollout.State{rollout.Running}},
	api.RolloutResume: {rollout.Running, []rollout.State{rollout.Paused, rollout.Halted}},
	api.RolloutAbort:  {rollout.Aborted, []rollout.State{rollout.Running, rollout.Paused, rollout.Halted}},
}

// Change does what a person asks for: pause, resume, abort. To resume after a halt
// excuses the failures so far: who resumes has looked at them. An open ring is
// watched anew. The head says so when it returns; hosts are counted after, for an
// abort must not wait for that.
func (r *Rollouts) Change(ctx context.Context, who, id string, in api.RolloutChange) (out api.RolloutDetail, err error) {
	a, ok := asked[in.Do]
	if !ok {
		return out, muster.Errorf(muster.Invalid, "a rollout cannot be made to %.40q: write pause, resume or abort", in.Do)
	}
	var told api.RolloutStep
	err = r.DB.Write(ctx, func(tx *db.Tx) error {
		was, err := read(tx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(a.from, was.state) {
			return muster.Errorf(muster.Conflict, "cannot %s rollout %q: it is %s", in.Do, id, was.state)
		}
		if in.Do == api.RolloutResume && was.state == rollout.Halted {
			if _, err := tx.Exec("UPDATE rollouts_failure SET excused = 1 WHERE rollout = ?", id); err != nil {
				return err
			}
		}
		told, err = r.step(tx, was, change{state: a.to, ring: was.ring, why: in.Why, who: who})
		return err
	})
	if err != nil {
		return out, err
	}
	r.Told(ctx, id, told)
	r.Poke() // which tries to sign again what cannot be signed now
	if err := r.gate(ctx); err != nil {
		return out, muster.WithHint(fmt.Errorf("rollout %q is %s now, but the repository does not say so yet: %w", id, a.to, err), "it is tried again; 'muster rollout status %s'", id)
	}
	return r.Detail(ctx, id)
}

// Newest is the number of the newest step of all rollouts.
func (r *Rollouts) Newest(ctx context.Context) (n int64, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT last FROM rollouts_number WHERE name = 'step'").Scan(&n)
	})
	return n, err
}

// Follow lists the steps of all rollouts after a number, the oldest first. Numbers
// appear in their order.
func (r *Rollouts) Follow(ctx context.Context, after int64, limit int) (all []api.RolloutNews, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each(`SELECT s.number, s.happened, s.who, s.state, s.ring, s.why, r.id, r.name, r.target FROM rollouts_step s
			JOIN rollouts_rollout r ON r.id = s.rollout WHERE s.number > ? ORDER BY s.number LIMIT ?`, []any{after, limit}, func(scan db.Scan) error {
			var n api.RolloutNews
			err := scan(&n.Number, &n.Time, &n.Who, &n.State, &n.Ring, &n.Why, &n.ID, &n.Package, &n.Of)
			all = append(all, n)
			return err
		})
	})
	return all, err
}
