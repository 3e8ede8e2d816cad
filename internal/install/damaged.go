package install

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"muster"
	"muster/control"
	"muster/internal/task"
)

// A state file that was damaged must not lead a change out of the root: what
// is read of paths and names is held to what is ever written.

// isStage reports whether base is a stage folder of change id.
func (r *Root) isStage(id int, base string) bool {
	return base == r.rel(r.stageDir(id)) ||
		isLocal(base) && path.Base(base) == fmt.Sprintf(".muster-stage-%06d", id)
}

// isLocal reports whether a path of a record stays below what it is relative to.
func isLocal(name string) bool {
	return name != "." && filepath.IsLocal(filepath.FromSlash(name))
}

// checkSwitch reports the first op of change id that leads elsewhere, or nil.
func (r *Root) checkSwitch(id int, sw *Switch) error {
	for _, base := range sw.Bases {
		if !r.isStage(id, base) {
			return fmt.Errorf("%q is no stage folder of change %d", base, id)
		}
	}
	for i := range sw.Ops {
		op := &sw.Ops[i]
		if op.Base < 0 || op.Base >= len(sw.Bases) {
			return fmt.Errorf("operation %d has no stage folder", i)
		}
		if !isLocal(op.Path) || op.New != "" && !isLocal(op.New) || op.Old != "" && !isLocal(op.Old) {
			return fmt.Errorf("operation %d, of %q, leads out of the root or its stage folder", i, op.Path)
		}
	}
	return nil
}

// detailsOf reads the Data of a change.
func detailsOf(c *task.Change) (d details, err error) {
	if err = json.Unmarshal(c.Data, &d); err == nil {
		for _, s := range d.Steps {
			if err = control.CheckName(s.Name); err != nil {
				break
			}
		}
	}
	if err != nil {
		return details{}, muster.Errorf(muster.Invalid, "change %d: %w", c.ID, err)
	}
	return d, nil
}

// hookOf reads the Data of a task that runs an action.
func hookOf(t *task.Task) (*hook, error) {
	h := new(hook)
	err := json.Unmarshal(t.Data, h)
	if err == nil {
		err = control.CheckName(h.Package)
	}
	if err == nil && !(isHookName(h.Hook) && (h.UndoWith == "" || isHookName(h.UndoWith))) {
		err = fmt.Errorf("%q is not the name of an action", h.Hook)
	}
	return h, muster.WithKind(muster.Invalid, err)
}

func isHookName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// check holds a record to what is written into it.
func (rec *Record) check() error {
	if err := rec.Control.Check(); err != nil {
		return err
	}
	for _, at := range rec.Aside {
		if !isLocal(at) || !strings.HasSuffix(at, asideNew) {
			return fmt.Errorf("%q is no configuration that was laid aside", at)
		}
	}
	return nil
}
