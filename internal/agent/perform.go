package agent

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/action"
	"muster/control"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/internal/script"
	"muster/internal/task"
)

// perform does what an action says, and says what came of it; nil is that the machine
// is about to stop.
func (a *acting) perform(ctx context.Context, m *action.Message, d *deed, t *telling) *action.Result {
	by := "action " + d.ID[:8] + " of " + cut(m.Signers[0].Signer.Subject.CommonName, 100)
	act := m.Action
	r, err := new(action.Result), error(nil)
	switch act.Kind {
	case action.Update, action.Inventory:
		err = a.round(ctx, act.Kind == action.Inventory, t)
	case action.Upgrade, action.Install, action.Remove:
		err = a.change(ctx, act, by, d, r, t)
	case action.Undo:
		err = a.undo(ctx, act, by, d, r, t)
	case action.Check:
		err = a.check(ctx, act.Packages, r, t)
	case action.Audit:
		err = a.audit(ctx, act.Packages, by, r, t)
	case action.Run:
		err = a.run(ctx, act, t)
	case action.Cancel:
		var text string
		if text, err = a.ledger.cancel(act.Arguments["id"], a.sign); err == nil {
			t.line(text)
		}
	case action.Reboot:
		if err = a.restart(ctx, t); err == nil {
			return nil
		}
	default:
		err = muster.Errorf(muster.Invalid, "this agent knows no %s", act.Kind)
	}
	r.State = action.Done
	if err != nil {
		r.State, r.Text = action.Failed, err.Error()
		if hint := muster.HintOf(err); hint != "" {
			r.Text += "\nhint: " + hint
		}
	}
	return r
}

// round looks for news, and with collect at the whole machine.
func (a *acting) round(ctx context.Context, collect bool, t *telling) error {
	j := a.Job
	j.Update, j.Collect, j.Package = true, collect, ""
	j.Log = func(format string, args ...any) { t.line(fmt.Sprintf(format, args...)) }
	out, err := Round(ctx, j)
	if err != nil {
		return err
	}
	a.out.Orders = append(a.out.Orders, out.Orders...)
	if out.Upgrade != nil {
		for _, s := range out.Upgrade.Steps {
			t.line("an upgrade would " + s)
		}
	}
	return errors.Join(out.Problem.Err(), out.Offline.Err())
}

// change has packages be installed, upgraded or removed, as if a person asked on the
// machine: maintenance windows are for what the agent does by itself.
func (a *acting) change(ctx context.Context, act *action.Action, by string, d *deed, r *action.Result, t *telling) error {
	a.out.Changed = true
	req := engine.Request{User: by, Upgrade: act.Kind == action.Upgrade}
	for _, p := range act.Packages {
		rel, err := control.ParseRelation(p)
		if err != nil {
			return err
		}
		switch act.Kind {
		case action.Install:
			req.Install = append(req.Install, rel)
		case action.Remove:
			req.Remove = append(req.Remove, p)
		default:
			req.Only = append(req.Only, p)
		}
	}
	j := a.Job
	j.Log = func(format string, args ...any) { t.line(fmt.Sprintf(format, args...)) }
	res, err := Execute(ctx, Change{Request: req, Job: j, Close: patience, Notify: t.line, Progress: func(fetch.Progress) {}})
	a.changed(res, d, r)
	if err == nil && res == nil {
		t.line("there was nothing to do")
	}
	return err
}

// changed notes what a change of the root did.
func (a *acting) changed(res *install.Result, d *deed, r *action.Result) {
	if res == nil {
		return
	}
	if res.Change != nil {
		d.Change = res.Change.ID
	}
	for _, s := range res.Steps {
		r.Changes = append(r.Changes, action.Change{Op: s.Op, Name: s.Name, From: s.From, To: s.To})
	}
}

// undo takes back a change: the newest, one by its number, or that of an action.
func (a *acting) undo(ctx context.Context, act *action.Action, by string, d *deed, r *action.Result, t *telling) error {
	a.out.Changed = true
	n := 0
	if text := act.Arguments["change"]; text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			return err
		}
	}
	if id := act.Arguments["action"]; id != "" {
		of, err := a.ledger.get(id)
		if err != nil {
			return err
		}
		if of == nil || of.Change == 0 {
			return muster.Errorf(muster.NotFound, "action %s changed nothing on this host", id)
		}
		n = of.Change
	}
	opts := install.Options{User: by, Notify: func(k *task.Task) { t.line(k.Summary) }, Log: t}
	_, end, err := a.engine.Begin(ctx, a.Wait, opts)
	if err != nil {
		return err
	}
	defer end()
	res, err := a.engine.Undo(ctx, n, opts)
	a.changed(res, d, r)
	return err
}

// check compares files with manifests.
func (a *acting) check(ctx context.Context, packages []string, r *action.Result, t *telling) error {
	c, err := install.Check(ctx, a.engine.Root, packages, install.CheckOptions{Verify: a.engine.VerifyRecord})
	if err != nil {
		return err
	}
	r.Status = muster.OK
	for _, f := range c.Findings {
		t.line(f.String())
		if f.Damage() {
			r.Status = muster.Error
		}
	}
	t.line(fmt.Sprintf("%d packages and %d files read, %d differences", c.Packages, c.Files, len(c.Findings)))
	return nil
}

// audit runs the audits of packages.
func (a *acting) audit(ctx context.Context, packages []string, by string, r *action.Result, t *telling) error {
	a.out.Changed = true
	_, end, err := a.engine.Begin(ctx, a.Wait, install.Options{User: by})
	if err != nil {
		return err
	}
	defer end()
	all, err := a.engine.Audit(ctx, packages)
	r.Status = muster.OK
	for _, p := range all {
		t.line(strings.TrimRight(fmt.Sprintf("%s: %s %s", p.Name, p.Status, strings.TrimSpace(p.Output)), " "))
		if p.Status == muster.Error || p.Status == muster.Warning && r.Status == muster.OK {
			r.Status = p.Status
		}
	}
	return err
}

// run runs a script that somebody signed: code, with all rights of the agent, in the
// bounds of package script. No other change of the root is made meanwhile.
func (a *acting) run(ctx context.Context, act *action.Action, t *telling) error {
	a.out.Changed = true
	_, end, err := a.engine.Begin(ctx, a.Wait, install.Options{User: "agent"})
	if err != nil {
		return err
	}
	defer end()
	res, err := script.Run(ctx, script.Request{File: "action " + act.ID[:8], Source: []byte(act.Script), Hook: script.RunHook, Params: act.Arguments,
		Root: a.engine.Root.Dir, Area: a.engine.Root.Config.Area, Log: t})
	if err == nil && res.Value != nil {
		t.line(fmt.Sprint(res.Value))
	}
	return err
}

// restart starts the machine anew. What came of it is known when the agent starts
// again: see [ledger.recover].
func (a *acting) restart(ctx context.Context, t *telling) error {
	if a.Restart != nil {
		return a.Restart()
	}
	if !ofMachine(a.engine.Root) {
		return muster.Errorf(muster.Denied, "%q is not the machine's own root: its agent does not start the machine anew", a.engine.Root.Dir)
	}
	i := slices.IndexFunc(rebootCommands, func(c []string) bool { _, err := exec.LookPath(c[0]); return err == nil })
	if i < 0 {
		return muster.Errorf(muster.NotFound, "there is no command to start the machine anew")
	}
	out, err := exec.CommandContext(ctx, rebootCommands[i][0], rebootCommands[i][1:]...).CombinedOutput()
	t.Write(out) //nolint:errcheck // never fails
	return err
}

// ofMachine reports whether the root is that of the machine itself.
func ofMachine(r *install.Root) bool {
	return !r.Config.Area && filepath.Dir(r.Dir) == r.Dir
}
