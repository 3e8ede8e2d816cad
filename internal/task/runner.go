package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster"
)

// A Handler does and undoes tasks of one kind.
type Handler struct {
	Do   func(ctx context.Context, c *Change, t *Task) error
	Undo func(ctx context.Context, c *Change, t *Task) error // nil: nothing to undo
	// Counted has each attempt recorded before it is made, so that a task that
	// takes the machine down is not repeated for ever.
	Counted bool
}

// MaxAttempts is how often a counted task is begun before it counts as failed.
const MaxAttempts = 3

// A Runner carries out changes.
type Runner struct {
	Journal  *Journal
	Handlers map[string]Handler
	Now      func() time.Time
	Notify   func(*Change, *Task) // called when a task begins; may be nil
}

// Run carries out a change that has been created. On failure everything is
// taken back and the error returned; an error of kind [muster.Internal] with
// the change unfinished means that even that failed, and Resume goes on later.
func (r *Runner) Run(ctx context.Context, c *Change) error { return r.advance(ctx, c) }

// Resume finishes or undoes a change that a crash interrupted. A change that had not been
// committed ends as failed, without an error.
func (r *Runner) Resume(ctx context.Context, c *Change) error {
	if c.State == Preparing {
		c.Error = "interrupted before the commit point"
		return r.revert(ctx, c)
	}
	return r.advance(ctx, c)
}

func (r *Runner) advance(ctx context.Context, c *Change) error {
	if c.State == Reverting {
		return r.revert(ctx, c)
	}
	for i, t := range c.Tasks {
		if i == c.Commit && c.State == Preparing {
			if err := r.commit(c); err != nil {
				return r.fail(ctx, c, nil, err)
			}
		}
		if t.State == Done {
			continue
		}
		if err := r.do(ctx, c, t); err != nil {
			return r.fail(ctx, c, t, err)
		}
	}
	return r.end(c, Done)
}

// commit is the commit point: the rename inside Save. When Save fails the
// record may or may not say committed, and the caller reverts, which first
// overwrites it.
func (r *Runner) commit(c *Change) error {
	c.State = Committed
	return r.Journal.Save(c)
}

func (r *Runner) do(ctx context.Context, c *Change, t *Task) error {
	h, ok := r.Handlers[t.Kind]
	if !ok {
		return muster.Errorf(muster.Internal, "no handler for tasks of kind %q; a newer muster made this change", t.Kind)
	}
	if r.Notify != nil {
		r.Notify(c, t)
	}
	t.State = Doing
	if h.Counted {
		if t.Attempts++; t.Attempts > MaxAttempts {
			return fmt.Errorf("%s: interrupted %d times", t.Summary, MaxAttempts)
		}
		if err := r.Journal.Save(c); err != nil {
			return err
		}
	}
	if err := h.Do(ctx, c, t); err != nil {
		return err
	}
	t.State = Done
	if h.Counted {
		return r.Journal.Save(c)
	}
	return nil
}

// fail records why and takes everything back. A cancelled context does not
// keep it from that.
func (r *Runner) fail(ctx context.Context, c *Change, t *Task, cause error) error {
	if t != nil {
		t.Error = cause.Error()
	}
	c.Error = cause.Error()
	if err := r.revert(context.WithoutCancel(ctx), c); err != nil {
		return muster.WithHint(errors.Join(cause, err), "run 'muster resume' when the reason is gone")
	}
	return cause
}

// revert undoes the tasks that were begun, last first. Behind the commit point
// each is recorded as undone before the one before it is: what a task needs to
// be undone may be among what an earlier one takes away. Before the commit
// point the record does not tell which tasks were begun; all are undone, none
// of those behind it, and a crash undoes them again.
func (r *Runner) revert(ctx context.Context, c *Change) error {
	decided := c.State != Preparing
	if decided {
		c.State = Reverting
		if err := r.Journal.Save(c); err != nil {
			return err
		}
	}
	for i, t := range slices.Backward(c.Tasks) {
		if t.State == Undone || i >= c.Commit && (!decided || t.State == Waiting) {
			continue
		}
		h := r.Handlers[t.Kind]
		if h.Undo == nil {
			continue
		}
		if err := h.Undo(ctx, c, t); err != nil {
			return fmt.Errorf("cannot undo %q: %w", t.Summary, err)
		}
		t.State = Undone
		if decided {
			if err := r.Journal.Save(c); err != nil {
				return err
			}
		}
	}
	return r.end(c, Failed)
}

func (r *Runner) end(c *Change, s State) error {
	c.State = s
	c.Ended = r.Now().UTC().Truncate(time.Second)
	return r.Journal.Save(c)
}
