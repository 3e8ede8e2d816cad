package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/engine"
	"muster/internal/install"
	"muster/internal/task"
)

func historyCommand(a *app) *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "history [CHANGE]",
		Short: "List changes, or show one with its output",
		Long: `List what was changed, when and by whom, newest first; or show one change with
its steps, their reasons, and the output of actions.`,
		Example: "  muster history\n  muster history 12",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.history(n)
			}
			id, err := changeID(args[0])
			if err != nil {
				return err
			}
			return a.historyOf(id)
		},
	}
	a.rootFlags(cmd)
	cmd.Flags().IntVarP(&n, "number", "n", 20, "at most so many; 0 is all")
	return cmd
}

func changeID(arg string) (int, error) {
	id, err := strconv.Atoi(arg)
	if err != nil || id < 1 {
		return 0, usagef("%q is not the number of a change; muster history lists them", arg)
	}
	return id, nil
}

// historyFact is the JSON form of a change.
type historyFact struct {
	ID       int               `json:"id"`
	Kind     string            `json:"kind"`
	Summary  string            `json:"summary"`
	User     string            `json:"user,omitempty"`
	Created  time.Time         `json:"created"`
	Ended    time.Time         `json:"ended,omitzero"`
	State    task.State        `json:"state"`
	Error    string            `json:"error,omitempty"`
	Undoes   int               `json:"undoes,omitempty"`
	UndoneBy int               `json:"undone-by,omitempty"`
	Steps    []install.Summary `json:"steps"`
	Tasks    []*task.Task      `json:"tasks,omitempty"`
}

func historyFactOf(c *task.Change) (historyFact, error) {
	steps, err := install.Steps(c)
	return historyFact{c.ID, c.Kind, c.Summary, c.User, c.Created, c.Ended, c.State, c.Error, c.Undoes, c.UndoneBy, steps, nil}, err
}

func (a *app) history(n int) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	changes, err := e.Root.Journal().Changes()
	if err != nil {
		return err
	}
	if n > 0 && len(changes) > n {
		changes = changes[:n]
	}
	facts := []historyFact{}
	for _, c := range changes {
		f, err := historyFactOf(c)
		if err != nil {
			return err
		}
		facts = append(facts, f)
	}
	return a.answer(facts, func() error {
		var rows []string
		for _, f := range facts {
			rows = append(rows, row(strconv.Itoa(f.ID), when(f.Created), f.User, stateText(&f), stepsText(f.Steps)))
		}
		return a.table(rows)
	})
}

func stateText(f *historyFact) string {
	switch {
	case f.UndoneBy != 0:
		return fmt.Sprintf("undone by %d", f.UndoneBy)
	case f.Undoes != 0:
		return fmt.Sprintf("undid %d", f.Undoes)
	}
	return string(f.State)
}

// stepsText is a short list of steps.
func stepsText(steps []install.Summary) string {
	var words []string
	for i, s := range steps {
		if i == 4 {
			words = append(words, fmt.Sprintf("and %d more", len(steps)-i))
			break
		}
		words = append(words, summaryText(s))
	}
	return strings.Join(words, ", ")
}

func summaryText(s install.Summary) string {
	switch {
	case s.To == "":
		return "-" + s.Name + " " + s.From
	case s.From == "":
		return "+" + s.Name + " " + s.To
	}
	return s.Name + " " + s.From + " -> " + s.To
}

func (a *app) historyOf(id int) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	c, err := e.Root.Journal().Load(id)
	if err != nil {
		return err
	}
	f, err := historyFactOf(c)
	if err != nil {
		return err
	}
	f.Tasks = c.Tasks
	return a.answer(f, func() error {
		a.print("change %d: %s", c.ID, c.Summary)
		a.print("%s by %s, %s", when(c.Created), c.User, stateText(&f))
		if c.Error != "" {
			a.print("failed: %s", c.Error)
		}
		var rows []string
		for _, s := range f.Steps {
			rows = append(rows, row("  "+summaryText(s), s.Reason))
		}
		if err := a.table(rows); err != nil {
			return err
		}
		return a.hookLogs(e, c)
	})
}

// hookLogs prints the output that actions of a change left.
func (a *app) hookLogs(e *engine.Engine, c *task.Change) error {
	for _, t := range c.Tasks {
		var h struct{ Package, Hook string }
		if t.Kind != "hook" || json.Unmarshal(t.Data, &h) != nil {
			continue
		}
		data, err := e.Root.HookLog(c.ID, h.Package, h.Hook)
		if err != nil {
			continue
		}
		a.print("%s: %s", t.Summary, t.State)
		if len(data) > 0 {
			indent(a.out, "  | ", string(data))
		}
		if t.Error != "" {
			indent(a.out, "  ", t.Error)
		}
	}
	return nil
}

func undoCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "undo [CHANGE]",
		Short: "Take a change back",
		Long: `Take the newest change back, or the one whose number is given: every file and
record is what it was before. The undo is a change itself and can be undone.

The files that a change replaced are kept for the newest changes only (5, unless
root.json says otherwise); muster clean --undo removes them.`,
		Example: "  muster undo\n  muster undo 12",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := 0
			if len(args) == 1 {
				var err error
				if id, err = changeID(args[0]); err != nil {
					return err
				}
			}
			return a.undo(cmd.Context(), id, force)
		},
	}
	a.changeFlags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "even if dependencies are broken by it")
	return cmd
}

func (a *app) undo(ctx context.Context, id int, force bool) error {
	return a.change(ctx, func(e *engine.Engine) error {
		opts := a.installOptions()
		opts.Force = force
		res, err := e.Undo(ctx, id, opts)
		if res != nil {
			for _, s := range res.Steps {
				a.talk("  %s", summaryText(s))
			}
		}
		return a.report(e, res, err)
	})
}

func resumeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Finish a change that was interrupted",
		Long: `Finish a change that a crash interrupted after its commit point, or take back
one that had not come so far. Every command that changes the root does so
before anything else; this one does nothing more.`,
		Example: "  muster resume",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd.Context(), func(e *engine.Engine) error { return nil })
		},
	}
	a.changeFlags(cmd)
	return cmd
}

func cleanCommand(a *app) *cobra.Command {
	var undo bool
	var keep int64
	cmd := &cobra.Command{
		Use:     "clean",
		Short:   "Remove downloads, and with --undo what undo needs",
		Example: "  muster clean\n  muster clean --undo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd.Context(), func(e *engine.Engine) error { return a.clean(e, keep<<20, undo) })
		},
	}
	a.changeFlags(cmd)
	cmd.Flags().BoolVar(&undo, "undo", false, "also remove replaced files: nothing can be undone then")
	cmd.Flags().Int64Var(&keep, "keep", 0, "leave so many MiB of downloads, those used last")
	return cmd
}

func (a *app) clean(e *engine.Engine, keep int64, undo bool) error {
	freed, err := e.Fetch.Clean(keep)
	if err != nil {
		return fmt.Errorf("cannot clean %q: %w", filepath.Base(e.Root.CacheDir()), err)
	}
	if undo {
		n, err := e.Root.DropUndo()
		if err != nil {
			return err
		}
		freed += n
	}
	return a.answer(map[string]int64{"freed": freed}, func() error {
		a.print("%s freed", size(freed))
		return nil
	})
}

func downloadCommand(a *app) *cobra.Command {
	var req engine.Request
	cmd := &cobra.Command{
		Use:   "download [PACKAGE[=VERSION]...]",
		Short: "Fetch packages into the cache, for a later change",
		Long: `Fetch and verify what an installation of the packages, or without names an
upgrade of everything, would fetch. The later change needs no server then.`,
		Example: "  muster download\n  muster download age",
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Upgrade = len(args) == 0
			if err := targets(&req, args); err != nil {
				return err
			}
			return a.download(cmd.Context(), req)
		},
		ValidArgsFunction: a.completePackages,
	}
	a.changeFlags(cmd)
	return cmd
}

func (a *app) download(ctx context.Context, req engine.Request) error {
	return a.change(ctx, func(e *engine.Engine) error {
		p, err := e.Plan(req)
		if err != nil {
			return err
		}
		defer p.Close()
		var get *meter
		err = e.Download(ctx, p, a.fetching(&get, p.Download))
		get.end()
		if err != nil {
			return err
		}
		return a.answer(factOf(p), func() error {
			if p.Download == 0 {
				a.print("everything is there already")
			}
			return nil
		})
	})
}
