package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/engine"
	"muster/internal/install"
)

func checkCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [PACKAGE...]",
		Short: "Compare every file with its manifest",
		Long: `Compare every file of installed packages, or of those named, with what was
signed: content, type, mode, owner. Edited configuration files are shown but are
no damage. The exit code is 1 when anything is damaged;
muster install --reinstall PACKAGE mends it.`,
		Example:           "  muster check\n  muster check age --json",
		RunE:              func(cmd *cobra.Command, args []string) error { return a.check(cmd.Context(), args) },
		ValidArgsFunction: a.completeInstalled,
	}
	a.rootFlags(cmd)
	return cmd
}

// checkFact is the JSON form of check.
type checkFact struct {
	Packages int               `json:"packages"`
	Files    int64             `json:"files"`
	Bytes    int64             `json:"bytes"`
	Damaged  int               `json:"damaged"`
	Findings []install.Finding `json:"findings"`
}

func (a *app) check(ctx context.Context, names []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	if c, err := e.Root.Journal().Unfinished(); err == nil && c != nil {
		a.talk("note: change %d was interrupted, or is under way; muster resume finishes it", c.ID)
	}
	c, err := install.Check(ctx, e.Root, names, install.CheckOptions{Verify: e.VerifyRecord})
	if err != nil {
		return err
	}
	fact := checkFact{c.Packages, c.Files, c.Bytes, 0, c.Findings}
	damaged := map[string]bool{}
	for _, f := range c.Findings {
		if f.Damage() {
			fact.Damaged++
			damaged[f.Package] = true
		}
	}
	if err := a.answer(fact, func() error {
		for _, f := range c.Findings {
			a.print("%s", f)
		}
		a.talk("%s, %s, %s read: %s", count(c.Packages, "package"), count(int(c.Files), "file"), size(c.Bytes), damageText(fact.Damaged))
		return nil
	}); err != nil {
		return err
	}
	if fact.Damaged > 0 {
		list := slices.Sorted(maps.Keys(damaged))
		return muster.WithHint(muster.Errorf(muster.Conflict, "%s", damageText(fact.Damaged)),
			"muster install --reinstall%s %s", a.rootArg(), strings.Join(list, " "))
	}
	return nil
}

func damageText(n int) string {
	if n == 0 {
		return "all as it should be"
	}
	return count(n, "difference") + " found"
}

func auditCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit [PACKAGE...]",
		Short: "Run the packages' own audits",
		Long: `Run audit() of installed packages, or of those named, and keep the result. The
exit code is 1 when one is ERROR.`,
		Example:           "  muster audit\n  muster audit age",
		RunE:              func(cmd *cobra.Command, args []string) error { return a.audit(cmd.Context(), args, "audit") },
		ValidArgsFunction: a.completeInstalled,
	}
	a.changeFlags(cmd)
	return cmd
}

func sessionSetupCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "session-setup [PACKAGE...]",
		Short: "Run the packages' setup for the user who calls",
		Long: `Run session_setup() of installed packages, or of those named, as the user who
calls: once for each user and version.`,
		Example:           "  muster session-setup",
		RunE:              func(cmd *cobra.Command, args []string) error { return a.sessionSetup(cmd.Context(), args) },
		ValidArgsFunction: a.completeInstalled,
	}
	a.rootFlags(cmd)
	return cmd
}

// auditFact is the JSON form of one audit.
type auditFact struct {
	Name   string        `json:"name"`
	Status muster.Status `json:"status"`
	Output string        `json:"output,omitempty"`
}

func (a *app) audit(ctx context.Context, names []string, hook string) error {
	return a.change(ctx, func(e *engine.Engine) error {
		results, err := e.Audit(ctx, names)
		if err != nil {
			return err
		}
		facts := []auditFact{}
		failed := 0
		for _, r := range results {
			facts = append(facts, auditFact(r))
			if r.Status == muster.Error {
				failed++
			}
		}
		if err := a.answer(facts, func() error {
			var rows []string
			for _, f := range facts {
				said := ""
				if f.Status != muster.OK {
					said = strings.ReplaceAll(strings.TrimSpace(f.Output), "\n", "; ")
				}
				rows = append(rows, row(f.Name, string(f.Status), said))
			}
			if len(rows) == 0 {
				a.talk("no installed package has an audit")
			}
			return a.table(rows)
		}); err != nil {
			return err
		}
		if failed > 0 {
			return muster.Errorf(muster.Conflict, "%s failed", count(failed, "audit"))
		}
		return nil
	})
}

func (a *app) sessionSetup(ctx context.Context, names []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	done, err := e.SessionSetup(ctx, names, home)
	for _, name := range done {
		a.talk("%s is set up", name)
	}
	return err
}

// language is that of the user, two letters.
func language() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); len(v) >= 2 {
			return strings.ToLower(v[:2])
		}
	}
	return "en"
}
