package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
	"muster/internal/engine"
	"muster/internal/plan"
	"muster/version"
)

func whyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why PACKAGE",
		Short: "Say why a package is installed",
		Long: `Say who wants a package, and on a host that a server manages who decides: what is
assigned, the highest precedence first, and what is left out for it.`,
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
	fact := whyFact{Reasons: reasons}
	if fact.Precedence, err = e.Precedence(); err != nil {
		return err
	}
	if fact.LeftOut, err = leftOut(e, name); err != nil {
		return err
	}
	return a.answer(fact, func() error {
		for _, r := range reasons {
			a.print("%s is %s", name, sentence(r.String()))
		}
		if len(reasons) == 0 {
			a.print("%s is needed by nothing; muster remove --autoremove would take it along", name)
		}
		for _, u := range fact.LeftOut {
			a.print("%s is left out: %s", u.By, u.Reason)
		}
		if len(fact.Precedence) > 1 {
			a.print("who decides, the first before the others: %s", strings.Join(fact.Precedence, ", "))
		}
		return nil
	})
}

// whyFact is the JSON form of why.
type whyFact struct {
	Reasons    []*plan.Reason `json:"reasons"`
	LeftOut    []leftOutFact  `json:"left-out,omitempty"`   // assignments that have to do with it
	Precedence []string       `json:"precedence,omitempty"` // who assigns something here, the highest first
}

// leftOutFact is an assignment that cannot be had beside those before it.
type leftOutFact struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

func leftOutOf(all []plan.Unmet) (facts []leftOutFact) {
	for _, u := range all {
		facts = append(facts, leftOutFact{u.By, strings.ReplaceAll(u.Err.Error(), "\n", "; ")})
	}
	return facts
}

// leftOut lists the assignments that an upgrade leaves out because of the package
// of that name, or that are about it.
func leftOut(e *engine.Engine, name string) (facts []leftOutFact, _ error) {
	all, err := e.Contradicted()
	for _, f := range leftOutOf(all) {
		isName := func(c rune) bool { return control.CheckName("a"+string(c)) != nil }
		if slices.Contains(strings.FieldsFunc(f.By+" "+f.Reason, isName), name) {
			facts = append(facts, f)
		}
	}
	return facts, err
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
	fact := whyNotFact{Answer: answer}
	if fact.LeftOut, err = leftOut(e, rel.Name); err != nil {
		return err
	}
	return a.answer(fact, func() error {
		for _, s := range answer.Sentences {
			a.print("%s", s)
		}
		for _, u := range fact.LeftOut {
			a.print("%s is left out: %s", u.By, u.Reason)
		}
		for _, h := range answer.Hints {
			a.print("hint: %s", h)
		}
		return nil
	})
}

// whyNotFact is the JSON form of why-not.
type whyNotFact struct {
	*plan.Answer
	LeftOut []leftOutFact `json:"left-out,omitempty"`
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
