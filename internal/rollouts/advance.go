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
	counts, broken, err := r.count(ctx, d)
	if err != nil {
		told := r.DB.Write(ctx, func(tx *db.Tx) error { return wait(tx, d.ID, "hosts cannot be counted: "+err.Error()) })
		return errors.Join(err, told)
	}
	if err := r.keepCounts(ctx, d, counts, broken); err != nil {
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
		since, err := r.watched(tx, was, d, counts)
		if err != nil {
			return err
		}
		v := d.Judge(was.ring, counts, time.Unix(since, 0), r.Now())
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

// watched is since when the newest ring soaks: since it is open, but of a package that
// is new to all not before somebody is to have it. Else whoever is first would be
// watched for no time at all.
func (r *Rollouts) watched(tx *db.Tx, was *row, d *rollout.Document, counts []rollout.Counts) (int64, error) {
	anybody := slices.ContainsFunc(counts[:min(was.ring, len(counts))], func(c rollout.Counts) bool { return c.Hosts > 0 })
	if d.From != "" || was.peopled > 0 || !anybody {
		return max(was.since, was.peopled), nil
	}
	was.peopled = r.Now().Unix()
	_, err := tx.Exec("UPDATE rollouts_rollout SET peopled = ? WHERE id = ?", was.peopled, was.id)
	return was.peopled, err
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
// is not to have it, is not counted: they would never report. A host on which the
// version works, or that has a newer one, is done, whatever failed before. Broken are
// those on which it does not and that are not among the failures yet.
func (r *Rollouts) count(ctx context.Context, d *rollout.Document) (counts []rollout.Counts, broken []string, err error) {
	in, err := r.members(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	done, err := r.found(ctx, serving(d))
	if err != nil {
		return nil, nil, err
	}
	bad, err := r.found(ctx, failing(d))
	if err != nil {
		return nil, nil, err
	}
	failed, err := r.failures(ctx, d.ID)
	if err != nil {
		return nil, nil, err
	}
	counts = make([]rollout.Counts, len(d.Rings))
	for id, ring := range in {
		c, f := &counts[ring-1], failed[id]
		c.Hosts++
		switch {
		case bad[id] && f == nil:
			broken = append(broken, id)
			c.Failed++
		case done[id] && !bad[id]:
			c.Done++
		case f != nil && !f.excused:
			c.Failed++
		}
	}
	return counts, broken, nil
}

// serving finds the hosts that have the version and are not on the way to another,
// or a newer one.
func serving(d *rollout.Document) string {
	q := "state:accepted muster:" + d.Package + ">=" + d.Version
	for _, s := range []muster.Status{muster.Running, muster.NeedDowngrade, muster.NeedRemove, muster.Revoked} {
		q += " -muster:" + d.Package + ":" + strings.ToLower(string(s)) + "=" + d.Version
	}
	return q
}

// failing finds the hosts that have the version and on which it does not work: a
// change of it failed after, or its own audit says so. What the audit of the version
// before said is not kept.
func failing(d *rollout.Document) string {
	at := d.Package + ":" + strings.ToLower(string(muster.Error))
	return "state:accepted muster:" + d.Package + "=" + d.Version + " (muster:" + at + "=" + d.Version + " or audit:" + at + ")"
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

// A failure is a host that failed. One is excused when a person has the rollout go on
// all the same: it counts again when it fails anew.
type failure struct {
	api.RolloutFailure
	excused bool
}

// failures are the hosts of a rollout that failed, by id.
func (r *Rollouts) failures(ctx context.Context, id string) (all map[string]*failure, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		all = map[string]*failure{}
		return tx.Each("SELECT host, happened, note, excused FROM rollouts_failure WHERE rollout = ?", []any{id}, func(scan db.Scan) error {
			f, excused := &failure{}, 0
			err := scan(&f.Host, &f.Time, &f.Error, &excused)
			f.excused = excused != 0
			all[f.Host] = f
			return err
		})
	})
	return all, err
}

// keepCounts writes what was counted, and the hosts that were found broken.
func (r *Rollouts) keepCounts(ctx context.Context, d *rollout.Document, counts []rollout.Counts, broken []string) error {
	data, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	now := r.Now().Unix()
	rows := make([][]any, len(broken))
	for i, host := range broken {
		rows[i] = []any{d.ID, host, now, "has " + d.Package + " " + d.Version + " with status ERROR", 0}
	}
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE rollouts_rollout SET counts = ?, looked = ? WHERE id = ?", data, now, d.ID); err != nil {
			return err
		}
		return keepFailed(tx, rows)
	})
}

func keepFailed(tx *db.Tx, rows [][]any) error {
	return tx.Upsert("rollouts_failure", []string{"rollout", "host"}, []string{"rollout", "host", "happened", "note", "excused"}, rows)
}

// sorted lists the failures that count, the newest first.
func sorted(all map[string]*failure) []api.RolloutFailure {
	list := make([]api.RolloutFailure, 0, len(all))
	for _, f := range all {
		if !f.excused {
			list = append(list, f.RolloutFailure)
		}
	}
	slices.SortFunc(list, func(a, b api.RolloutFailure) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), strings.Compare(a.Host, b.Host))
	})
	return list
}
