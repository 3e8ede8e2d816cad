package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/repo"
)

func repoCheckCommand(a *app) *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:   "check DIR|URL",
		Short: "Prove that everything listed is there, signed, and what it says",
		Long: `Read the whole repository: head, chain of trust, index, and every package with
every file. Without --trust the chain of trust is taken at its own word. The exit
code is 1 when something is wrong.`,
		Example: "  muster repo check /srv/repo --trust ca.crt\n  muster repo check https://packages.example.org --trust ca.crt --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.visitor(args[0], trust)
			if err != nil {
				return err
			}
			return a.repoCheck(cmd.Context(), c)
		},
	}
	trustFlag(cmd, &trust)
	return cmd
}

// verdictFact is the JSON form of a verdict.
type verdictFact struct {
	Repository string   `json:"repository"`
	Serial     int64    `json:"serial"`
	Packages   int      `json:"packages"`
	Bytes      int64    `json:"bytes"`
	Findings   []string `json:"findings"`
	Unlisted   []string `json:"unlisted,omitempty"`
}

func (a *app) repoCheck(ctx context.Context, c *repo.Checker) error {
	v, err := c.Check(ctx)
	if err != nil {
		return err
	}
	fact := verdictFact{Repository: v.ID, Serial: v.Serial, Packages: v.Packages, Bytes: v.Bytes, Findings: []string{}, Unlisted: v.Unlisted}
	for _, f := range v.Findings {
		fact.Findings = append(fact.Findings, f.String())
	}
	if err := a.answer(fact, func() error { return a.printVerdict(&fact) }); err != nil {
		return err
	}
	if len(fact.Findings) > 0 {
		return muster.Errorf(muster.Conflict, "%s in %q", count(len(fact.Findings), "fault"), c.Base)
	}
	return nil
}

func (a *app) printVerdict(f *verdictFact) error {
	for _, finding := range f.Findings {
		a.print("%s", finding)
	}
	for _, name := range f.Unlisted {
		a.print("%s: not listed; muster repo gc deletes it in time", name)
	}
	verdict := "everything is there and right"
	if n := len(f.Findings); n > 0 {
		verdict = count(n, "fault")
	}
	a.talk("%s: %s, %s, as of %s", verdict, count(f.Packages, "package"), size(f.Bytes), when(time.Unix(f.Serial, 0)))
	return nil
}
