package install

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"muster"
	"muster/control"
	"muster/internal/task"
)

// Undoable returns the newest change that can be taken back: done, not taken
// back, and not itself an undo.
func (r *Root) Undoable() (*task.Change, error) {
	changes, err := r.Journal().Changes()
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.State == task.Done && c.UndoneBy == 0 && c.Undoes == 0 {
			return c, nil
		}
	}
	return nil, muster.Errorf(muster.NotFound, "there is no change to undo")
}

// Steps returns what a change did to packages.
func Steps(c *task.Change) ([]Summary, error) {
	d, err := detailsOf(c)
	return d.Steps, err
}

// CheckUndo reports why change c cannot be taken back, or nil: it is not done,
// what it replaced is gone, or a later change of the same packages stands.
func (r *Root) CheckUndo(c *task.Change) error {
	switch {
	case c.State != task.Done:
		return muster.Errorf(muster.Conflict, "change %d left nothing to undo: it %s", c.ID, c.State)
	case c.UndoneBy != 0:
		return muster.WithHint(muster.Errorf(muster.Conflict, "change %d was undone by change %d", c.ID, c.UndoneBy),
			"muster undo %d brings it back", c.UndoneBy)
	}
	if info, err := lstat(filepath.Join(r.stageDir(c.ID), "o")); err != nil || info == nil {
		return muster.WithHint(muster.Errorf(muster.NotFound, "what change %d replaced is not kept any more", c.ID),
			"ask for the version you want: muster install NAME=VERSION")
	}
	return r.checkLater(c)
}

func (r *Root) checkLater(c *task.Change) error {
	steps, err := Steps(c)
	if err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, s := range steps {
		touched[s.Name] = true
	}
	changes, err := r.Journal().Changes()
	if err != nil {
		return err
	}
	for _, later := range changes {
		if later.ID <= c.ID {
			return nil
		}
		if later.State != task.Done || later.UndoneBy != 0 || later.Undoes > c.ID {
			continue
		}
		steps, err := Steps(later)
		if err != nil {
			return err
		}
		for _, s := range steps {
			if touched[s.Name] {
				return muster.WithHint(muster.Errorf(muster.Conflict, "change %d changed %s after change %d", later.ID, s.Name, c.ID),
					"undo that one first: muster undo %d", later.ID)
			}
		}
	}
	return nil
}

// Undo takes change c back, as a new change that can be undone itself. The
// caller holds the lock and has recovered the root.
func Undo(ctx context.Context, r *Root, c *task.Change, opts Options) (*Result, error) {
	if err := r.CheckUndo(c); err != nil {
		return nil, err
	}
	steps, err := Steps(c)
	if err != nil {
		return nil, err
	}
	opts.Kind = "undo"
	u := &run{root: r, opts: opts, detail: details{Steps: inverse(steps, c.ID)}}
	if err := u.create(); err != nil {
		return nil, err
	}
	u.change.Undoes = c.ID
	if err := u.planUndo(c); err != nil {
		return nil, u.abandon(err)
	}
	if err := u.runner().Run(ctx, u.change); err != nil {
		return u.result(), err
	}
	return u.finish(), nil
}

// Kept returns what taking c back would bring: by name, the control of the
// version that comes back, nil for a package that leaves.
func (r *Root) Kept(c *task.Change) (map[string]*control.Control, error) {
	steps, err := Steps(c)
	if err != nil {
		return nil, err
	}
	done, err := r.loadSwitch(c.ID)
	if err != nil || done == nil {
		return nil, muster.Errorf(muster.NotFound, "change %d has no record of what it did", c.ID)
	}
	back := map[string]*control.Control{}
	for _, s := range steps {
		back[s.Name] = nil
		at := r.rel(r.record(s.Name))
		for i := range done.sw.Ops {
			op := &done.sw.Ops[i]
			if op.Op != "delete" || op.Path != at {
				continue
			}
			rec := new(Record)
			if err := readJSON(filepath.Join(done.stage(op, op.Old), statusFile), rec); err != nil {
				return nil, err
			}
			back[s.Name] = &rec.Control
		}
	}
	return back, nil
}

// inverse swaps the versions of each step.
func inverse(steps []Summary, id int) []Summary {
	var back []Summary
	for _, s := range slices.Backward(steps) {
		t := Summary{Name: s.Name, From: s.To, To: s.From, Reason: fmt.Sprintf("takes back change %d", id)}
		switch {
		case s.From == "":
			t.Op = "remove"
		case s.To == "":
			t.Op = "install"
		case s.Op == "upgrade":
			t.Op = "downgrade"
		case s.Op == "downgrade":
			t.Op = "upgrade"
		default:
			t.Op = s.Op
		}
		back = append(back, t)
	}
	return back
}

// planUndo lays out the inverse of every op of c.
func (u *run) planUndo(c *task.Change) error {
	done, err := u.root.loadSwitch(c.ID)
	if err != nil {
		return err
	}
	if done == nil {
		return muster.Errorf(muster.NotFound, "change %d has no record of what it did", c.ID)
	}
	inv := &inverter{u: u, done: done, gone: map[string]bool{}, from: map[*Op]string{}}
	if err := inv.invert(); err != nil {
		return err
	}
	d := &diff{root: u.root, content: map[*side]map[string]*placement{}}
	if u.stager, err = newStager(u.root, u.change.ID, d, inv.ops); err != nil {
		return err
	}
	if err := u.stager.checkSpace(u.stager.need(inv.ops)); err != nil {
		return err
	}
	u.detail.Notes = inv.notes
	steps, t, err := inv.transition()
	if err != nil {
		return err
	}
	return u.lay(steps, t, inv.ops, func(context.Context) error { return inv.stage() })
}
