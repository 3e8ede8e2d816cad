package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
	"muster/internal/engine"
	"muster/version"
)

func whyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "why PACKAGE",
		Short:             "Say why a package is installed",
		Example:           "  muster why libfoo",
		Args:              cobra.ExactArgs(1),
		RunE:              func(_ *cobra.Command, args []string) error { return a.why(args[0]) },
		ValidArgsFunction: a.completeInstalled,
	}
	a.rootFlags(cmd)
	return cmd
}

func (a *app) why(name string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	reasons, err := e.Why(name)
	if err != nil {
		return err
	}
	return a.answer(reasons, func() error {
		for _, r := range reasons {
			a.print("%s is %s", name, sentence(r.String()))
		}
		if len(reasons) == 0 {
			a.print("%s is needed by nothing; muster remove --autoremove would take it along", name)
		}
		return nil
	})
}

// sentence lets a reason follow "is".
func sentence(reason string) string {
	return strings.TrimPrefix(reason, "is ")
}

func whyNotCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "why-not PACKAGE[=VERSION]",
		Short:             "Say why a package is not installed, or not newer",
		Example:           "  muster why-not 'age>=2'",
		Args:              cobra.ExactArgs(1),
		RunE:              func(_ *cobra.Command, args []string) error { return a.whyNot(args[0]) },
		ValidArgsFunction: a.completePackages,
	}
	a.rootFlags(cmd)
	return cmd
}

func (a *app) whyNot(arg string) error {
	rel, err := control.ParseRelation(arg)
	if err != nil {
		return usageError{err}
	}
	e, err := a.open()
	if err != nil {
		return err
	}
	answer, err := e.WhyNot(rel)
	if err != nil {
		return err
	}
	return a.answer(answer, func() error {
		for _, s := range answer.Sentences {
			a.print("%s", s)
		}
		for _, h := range answer.Hints {
			a.print("hint: %s", h)
		}
		return nil
	})
}

func pinCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pin PACKAGE=VERSION|'PACKAGE<VERSION'|PACKAGE",
		Short: "Hold a package to versions",
		Long: `Hold a package to a version or a range; without one, to the version that is
installed. Upgrades keep to the pin, and go down to it where need be.`,
		Example:           "  muster pin age=1.3.1-1\n  muster pin 'age<2'",
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pin(cmd, args) },
		ValidArgsFunction: a.completeInstalled,
	}
	a.changeFlags(cmd)
	return cmd
}

func (a *app) pin(cmd *cobra.Command, args []string) error {
	return a.wishes(cmd, func(e *engine.Engine, w wishes) error {
		for _, arg := range args {
			rel, err := control.ParseRelation(arg)
			if err != nil {
				return usageError{err}
			}
			if rel.Constraint.IsZero() {
				rec, err := e.Root.Record(rel.Name)
				if err != nil {
					return muster.WithHint(err, "muster pin %s=VERSION", rel.Name)
				}
				rel.Constraint = version.Exactly(rec.Control.Version)
			}
			w.Pin(rel.Name, rel.Constraint)
			a.talk("%s is held to %s; muster unpin %s lets it go", rel.Name, rel.Constraint, rel.Name)
		}
		return nil
	})
}

func unpinCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "unpin PACKAGE...",
		Short:             "Let a pinned package go",
		Example:           "  muster unpin age && muster upgrade",
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.unpin(cmd, args) },
		ValidArgsFunction: a.completeInstalled,
	}
	a.changeFlags(cmd)
	return cmd
}

func (a *app) unpin(cmd *cobra.Command, args []string) error {
	return a.wishes(cmd, func(_ *engine.Engine, w wishes) error {
		for _, name := range args {
			if !w.Unpin(name) {
				return muster.Errorf(muster.NotFound, "%s is not pinned", name)
			}
		}
		return nil
	})
}

// wishes is what may be edited without a change of packages.
type wishes interface {
	Pin(name string, c version.Constraint)
	Unpin(name string) bool
}

func (a *app) wishes(cmd *cobra.Command, edit func(*engine.Engine, wishes) error) error {
	return a.change(cmd.Context(), func(e *engine.Engine) error {
		w, err := e.Root.Wishes()
		if err != nil {
			return err
		}
		if err := edit(e, w); err != nil {
			return err
		}
		return e.Root.SaveWishes(w)
	})
}
