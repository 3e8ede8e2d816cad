package engine

import (
	"slices"
	"strings"

	"muster"
	"muster/control"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/version"
)

// A Request is what a person asks of a root.
type Request struct {
	Install    []control.Relation
	Remove     []string
	Upgrade    bool     // everything
	Only       []string // with Upgrade: these alone
	Files      []string // package files; what they hold is installed
	Autoremove bool
	Reinstall  bool
	Force      bool
	Purge      bool
	Params     map[string]string
	User       string // who asks, for history
}

// kind names the change in history.
func (r *Request) kind() string {
	switch {
	case r.Upgrade:
		return "upgrade"
	case len(r.Remove) > 0 && len(r.Install) == 0 && len(r.Files) == 0:
		return "remove"
	}
	return "install"
}

func (r *Request) summary() string {
	var words []string
	for _, rel := range r.Install {
		words = append(words, rel.String())
	}
	words = append(append(append(words, r.Files...), r.Only...), r.Remove...)
	if r.Upgrade && len(words) == 0 {
		return "upgrade of everything"
	}
	return r.kind() + " " + strings.Join(words, ", ")
}

// A Plan is what would be done, and everything needed to do it.
type Plan struct {
	*plan.Plan
	Request  Request
	Download int64             // bytes that are not in the cache
	Grow     int64             // bytes that the root will grow by; negative: shrink
	Failed   []install.Failure // earlier failures that this plan tries again
	Skipped  []string          // sentences: what was asked for earlier and cannot be had
	Held     []string          // sentences: newer versions that rollouts hold
	*offer
	wishes *install.Wishes // as they will be
}

// Changes reports whether the plan changes any package.
func (p *Plan) Changes() bool { return !p.Plan.Empty() }

// Close closes the files that the request named.
func (p *Plan) Close() { p.close() }

// Plan works out what the request changes. Nothing is fetched and nothing
// written. The caller closes the plan.
func (e *Engine) Plan(req Request) (*Plan, error) {
	recs, err := e.Root.Installed()
	if err != nil {
		return nil, err
	}
	o, err := e.offered(req.Files, e.settings(recs))
	if err != nil {
		return nil, err
	}
	p := &Plan{Request: req, offer: o}
	state, wishes, err := e.state(recs)
	if err != nil {
		p.Close()
		return nil, err
	}
	problem := plan.Problem{Pool: o.pool(), State: state, Request: plan.Request{
		Install: req.Install, Remove: req.Remove, Upgrade: req.Only, UpgradeAll: req.Upgrade && len(req.Only) == 0,
		Autoremove: req.Autoremove, Reinstall: req.Reinstall, Force: req.Force}}
	problem.Request.Wanted = e.wanted(o, state, problem.Request.UpgradeAll)
	// What nothing needs any more leaves a managed root with what brought it.
	problem.Request.Autoremove = req.Autoremove || problem.Request.UpgradeAll && e.managed()
	for _, c := range o.cands {
		if c.file != nil {
			exactly := control.Relation{Name: c.Entry.Name, Constraint: version.Exactly(c.Entry.Version)}
			problem.Request.Install = append(problem.Request.Install, exactly)
		}
	}
	if err := e.solve(p, problem, wishes); err != nil {
		p.Close()
		return nil, e.explain(err)
	}
	p.wishes = wishes
	p.wish(wishes)
	p.Held = o.heldBack(state)
	if err := p.sizes(e); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// solve plans. An upgrade of everything also tries again what failed before;
// what cannot be had any more must not keep the rest from being upgraded.
func (e *Engine) solve(p *Plan, problem plan.Problem, wishes *install.Wishes) (err error) {
	a, unmet, err := plan.InOrder(problem)
	if err != nil {
		return err
	}
	if a.Request.UpgradeAll {
		p.Failed = wishes.Failed
		var skipped []error
		a, skipped = again(a, missing(a.State, wishes))
		for _, err := range skipped {
			p.Skipped = append(p.Skipped, strings.Split(err.Error(), "\n")...)
		}
	}
	if p.Plan, err = proved(a); err == nil {
		p.Unmet = append(p.Unmet, unmet...)
	}
	return err
}

// proved plans, and has the plan proved right by the checker that shares
// nothing with the solver: what follows changes a machine.
func proved(a plan.Answered) (p *plan.Plan, err error) {
	if p = a.Plan; p == nil {
		if p, err = plan.Solve(a.Problem); err != nil {
			return nil, err
		}
	}
	if err := plan.Check(a.Problem, p); err != nil {
		return nil, muster.Errorf(muster.Internal, "the plan is wrong, which is a defect of muster: %w\n%s", err, p)
	}
	return p, nil
}

// explain adds what a person who never updated needs to hear.
func (e *Engine) explain(err error) error {
	if muster.KindOf(err) != muster.NotFound && muster.KindOf(err) != muster.Conflict {
		return err
	}
	for _, c := range e.Clients {
		if c.Head() == nil {
			return muster.WithHint(err, "muster update --root %s", e.Root.Dir)
		}
	}
	return err
}

// wish turns w into what is asked of the root after the plan.
func (p *Plan) wish(w *install.Wishes) {
	for _, name := range p.Request.Remove {
		w.Forget(name)
	}
	for _, s := range p.Steps {
		switch {
		case s.Op == plan.Remove && p.Request.Upgrade && !p.Request.Force:
			// A person's wish that an assignment excludes waits until it does not.
			w.Assign(s.Name(), "")
			w.Succeeded(s.Name())
		case s.Op == plan.Remove:
			w.Forget(s.Name())
		case s.How == plan.Explicit && !w.IsWanted(s.Name()):
			// Without the version: that was for once, a pin would hold it.
			w.Want(control.Relation{Name: s.Name()})
		case s.How == plan.Assigned:
			w.Assign(s.Name(), s.By)
		case s.How == plan.Implicit:
			w.Assign(s.Name(), "")
		}
	}
}

// sizes reads the entries that the plan chose, and sums what it costs.
func (p *Plan) sizes(e *Engine) error {
	for _, s := range p.Steps {
		if s.Op == plan.Keep {
			continue
		}
		if s.From != nil {
			if rec, err := e.Root.Record(s.Name()); err == nil {
				p.Grow -= rec.Size
			}
		}
		if s.To == nil {
			continue
		}
		if err := p.chosen(s.To.Index); err != nil {
			return err
		}
		c := &p.cands[s.To.Index]
		p.Grow += c.Entry.InstalledSize
		if c.Client != nil && !e.cached(c) {
			p.Download += c.Entry.Size
		}
	}
	return nil
}

// Contradicted lists the assignments that the next upgrade leaves out, because
// they cannot be had beside those of higher precedence.
func (e *Engine) Contradicted() ([]plan.Unmet, error) {
	p, err := e.Plan(Request{Upgrade: true})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Unmet, nil
}

// Precedence lists who assigns something to this root, the highest first.
func (e *Engine) Precedence() ([]string, error) {
	p, err := e.problem()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, w := range p.Request.Wanted {
		all = append(all, w.By)
	}
	return slices.Compact(all), nil
}

// Problem is the planning problem of the root as it is, for questions.
func (e *Engine) problem() (plan.Problem, error) {
	recs, err := e.Root.Installed()
	if err != nil {
		return plan.Problem{}, err
	}
	o, err := e.offered(nil, e.settings(recs))
	if err != nil {
		return plan.Problem{}, err
	}
	state, _, err := e.state(recs)
	if err != nil {
		return plan.Problem{}, err
	}
	p := plan.Problem{Pool: o.pool(), State: state}
	p.Request.Wanted, p.Request.SkipUnmet = e.wanted(o, state, true), true
	return p, nil
}

// Why says why the package is installed.
func (e *Engine) Why(name string) ([]*plan.Reason, error) {
	p, err := e.problem()
	if err != nil {
		return nil, err
	}
	return plan.Why(p, name)
}

// WhyNot says why what the relation names is not installed.
func (e *Engine) WhyNot(rel control.Relation) (*plan.Answer, error) {
	p, err := e.problem()
	if err != nil {
		return nil, err
	}
	a, err := plan.WhyNot(p, rel)
	return a, e.explain(err)
}
