package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/engine"
)

func updateCommand(a *app) *cobra.Command {
	var exitCode bool
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Look for news in the repositories",
		Long: `Ask every repository for its newest list of packages. Nothing is installed.
When nothing is new, next to nothing is transferred.

A repository whose list has expired is stale: nothing new may be installed from
it, everything else goes on, and the exit code is 6.`,
		Example: "  muster update && muster plan upgrade",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.update(cmd.Context(), exitCode) },
	}
	a.changeFlags(cmd)
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 3 when nothing is new")
	return cmd
}

// updateFact is the JSON answer for one repository.
type updateFact struct {
	Repository string `json:"repository"`
	URL        string `json:"url"`
	Serial     int64  `json:"serial"`
	News       bool   `json:"news"`
	Stale      bool   `json:"stale"`
	Lagging    bool   `json:"lagging,omitempty"`  // the mirrors that answered have an older list than the one known
	Failures   int    `json:"failures,omitempty"` // updates in a row that failed
	Expires    string `json:"expires,omitempty"`  // when the repository becomes stale
	Bytes      int64  `json:"bytes"`
	Error      string `json:"error,omitempty"`
}

func (a *app) update(ctx context.Context, exitCode bool) error {
	return a.change(ctx, func(e *engine.Engine) error {
		all, err := e.Update(ctx)
		var facts []updateFact
		news := false
		for i, u := range all {
			facts = append(facts, updateFactOf(u, e.Root.Config.Repositories[i].URLs[0]))
			news = news || u.News
		}
		if perr := a.answer(facts, func() error { return a.printUpdates(facts, e) }); perr != nil {
			return perr
		}
		if err != nil {
			return err
		}
		if exitCode && !news {
			return errNothing
		}
		return nil
	})
}

func updateFactOf(u engine.Updated, url string) updateFact {
	f := updateFact{Repository: u.ID, URL: url, Serial: u.Serial, News: u.News, Stale: u.Stale,
		Lagging: u.Lagging, Failures: u.Failures, Bytes: u.Bytes}
	if !u.Expires.IsZero() {
		f.Expires = u.Expires.UTC().Format(time.RFC3339)
	}
	if u.Err != nil {
		f.Error = u.Err.Error()
	}
	return f
}

// alarming is how many updates in a row have to fail before it is said: one
// that fails may be a server that restarts.
const alarming = 3

func (a *app) printUpdates(facts []updateFact, e *engine.Engine) error {
	upgradable := 0
	for _, f := range facts {
		switch {
		case f.Failures >= alarming:
			a.print("%s: failed %d times in a row", f.URL, f.Failures)
		case f.Error != "":
			a.print("%s: failed", f.URL)
		case f.Lagging:
			a.print("%s: nothing new, the mirror is behind, %s", f.URL, size(f.Bytes))
		case f.News:
			a.print("%s: news, %s", f.URL, size(f.Bytes))
		default:
			a.print("%s: nothing new, %s", f.URL, size(f.Bytes))
		}
	}
	p, err := e.Plan(engine.Request{Upgrade: true})
	if err != nil {
		return nil // the plan is for upgrade to complain about
	}
	defer p.Close()
	for _, s := range p.Steps {
		if s.Op == "upgrade" || s.Op == "install" {
			upgradable++
		}
	}
	if upgradable > 0 {
		a.print("%s can be upgraded: muster upgrade%s", count(upgradable, "package"), a.rootArg())
	}
	return nil
}

// count prints "1 package", "2 packages".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
