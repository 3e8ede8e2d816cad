package install

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"muster"
	"muster/internal/task"
)

// Options say how a change is made.
type Options struct {
	Kind    string // of the change: "install", "upgrade", "remove"
	Summary string // for history
	User    string
	Wishes  *Wishes // what wanted.json becomes in the same commit; nil leaves it
	Purge   bool    // do not keep edited configuration of removed packages
	Force   bool    // passed to actions
	// Progress is told of bytes written while staging, Notify of each task that begins, Log receives the
	// output of actions. All may be nil.
	Progress func(n int64)
	Notify   func(*task.Task)
	Log      io.Writer
}

// A Result is what a change did.
type Result struct {
	Change *task.Change
	Steps  []Summary
	Notes  []string // what a person should know
	Reboot bool     // an action asked for it
}

// details is the Data of a change of packages.
type details struct {
	Steps  []Summary `json:"steps"`
	Notes  []string  `json:"notes,omitempty"`
	Reboot bool      `json:"reboot,omitempty"`
	Bases  []string  `json:"bases,omitempty"` // stage folders, relative to the root
}

// A change being carried out.
type run struct {
	root   *Root
	opts   Options
	change *task.Change
	detail details
	stager *stager
	saved  *Switch // what saveSwitch recorded; nil after a crash
	// unpack and stage do what comes before the commit point; only the process
	// that planned the change can, and after a crash they are not needed.
	unpack, stage func(ctx context.Context) error
}

// Apply carries out the steps, as a whole or not at all. The caller holds the
// lock, has recovered the root ([Recover]), and has verified the packages.
//
// When an action fails the root is as it was, the failure is recorded in the
// wishes for the next upgrade, and the error returned.
func Apply(ctx context.Context, r *Root, steps []Step, opts Options) (*Result, error) {
	t, err := r.transition(steps)
	if err != nil {
		return nil, err
	}
	t.purge, t.mend = map[string]bool{}, map[string]bool{}
	for _, s := range steps {
		t.purge[s.Name], t.mend[s.Name] = opts.Purge, s.Op == "reinstall"
	}
	u := &run{root: r, opts: opts}
	if err := u.summarise(steps, t); err != nil {
		return nil, err
	}
	d, err := newDiff(r, t)
	if err != nil {
		return nil, err
	}
	if err := u.create(); err != nil {
		return nil, err
	}
	if err := u.plan(steps, t, d); err != nil {
		return nil, u.abandon(err)
	}
	err = u.runner().Run(ctx, u.change)
	if err != nil {
		u.recordFailure(err)
		return u.result(), err
	}
	return u.finish(), nil
}

func (u *run) summarise(steps []Step, t *transition) error {
	for _, s := range steps {
		sum := Summary{Name: s.Name, Op: s.Op, Reason: s.Reason}
		if old := t.old[s.Name]; old != nil {
			sum.From = old.manifest.Control.Version
		}
		if s.Package != nil {
			sum.To = s.Package.Manifest.Control.Version
		} else if sum.From == "" {
			return muster.Errorf(muster.NotFound, "%s is not installed", s.Name)
		}
		u.detail.Steps = append(u.detail.Steps, sum)
	}
	return nil
}

// create gives the change its number, which the stage needs.
func (u *run) create() error {
	u.change = &task.Change{Kind: u.opts.Kind, Summary: u.opts.Summary, User: u.opts.User,
		Created: u.root.Now().UTC()}
	u.saveDetail()
	return u.root.Journal().Create(u.change)
}

func (u *run) saveDetail() {
	raw, err := json.Marshal(&u.detail)
	if err != nil {
		panic(err) // plain strings
	}
	u.change.Data = raw
}

// plan lays out the tasks of the change.
func (u *run) plan(steps []Step, t *transition, d *diff) error {
	ops, records := d.ops(), newRecords(u, steps, t, d)
	ops = append(ops, records.ops()...)
	var err error
	if u.stager, err = newStager(u.root, u.change.ID, d, ops); err != nil {
		return err
	}
	if err := u.stager.checkSpace(u.stager.need(ops)); err != nil {
		return err
	}
	u.detail.Notes = d.notes
	d.before, d.after = nil, nil // as large as everything else; not needed any more
	return u.lay(steps, t, ops, func(ctx context.Context) error {
		if err := u.stager.files(ctx, u.opts.Progress); err != nil {
			return err
		}
		return records.stage(u.stager)
	})
}

// lay lists the tasks of the change, in the order that packagers rely on, and
// records them. fill stages what is new.
func (u *run) lay(steps []Step, t *transition, ops []*Op, fill func(context.Context) error) error {
	u.change.Add("unpack", "unpack actions", nil)
	u.addHooks(steps, t, "pre_remove", "pre_install")
	u.change.Add("stage", "write new files", nil)
	u.change.Commit = len(u.change.Tasks)
	u.addRestores(steps, t)
	u.addHooks(steps, t, "uninstall")
	u.change.Add("switch", "switch to the new files", nil)
	u.addHooks(steps, t, "post_remove", "install", "post_install")
	u.unpack = func(ctx context.Context) error {
		if err := u.stager.makeFolders(); err != nil {
			return err
		}
		return u.stagePayloads(ctx, steps, t)
	}
	u.stage = func(ctx context.Context) error {
		if err := fill(ctx); err != nil {
			return err
		}
		return u.saveSwitch(ops)
	}
	// The record names the stage folders before they are made, so that a crash
	// leaves none that nobody knows.
	u.detail.Bases = u.stager.bases
	u.saveDetail()
	return u.root.Journal().Save(u.change)
}

// saveSwitch records the ops and makes everything staged durable: the last
// thing before the commit point.
func (u *run) saveSwitch(ops []*Op) error {
	sw := &Switch{Bases: u.stager.bases, Ops: make([]Op, len(ops))}
	for i, op := range ops {
		sw.Ops[i] = *op
	}
	if err := u.stager.reserve(ops); err != nil {
		return err
	}
	for _, base := range u.stager.bases {
		if err := u.root.Disk.SyncTree(u.root.abs(base)); err != nil {
			return fmt.Errorf("cannot make the new files durable: %w", err)
		}
	}
	u.saved = sw
	return u.root.writeSwitch(u.change.ID, sw)
}

// writeSwitch writes switch.json operation by operation: there may be hundreds
// of thousands.
func (r *Root) writeSwitch(id int, sw *Switch) error {
	f, err := r.Disk.Create(r.switchFile(id), 0o644)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 64<<10)
	enc := json.NewEncoder(out)
	fmt.Fprint(out, `{"bases":`)
	err = enc.Encode(sw.Bases)
	fmt.Fprint(out, `,"ops":[`)
	for i := range sw.Ops {
		if err == nil && i > 0 {
			err = out.WriteByte(',')
		}
		if err == nil {
			err = enc.Encode(&sw.Ops[i])
		}
	}
	fmt.Fprintln(out, "]}")
	if err == nil {
		err = out.Flush() // tells of errors of all writes before
	}
	if err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

func (r *Root) switchFile(id int) string {
	return filepath.Join(r.Journal().Folder(id), "switch.json")
}

// loadSwitch reads the ops of a change; nil when it had not come so far.
func (r *Root) loadSwitch(id int) (*switcher, error) {
	sw := new(Switch)
	if err := readJSON(r.switchFile(id), sw); err != nil {
		if os.IsNotExist(err) {
			return nil, nil
		}
		return nil, err
	}
	if err := r.checkSwitch(id, sw); err != nil {
		return nil, muster.Errorf(muster.Invalid, "%q: %w", r.switchFile(id), err)
	}
	return &switcher{root: r, sw: sw}, nil
}

// runner has the handlers of all tasks. After a crash u.prepare is nil.
func (u *run) runner() *task.Runner {
	return &task.Runner{
		Journal: u.root.Journal(),
		Now:     u.root.Now,
		Notify: func(_ *task.Change, t *task.Task) {
			if u.opts.Notify != nil {
				u.opts.Notify(t)
			}
		},
		Handlers: map[string]task.Handler{
			"unpack":  {Do: func(ctx context.Context, _ *task.Change, _ *task.Task) error { return u.once(ctx, u.unpack) }, Undo: u.undoStage},
			"stage":   {Do: func(ctx context.Context, _ *task.Change, _ *task.Task) error { return u.once(ctx, u.stage) }},
			"switch":  {Do: u.doSwitch, Undo: u.undoSwitch},
			"hook":    {Do: u.doHook, Undo: u.undoHook, Counted: true},
			"restore": {Do: nothing, Undo: u.undoRestore},
		},
	}
}

// nothing is what a task does that only stands for its undoing.
func nothing(context.Context, *task.Change, *task.Task) error { return nil }

// once runs a step of the preparation.
func (u *run) once(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return muster.Errorf(muster.Internal, "a change can be prepared only by the process that planned it")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(ctx)
}

func (u *run) undoStage(_ context.Context, c *task.Change, _ *task.Task) error {
	return u.root.dropStage(c.ID)
}

func (u *run) doSwitch(_ context.Context, c *task.Change, _ *task.Task) error {
	s := &switcher{root: u.root, sw: u.saved}
	if s.sw == nil {
		var err error
		if s, err = u.root.loadSwitch(c.ID); err != nil {
			return err
		}
		if s == nil {
			return muster.Errorf(muster.NotFound, "%q is gone, which says what to do", u.root.switchFile(c.ID))
		}
	}
	if err := s.release(); err != nil {
		return err
	}
	return s.run()
}

func (u *run) undoSwitch(_ context.Context, c *task.Change, _ *task.Task) error {
	s, err := u.root.loadSwitch(c.ID)
	if err != nil || s == nil {
		return err
	}
	if err := s.release(); err != nil {
		return err
	}
	return s.back()
}

// abandon ends a change that could not be planned.
func (u *run) abandon(cause error) error {
	u.change.Error = cause.Error()
	if err := u.runner().Resume(context.Background(), u.change); err != nil {
		return fmt.Errorf("%w; and then: %w", cause, err)
	}
	return cause
}

func (u *run) result() *Result {
	return &Result{Change: u.change, Steps: u.detail.Steps, Notes: u.detail.Notes, Reboot: u.detail.Reboot}
}

// bases lists the stage folders of a change, relative to the root. They are
// removed as a whole: what is none of them is passed over.
func (r *Root) bases(id int) []string {
	bases := []string{r.rel(r.stageDir(id))}
	c, err := r.Journal().Load(id)
	if err != nil {
		return bases
	}
	d, _ := detailsOf(c)
	for _, base := range d.Bases {
		if base != bases[0] && r.isStage(id, base) {
			bases = append(bases, base)
		}
	}
	return bases
}

// dropStage removes the stage folders of a change on every file system, the
// state's own last: the others are found by it.
func (r *Root) dropStage(id int) error {
	for _, base := range slices.Backward(r.bases(id)) {
		if err := r.Disk.RemoveAll(r.abs(base)); err != nil {
			return err
		}
	}
	return nil
}
