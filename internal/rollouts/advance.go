package rollouts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/rollout"
	"muster/version"
)

// advance counts the hosts of a rollout, and takes the steps that are due. An open
// ring in which nobody is, and which need not be watched, opens the next at once.
func (r *Rollouts) advance(ctx context.Context, l Listed) error {
	d := l.Document
	counts, err := r.count(ctx, d)
	if err != nil {
		told := r.DB.Write(ctx, func(tx *db.Tx) error { return wait(tx, d.ID, "hosts cannot be counted: "+err.Error()) })
		return errors.Join(err, told)
	}
	if err := r.keepCounts(ctx, d.ID, counts); err != nil {
		return err
	}
	for range len(d.Rings) + 1 {
		more, err := r.once(ctx, l, counts)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// once takes a step, where one is due. What it decides by is read in the transaction
// that writes it.
func (r *Rollouts) once(ctx context.Context, l Listed, counts []rollout.Counts) (more bool, err error) {
	d := l.Document
	var told *api.RolloutStep
	err = r.DB.Write(ctx, func(tx *db.Tx) error {
		told, more = nil, false
		was, err := read(tx, d.ID)
		if err != nil || was.state != rollout.Running || d.State != rollout.Running {
			return err
		}
		if version.Compare(was.version, l.Version) != 0 { // an older one says nothing about these rings
			return wait(tx, d.ID, fmt.Sprintf("version %s of it counts, and the repository lists %s", was.version, l.Version))
		}
		v := d.Judge(was.ring, counts, time.Unix(was.since, 0), r.Now())
		if v.Step == rollout.Wait {
			return wait(tx, d.ID, v.Why)
		}
		s, err := r.step(tx, was, after(was, v))
		told, more = &s, v.Step == rollout.Open
		return err
	})
	if err == nil && told != nil {
		r.Told(ctx, d.ID, *told)
	}
	return more, err
}

func wait(tx *db.Tx, id, why string) error {
	_, err := tx.Exec("UPDATE rollouts_rollout SET waits = ? WHERE id = ?", cut(why, 500), id)
	return err
}

// after is what a verdict makes of a rollout.
func after(was *row, v rollout.Verdict) change {
	c := change{state: rollout.Running, ring: was.ring, why: v.Why}
	switch v.Step {
	case rollout.Open:
		c.ring++
	case rollout.Halt:
		c.state = rollout.Halted
	case rollout.Complete:
		c.state = rollout.Completed
	}
	return c
}

// count counts the hosts of each ring by itself. Who has nothing of the package, and
// is not to have it, is not counted: they would never report. A host that has the
// version, or a newer one, is done, whatever failed before.
func (r *Rollouts) count(ctx context.Context, d *rollout.Document) ([]rollout.Counts, error) {
	in, err := r.members(ctx, d)
	if err != nil {
		return nil, err
	}
	done, err := r.found(ctx, "state:accepted muster:"+d.Package+">="+d.Version)
	if err != nil {
		return nil, err
	}
	failed, err := r.failures(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	counts := make([]rollout.Counts, len(d.Rings))
	for id, ring := range in {
		c := &counts[ring-1]
		c.Hosts++
		if _, bad := failed[id]; done[id] {
			c.Done++
		} else if bad {
			c.Failed++
		}
	}
	return counts, nil
}

// concerned finds the hosts that have a package in any version, or are to have it:
// one that waits for a rollout is postponed, one whose installation failed in error.
func concerned(name string) string {
	any := "muster:" + name
	for _, s := range []muster.Status{muster.NeedInstall, muster.Postponed, muster.Error} {
		any += " or muster:" + name + ":" + strings.ToLower(string(s))
	}
	return "state:accepted (" + any + ")"
}

// members is the ring of each host that a rollout is about.
func (r *Rollouts) members(ctx context.Context, d *rollout.Document) (map[string]int, error) {
	all, err := r.Fleet.Find(ctx, concerned(d.Package))
	if err != nil {
		return nil, err
	}
	groups, queries := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, ring := range d.Rings {
		if ring.Group != "" && groups[ring.Group] == nil {
			if groups[ring.Group], err = r.found(ctx, "group:"+ring.Group); err != nil {
				return nil, err
			}
		}
		if ring.Query != "" && queries[ring.Query] == nil {
			if queries[ring.Query], err = r.found(ctx, ring.Query); err != nil {
				return nil, err
			}
		}
	}
	in := map[string]int{}
	for _, id := range all {
		h := rollout.Host{ID: id, Matches: func(q string) bool { return queries[q][id] }}
		for name, members := range groups {
			if members[id] {
				h.Groups = append(h.Groups, name)
			}
		}
		in[id] = d.Place(h)
	}
	return in, nil
}

func (r *Rollouts) found(ctx context.Context, query string) (map[string]bool, error) {
	all, err := r.Fleet.Find(ctx, query)
	set := make(map[string]bool, len(all))
	for _, id := range all {
		set[id] = true
	}
	return set, err
}

// failures are the hosts of a rollout that failed, by id.
func (r *Rollouts) failures(ctx context.Context, id string) (all map[string]api.RolloutFailure, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		all = map[string]api.RolloutFailure{}
		rows, err := tx.Query("SELECT host, happened, note FROM rollouts_failure WHERE rollout = ?", id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f api.RolloutFailure
			if err := rows.Scan(&f.Host, &f.Time, &f.Error); err != nil {
				return err
			}
			all[f.Host] = f
		}
		return rows.Err()
	})
	return all, err
}

func (r *Rollouts) keepCounts(ctx context.Context, id string, counts []rollout.Counts) error {
	data, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE rollouts_rollout SET counts = ?, looked = ? WHERE id = ?", data, r.Now().Unix(), id)
		return err
	})
}

// sorted lists failures, the newest first.
func sorted(all map[string]api.RolloutFailure) []api.RolloutFailure {
	list := make([]api.RolloutFailure, 0, len(all))
	for _, f := range all {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b api.RolloutFailure) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), strings.Compare(a.Host, b.Host))
	})
	return list
}
