package engine

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/control"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/version"
)

func (e *Engine) cached(c *Candidate) bool {
	_, err := os.Stat(filepath.Join(e.Root.CacheDir(), c.Entry.SHA256))
	return err == nil
}

// Download brings what the plan installs into the cache, verified, and changes
// nothing else.
func (e *Engine) Download(ctx context.Context, p *Plan, progress func(fetch.Progress)) error {
	steps, done, err := e.open(ctx, p, progress)
	if err != nil {
		return err
	}
	_ = steps
	return done()
}

// maxFetches is how many packages are fetched at a time: enough to hide the
// way to a server and back where packages are small.
const maxFetches = 4

// open opens the package of every step, in the order of the plan. What it
// returns closes them.
func (e *Engine) open(ctx context.Context, p *Plan, progress func(fetch.Progress)) (steps []install.Step, done func() error, err error) {
	e.Fetch.Progress = progress
	defer func() { e.Fetch.Progress = nil }()
	todo := slices.DeleteFunc(slices.Clone(p.Steps), func(s plan.Step) bool { return s.Op == plan.Keep })
	steps = make([]install.Step, len(todo))
	closers := make([]func() error, len(todo))
	done = func() error {
		var errs []error
		for _, c := range closers {
			if c != nil {
				errs = append(errs, c())
			}
		}
		return errors.Join(errs...)
	}
	var failed atomic.Pointer[plan.Step]
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxFetches)
	for i, s := range todo {
		g.Go(func() (err error) {
			if s.To != nil {
				if steps[i], closers[i], err = p.cands[s.To.Index].open(ctx); err != nil {
					failed.CompareAndSwap(nil, &s)
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		done()
		return nil, nil, errors.Join(advised(err), e.recordRefusal(*failed.Load(), err))
	}
	for i, s := range todo {
		steps[i].Name, steps[i].Op, steps[i].Params = s.Name(), string(s.Op), e.params(p, s)
		if s.Reason != nil {
			steps[i].Reason = s.Reason.String()
		}
	}
	return steps, done, nil
}

// Execute carries the plan out. The caller has begun, and planned since.
func (e *Engine) Execute(ctx context.Context, p *Plan, opts install.Options, progress func(fetch.Progress)) (*install.Result, error) {
	opts.Kind, opts.Summary, opts.User = p.Request.kind(), p.Request.summary(), p.Request.User
	opts.Purge, opts.Force, opts.Wishes = p.Request.Purge, p.Request.Force, p.wishes
	if !p.Changes() {
		return nil, e.Root.SaveWishes(p.wishes) // asked for what was there already
	}
	if err := e.checkParams(p); err != nil {
		return nil, err
	}
	steps, done, err := e.open(ctx, p, progress)
	if err != nil {
		return nil, err
	}
	defer done()
	return install.Apply(ctx, e.Root, steps, opts)
}

// params are the parameters of a step's actions: those that an earlier version
// was given and, for what the request names, those that come with it.
func (e *Engine) params(p *Plan, s plan.Step) map[string]string {
	all := map[string]string{}
	if rec, err := e.Root.Record(s.Name()); err == nil {
		maps.Copy(all, rec.Params)
	}
	if s.To != nil && p.named(s.To) {
		maps.Copy(all, p.Request.Params)
	}
	return all
}

// named reports whether the request names the package, or its file.
func (p *Plan) named(to *plan.Package) bool {
	return p.cands[to.Index].file != nil ||
		slices.ContainsFunc(p.Request.Install, func(r control.Relation) bool { return r.Name == to.Name })
}

// checkParams holds that what packages require was given, now or before.
func (e *Engine) checkParams(p *Plan) error {
	for _, s := range p.Steps {
		if s.To == nil || s.Op == plan.Keep {
			continue
		}
		c, given := p.cands[s.To.Index].Entry.Control, e.params(p, s)
		for _, name := range c.RequiredParams {
			if given[name] == "" {
				return muster.WithHint(muster.Errorf(muster.Invalid, "%s requires the parameter %q", c, name),
					"muster install %s --set %s=VALUE", c.Name, name)
			}
		}
	}
	return nil
}

// Undo takes change id back, the newest for 0, when what would then be
// installed fits together. The caller has begun.
func (e *Engine) Undo(ctx context.Context, id int, opts install.Options) (*install.Result, error) {
	c, err := e.Root.Undoable()
	if id != 0 {
		c, err = e.Root.Journal().Load(id)
	}
	if err != nil {
		return nil, err
	}
	if err := e.Root.CheckUndo(c); err != nil {
		return nil, err
	}
	kept, err := e.Root.Kept(c)
	if err != nil {
		return nil, err
	}
	if err := e.fits(c.ID, kept, opts.Force); err != nil {
		return nil, err
	}
	return install.Undo(ctx, e.Root, c, opts)
}

// fits reports why the root would be broken with these versions back; a nil
// control stands for a package that leaves. Whether packages fit together is
// the question whether exactly they can be installed where nothing is.
func (e *Engine) fits(id int, back map[string]*control.Control, force bool) error {
	if force {
		return nil
	}
	recs, err := e.Root.Installed()
	if err != nil {
		return err
	}
	s, _, err := e.state(recs)
	if err != nil {
		return err
	}
	var after []plan.Package
	for _, in := range s.Installed {
		if _, changes := back[in.Name]; !changes {
			after = append(after, in.Package)
		}
	}
	for _, c := range back {
		if c != nil {
			after = append(after, plan.FromControl(c, e.Root.Config.Platform))
		}
	}
	var req plan.Request
	for i := range after {
		after[i].Barred = ""
		req.Install = append(req.Install, control.Relation{Name: after[i].Name, Constraint: version.Exactly(after[i].Version)})
	}
	if _, err := plan.Solve(plan.Problem{Pool: plan.NewPool(plan.Rules{}, after), Request: req}); err != nil {
		return muster.WithHint(muster.Errorf(muster.Conflict, "without change %d packages would not fit together: %w", id, err),
			"undo what came after it first (muster history), or give --force")
	}
	return nil
}
