package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"muster/internal/durable"
	"muster/internal/task"
)

// Recover finishes or takes back the change that was under way when a program
// or the machine stopped, and removes what it left. Without such a change the
// result is nil. The caller holds the lock; every command that changes a root
// calls it first.
func Recover(ctx context.Context, r *Root, opts Options) (*Result, error) {
	c, err := r.Journal().Unfinished()
	if err != nil {
		return nil, err
	}
	if err := r.sweep(); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, r.tidyNewest()
	}
	u := &run{root: r, opts: opts, change: c}
	if u.detail, err = detailsOf(c); err != nil {
		return nil, err
	}
	if err := u.runner().Resume(ctx, c); err != nil {
		return u.result(), err
	}
	return u.finish(), nil
}

// tidyNewest ends the newest change where a crash came after it was done.
func (r *Root) tidyNewest() error {
	ids, err := r.Journal().IDs()
	if err != nil || len(ids) == 0 {
		return err
	}
	id := ids[len(ids)-1]
	if info, err := lstat(filepath.Join(r.stageDir(id), "n")); err != nil || info == nil {
		return err
	}
	c, err := r.Journal().Load(id)
	if err != nil {
		return err
	}
	return (&run{root: r, change: c}).tidy()
}

// sweep removes files that were being written under a temporary name, and
// folders of changes that had not been recorded.
func (r *Root) sweep() error {
	dirs := []string{r.State, r.file("packages"), r.file("trust.d")}
	ids, err := r.Journal().IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		dirs = append(dirs, r.Journal().Folder(id))
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if durable.IsTemp(e.Name()) {
				if err := r.Disk.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// finish ends a change that is done. What cannot be cleaned up is for the next
// change; it does not make this one a failure.
func (u *run) finish() *Result {
	if err := u.tidy(); err != nil {
		u.detail.Notes = append(u.detail.Notes, fmt.Sprintf("the change is done, but not everything could be cleaned up: %v", err))
	}
	return u.result()
}

// tidy ends a change that is done: the one it took back is marked, and what
// it staged and what changes too old to be undone had replaced are removed.
// n/ of the state's own file system goes last: it tells that all this is to do.
func (u *run) tidy() error {
	if u.change.State != task.Done {
		return nil
	}
	if err := u.markUndone(); err != nil {
		return err
	}
	return u.root.tidy(u.change.ID)
}

// markUndone notes in the change that was taken back which one did so. Taking
// back an undo makes the first change count again.
func (u *run) markUndone() error {
	if u.change.Undoes == 0 {
		return nil
	}
	j := u.root.Journal()
	undone, err := j.Load(u.change.Undoes)
	if err != nil {
		return err
	}
	undone.UndoneBy = u.change.ID
	if err := j.Save(undone); err != nil || undone.Undoes == 0 {
		return err
	}
	first, err := j.Load(undone.Undoes)
	if err != nil {
		return err
	}
	first.UndoneBy = 0
	return j.Save(first)
}

func (r *Root) tidy(id int) error {
	if err := r.dropOld(); err != nil {
		return err
	}
	for _, base := range slices.Backward(r.bases(id)) {
		for _, dir := range []string{"p", "n"} {
			if err := r.Disk.RemoveAll(filepath.Join(r.abs(base), dir)); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropOld removes what changes keep that are too old to be undone.
func (r *Root) dropOld() error {
	ids, err := r.Journal().IDs()
	if err != nil || len(ids) <= r.keepUndo() {
		return err
	}
	oldest := ids[len(ids)-r.keepUndo()]
	entries, err := os.ReadDir(r.file("stage"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil && id < oldest {
			if err := r.dropStage(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// DropUndo removes what undo would need, of all changes, and returns the bytes
// that were freed.
func (r *Root) DropUndo() (int64, error) {
	ids, err := r.Journal().IDs()
	if err != nil {
		return 0, err
	}
	var freed int64
	for _, id := range ids {
		for _, base := range r.bases(id) {
			freed += treeSize(r.abs(base))
		}
		if err := r.dropStage(id); err != nil {
			return freed, err
		}
	}
	return freed, nil
}

// treeSize sums the regular files below dir that have no other name.
func treeSize(dir string) int64 {
	var n int64
	filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
