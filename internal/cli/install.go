package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
	"muster/internal/agent"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/internal/task"
)

func installCommand(a *app) *cobra.Command {
	var req engine.Request
	var set []string
	cmd := &cobra.Command{
		Use:   "install PACKAGE[=VERSION]|FILE...",
		Short: "Install packages, with what they need",
		Long: `Install packages, by name from the repositories or from package files, with
everything they depend on: as a whole, or not at all. The plan is shown first.

A version goes down only when it is named: PACKAGE=VERSION.`,
		Example: "  muster install age\n  muster install 'age>=1.3' jq=1.7-1\n  muster install ./age_1.3.2-1_linux_amd64.mpk",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if req.Params, err = params(set); err != nil {
				return err
			}
			if err := targets(&req, args); err != nil {
				return err
			}
			return a.carryOut(cmd.Context(), req, false)
		},
		ValidArgsFunction: a.completePackages,
	}
	a.changeFlags(cmd)
	cmd.Flags().StringArrayVar(&set, "set", nil, "name=value: a parameter for the package's actions")
	cmd.Flags().BoolVar(&req.Reinstall, "reinstall", false, "install again what is there, mending damaged files")
	cmd.Flags().BoolVar(&req.Force, "force", false, "allow removals that the request did not ask for")
	return cmd
}

func removeCommand(a *app) *cobra.Command {
	var req engine.Request
	cmd := &cobra.Command{
		Use:     "remove PACKAGE...",
		Aliases: []string{"uninstall"},
		Short:   "Remove packages, and what depends on them",
		Long: `Remove packages and what depends on them, as a whole or not at all. The plan is
shown first. Configuration files that somebody edited are kept beside their
place as .muster-save, unless --purge is given.`,
		Example: "  muster remove age\n  muster remove --autoremove --purge server",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Remove = args
			for _, name := range args {
				if err := control.CheckName(name); err != nil {
					return usageError{err}
				}
			}
			return a.carryOut(cmd.Context(), req, false)
		},
		ValidArgsFunction: a.completeInstalled,
	}
	a.changeFlags(cmd)
	cmd.Flags().BoolVar(&req.Autoremove, "autoremove", false, "also remove what was needed only by removed packages")
	cmd.Flags().BoolVar(&req.Purge, "purge", false, "do not keep edited configuration files")
	cmd.Flags().BoolVar(&req.Force, "force", false, "remove essential packages too")
	return cmd
}

func upgradeCommand(a *app) *cobra.Command {
	req := engine.Request{Upgrade: true}
	var exitCode bool
	cmd := &cobra.Command{
		Use:   "upgrade [PACKAGE...]",
		Short: "Bring packages to their newest versions",
		Long: `Bring all packages, or those named, to the newest versions that the
repositories have, and try again what failed before: as a whole, or not at
all. The plan is shown first. Look for news with muster update before.`,
		Example: "  muster update && muster upgrade --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Only = args
			return a.carryOut(cmd.Context(), req, exitCode)
		},
		ValidArgsFunction: a.completeInstalled,
	}
	a.changeFlags(cmd)
	cmd.Flags().BoolVar(&req.Autoremove, "autoremove", false, "also remove what nothing needs any more")
	cmd.Flags().BoolVar(&req.Force, "force", false, "allow removals")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 3 when there is nothing to do")
	return cmd
}

// params reads name=value words.
func params(set []string) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range set {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, usagef("--set %q is not name=value", s)
		}
		m[name] = value
	}
	return m, nil
}

// targets sorts arguments into relations and package files.
func targets(req *engine.Request, args []string) error {
	for _, arg := range args {
		if isFile(arg) {
			req.Files = append(req.Files, arg)
			continue
		}
		rel, err := control.ParseRelation(arg)
		if err != nil {
			return usageError{err}
		}
		req.Install = append(req.Install, rel)
	}
	return nil
}

func isFile(arg string) bool {
	if strings.HasSuffix(arg, ".mpk") {
		return true
	}
	info, err := os.Stat(arg)
	return strings.ContainsAny(arg, `/\`) && err == nil && !info.IsDir()
}

// carryOut plans, shows the plan, asks, and does it.
func (a *app) carryOut(ctx context.Context, req engine.Request, exitCode bool) error {
	req.User = whoami()
	if wish, ok := wishOf(&req); ok {
		if asked, err := a.byAgent(ctx, wish); asked || err != nil {
			return err
		}
	}
	return a.change(ctx, func(e *engine.Engine) error {
		p, err := e.Plan(req)
		if err != nil {
			return err
		}
		defer p.Close()
		if !p.Changes() {
			return a.nothing(ctx, e, p, exitCode)
		}
		a.showPlan(a.err, p)
		if !a.ask("Carry it out?") {
			return muster.Errorf(muster.Conflict, "nothing was changed")
		}
		return a.execute(ctx, e, p)
	})
}

// wishOf is what the agent could be asked instead: names of packages, without
// what only an administrator may say.
func wishOf(req *engine.Request) (w agent.Wish, ok bool) {
	if len(req.Files) > 0 || len(req.Params) > 0 || req.Force || req.Purge || req.Reinstall || len(req.Only) > 0 {
		return w, false
	}
	for _, rel := range req.Install {
		w.Install = append(w.Install, rel.String())
	}
	w.Remove, w.Upgrade = req.Remove, req.Upgrade
	return w, true
}

func (a *app) nothing(ctx context.Context, e *engine.Engine, p *engine.Plan, exitCode bool) error {
	if _, err := e.Execute(ctx, p, a.installOptions(), nil); err != nil {
		return err
	}
	a.showKept(a.err, p)
	err := a.answer(changeFact{State: "nothing"}, func() error {
		a.talk("nothing to do")
		return nil
	})
	if err == nil && exitCode {
		return errNothing
	}
	return err
}

// changeFact is the JSON answer of what changes a root.
type changeFact struct {
	Change int               `json:"change,omitempty"`
	State  string            `json:"state"`
	Steps  []install.Summary `json:"steps,omitempty"`
	Notes  []string          `json:"notes,omitempty"`
	Reboot bool              `json:"reboot,omitempty"`
}

func (a *app) execute(ctx context.Context, e *engine.Engine, p *engine.Plan) error {
	var get *meter
	opts := a.installOptions()
	notify := opts.Notify
	opts.Notify = func(t *task.Task) {
		get.end() // everything is fetched when the first task begins
		notify(t)
	}
	res, err := e.Execute(ctx, p, opts, a.fetching(&get, p.Download))
	get.end()
	return a.report(e, res, err)
}

// fetching returns a progress callback that sums the files of one plan.
func (a *app) fetching(m **meter, total int64) func(fetch.Progress) {
	done := map[string]int64{}
	var mu sync.Mutex // several files come at a time
	return func(p fetch.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if *m == nil {
			*m = a.meter("fetched", total)
		}
		(*m).add(p.Done - done[p.File])
		done[p.File] = p.Done
	}
}

// report tells what a change did.
func (a *app) report(e *engine.Engine, res *install.Result, err error) error {
	if err != nil {
		if res != nil && res.Change != nil {
			err = a.failure(e, res, err)
		}
		return err
	}
	fact := changeFact{Change: res.Change.ID, State: "done", Steps: res.Steps, Notes: res.Notes, Reboot: res.Reboot}
	return a.answer(fact, func() error {
		for _, note := range res.Notes {
			a.talk("note: %s", note)
		}
		if res.Reboot {
			a.talk("note: a restart of the machine is needed")
		}
		a.talk("change %d is done; muster undo %d%s takes it back", res.Change.ID, res.Change.ID, a.rootArg())
		return nil
	})
}

// failure says what a failed change leaves.
func (a *app) failure(e *engine.Engine, res *install.Result, err error) error {
	for _, note := range res.Notes {
		a.talk("note: %s", note)
	}
	if !res.Change.Finished() {
		return err
	}
	what := fmt.Errorf("change %d failed and was taken back: %w", res.Change.ID, err)
	if muster.HintOf(err) != "" {
		return what
	}
	var steps []string
	for _, t := range res.Change.Tasks {
		if t.Kind == "hook" && t.Error != "" {
			steps = append(steps, t.Summary)
		}
	}
	if len(steps) > 0 {
		return muster.WithHint(what, "muster history %d%s shows the output; muster upgrade tries again", res.Change.ID, a.rootArg())
	}
	return what
}

// completePackages completes names of available packages.
func (a *app) completePackages(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	e, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names, _ := e.Names()
	return withPrefix(names, prefix), cobra.ShellCompDirectiveDefault
}

// completeInstalled completes names of installed packages.
func (a *app) completeInstalled(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	e, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	recs, _ := e.Root.Installed()
	var names []string
	for _, r := range recs {
		names = append(names, r.Control.Name)
	}
	return withPrefix(names, prefix), cobra.ShellCompDirectiveNoFileComp
}

func withPrefix(names []string, prefix string) []string {
	var all []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			all = append(all, n)
		}
	}
	return all
}

// verbOf prints a step's operation in a fixed width.
func verbOf(op plan.Op) string { return fmt.Sprintf("%-9s", op) }
