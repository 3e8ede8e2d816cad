package install

import (
	"encoding/json"
	"strings"

	"muster"
	"muster/internal/task"
)

// recordFailure notes for the next upgrade what failed. It is not part of the
// change, which left nothing behind; when it cannot be written the failure is
// still in the history.
//
// What an action refused stays asked for and is tried again. What could not
// even be placed (no space, a conflict, a damaged file) is for whoever asked to
// hear; it is kept only for packages that are there, whose upgrade it was.
func (u *run) recordFailure(cause error) {
	w, err := u.root.Wishes()
	if err != nil || !u.change.Finished() {
		return
	}
	failed, byAction := FailedPackage(u.change)
	if byAction && u.opts.Wishes != nil {
		w.Wanted = u.opts.Wishes.Wanted // what was assigned is wanted anew each time
	}
	for _, s := range u.detail.Steps {
		if byAction && s.Name == failed || !byAction && s.From != "" {
			w.Fail(Failure{Name: s.Name, Version: s.To, Status: needOf(s), Error: firstLine(cause.Error()),
				Change: u.change.ID, Time: u.root.Now().UTC()})
		}
	}
	u.root.SaveWishes(w)
}

// FailedPackage returns the package of c whose action failed, if one did.
func FailedPackage(c *task.Change) (name string, byAction bool) {
	for _, t := range c.Tasks {
		var h hook
		if t.Kind == "hook" && t.Error != "" && json.Unmarshal(t.Data, &h) == nil {
			return h.Package, true
		}
	}
	return "", false
}

func needOf(s Summary) muster.Status {
	switch {
	case s.To == "":
		return muster.NeedRemove
	case s.From == "":
		return muster.NeedInstall
	case s.Op == "downgrade":
		return muster.NeedDowngrade
	}
	return muster.NeedUpgrade
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
