package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster/control"
	"muster/internal/engine"
	"muster/internal/plan"
)

func planCommand(a *app) *cobra.Command {
	var exitCode bool
	req := engine.Request{}
	cmd := &cobra.Command{
		Use:   "plan [upgrade [PACKAGE...] | install PACKAGE... | remove PACKAGE...]",
		Short: "Show what a change would do, and why",
		Long: `Show every step of a change with its reason, without changing anything. Without
arguments the change is an upgrade of everything.`,
		Example:   "  muster plan\n  muster plan install 'age>=1.3'\n  muster plan remove jq --json",
		ValidArgs: []string{"upgrade", "install", "remove"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := planRequest(&req, args); err != nil {
				return err
			}
			return a.plan(req, exitCode)
		},
	}
	a.rootFlags(cmd)
	cmd.Flags().BoolVar(&req.Autoremove, "autoremove", false, "also remove what nothing needs any more")
	cmd.Flags().BoolVar(&req.Force, "force", false, "allow removals that the request did not ask for")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 3 when there is nothing to do")
	return cmd
}

func planRequest(req *engine.Request, args []string) error {
	if len(args) == 0 {
		req.Upgrade = true
		return nil
	}
	switch args[0] {
	case "upgrade":
		req.Upgrade, req.Only = true, args[1:]
		return nil
	case "install":
		return targets(req, args[1:])
	case "remove":
		for _, name := range args[1:] {
			if err := control.CheckName(name); err != nil {
				return usageError{err}
			}
		}
		req.Remove = args[1:]
		return nil
	}
	return usagef("plan what? %q is not upgrade, install or remove", args[0])
}

// stepFact is the JSON form of a step.
type stepFact struct {
	Op     string       `json:"op"`
	Name   string       `json:"name"`
	From   string       `json:"from,omitempty"`
	To     string       `json:"to,omitempty"`
	Repo   string       `json:"repository,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Chain  *plan.Reason `json:"because,omitempty"`
}

// planFact is the JSON form of a plan.
type planFact struct {
	Steps    []stepFact `json:"steps"`
	Download int64      `json:"download-bytes"`
	Grow     int64      `json:"installed-bytes"`
	Skipped  []string   `json:"skipped,omitempty"`
	Held     []string   `json:"held,omitempty"` // newer versions that rollouts hold, and why
	// LeftOut are assignments that cannot be had beside those of higher precedence.
	LeftOut []leftOutFact `json:"left-out,omitempty"`
}

func (a *app) plan(req engine.Request, exitCode bool) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	p, err := e.Plan(req)
	if err != nil {
		return err
	}
	defer p.Close()
	err = a.answer(factOf(p), func() error {
		if p.Changes() {
			a.showPlan(a.out, p)
		} else {
			a.showKept(a.out, p)
			a.print("nothing to do")
		}
		return nil
	})
	if err == nil && exitCode && !p.Changes() {
		return errNothing
	}
	return err
}

func factOf(p *engine.Plan) planFact {
	fact := planFact{Steps: []stepFact{}, Download: p.Download, Grow: p.Grow, Skipped: p.Skipped, Held: p.Held, LeftOut: leftOutOf(p.Unmet)}
	for _, s := range p.Steps {
		f := stepFact{Op: string(s.Op), Name: s.Name(), Chain: s.Reason}
		if s.From != nil {
			f.From = s.From.Version
		}
		if s.To != nil {
			f.To, f.Repo = s.To.Version, s.To.Repo
		}
		if s.Reason != nil {
			f.Reason = s.Reason.String()
		}
		fact.Steps = append(fact.Steps, f)
	}
	return fact
}

// showPlan prints the steps with their reasons, and what they cost.
func (a *app) showPlan(w io.Writer, p *engine.Plan) {
	if a.quiet && w == a.err {
		return
	}
	a.showKept(w, p)
	width := 0
	for _, s := range p.Steps {
		if s.Op != plan.Keep {
			width = max(width, len(stepText(s)))
		}
	}
	for _, s := range p.Steps {
		if s.Op == plan.Keep {
			continue
		}
		reason := ""
		if s.Reason != nil {
			reason = s.Reason.String()
		}
		line(w, "  %s %-*s  %s", verbOf(s.Op), width, stepText(s), reason)
	}
	var cost []string
	if p.Download > 0 {
		cost = append(cost, size(p.Download)+" to fetch")
	}
	switch {
	case p.Grow > 0:
		cost = append(cost, size(p.Grow)+" more on disk")
	case p.Grow < 0:
		cost = append(cost, size(-p.Grow)+" less on disk")
	}
	if len(cost) > 0 {
		line(w, "  %s", strings.Join(cost, ", "))
	}
}

// showKept prints what was asked for earlier and cannot be had, and why
// packages stay at their version.
func (a *app) showKept(w io.Writer, p *engine.Plan) {
	if a.quiet && w == a.err {
		return
	}
	for _, f := range p.Failed {
		line(w, "  again     %s %s: failed %s before: %s", f.Name, f.Version, count(f.Count, "time"), f.Error)
	}
	for _, u := range leftOutOf(p.Unmet) {
		line(w, "  left out  %s: %s", u.By, u.Reason)
	}
	for _, s := range p.Skipped {
		line(w, "  skipped   %s", s)
	}
	for _, s := range p.Held {
		line(w, "  held      %s", s)
	}
	for _, s := range p.Steps {
		if s.Op == plan.Keep && s.Reason != nil {
			line(w, "  %s %s: %s", verbOf("keep"), stepText(s), s.Reason)
		}
	}
}

func stepText(s plan.Step) string {
	switch {
	case s.To == nil:
		return s.Name() + " " + s.From.Version
	case s.From == nil || s.From.Version == s.To.Version:
		return s.Name() + " " + s.To.Version
	}
	return s.Name() + " " + s.From.Version + " -> " + s.To.Version
}
